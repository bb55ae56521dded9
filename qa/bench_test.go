package qa_test

import (
	"fmt"
	"testing"

	"earshot"
	"earshot/qa"
)

// BenchmarkScore scores one call of 200 utterances by the default scorecard.
func BenchmarkScore(b *testing.B) {
	end, script := transcript(b, "voice-en-angry")
	var utterances []earshot.Utterance
	for i := range 200 {
		u := script[i%len(script)]
		u.ID = earshot.UtteranceID(fmt.Sprint(i))
		u.StartMS += int64(i/len(script)) * 50_000
		u.EndMS += int64(i/len(script)) * 50_000
		utterances = append(utterances, u)
	}
	card := defaults(b).For(end.Interaction)
	b.ReportAllocs()
	for b.Loop() {
		if e := qa.Score(card, end, utterances); e.Utterances != 200 {
			b.Fatal(e.Utterances)
		}
	}
}
