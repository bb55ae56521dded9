package earshot_test

import (
	"testing"
	"time"

	"earshot"
)

func TestPlace_CountsMessagesFromTheEarliestAndLeavesSpeechAlone(t *testing.T) {
	us := []earshot.Utterance{
		{Channel: earshot.Chat, At: at.Add(1500 * time.Millisecond)},
		{Channel: earshot.Chat, At: at, StartMS: 7},
		{Channel: earshot.Voice, At: at.Add(-time.Hour), StartMS: 40, EndMS: 90},
	}
	earshot.Place(us)
	for k, want := range [][2]int64{{1500, 1500}, {0, 0}, {40, 90}} {
		if got := [2]int64{us[k].StartMS, us[k].EndMS}; got != want {
			t.Errorf("%d: got %v, want %v", k, got, want)
		}
	}
}
