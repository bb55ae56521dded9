package query_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/metrics/metricstest"
	"earshot/metrics/query"
)

// Nobody tells when a conversation of messages began: its first message does,
// in whatever order they come.
func TestInteraction_OfMessagesBeginsWithTheFirst(t *testing.T) {
	conn := metricstest.Open(t)
	id := earshot.ConversationID("", earshot.Chat, t.Name())
	began := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	message := func(n int, at time.Time) earshot.Utterance {
		return earshot.Utterance{ID: earshot.MessageID(id, string(rune('a'+n))), Interaction: id, Channel: earshot.Chat, Role: earshot.Agent,
			At: at, Text: "hello", Confidence: 1, Facts: &earshot.Interaction{ID: id, Channel: earshot.Chat}}
	}
	metricstest.Store(t, conn, 9_000_000,
		message(1, began.Add(90*time.Second)), message(0, began),
		earshot.TranscriptEnd{Interaction: earshot.Interaction{ID: id, Channel: earshot.Chat, EndedAt: began.Add(5 * time.Minute)}, At: began.Add(5 * time.Minute)})
	d, err := query.New(conn).Interaction(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Interaction.StartedAt.Equal(began) || d.DurationMS != 300_000 {
		t.Fatalf("started %v, %d ms", d.Interaction.StartedAt, d.DurationMS)
	}
	if d.Utterances[0].StartMS != 0 || d.Utterances[1].StartMS != 90_000 {
		t.Fatalf("got %+v", d.Utterances)
	}
}
