package sink_test

import (
	"testing"

	"earshot"
	"earshot/internal/bus"
	"earshot/metrics/metricstest"
	"earshot/metrics/sink"
)

func kinds() []string {
	return []string{earshot.TypeUtterance, earshot.TypeTranscriptEnd, earshot.TypeEvent, earshot.TypeEvaluation, earshot.TypeAlert, earshot.TypeReview}
}

// Whatever the bytes, a record becomes rows that fit their tables, or an error
// that sends it to the dead letters: never a retry.
func FuzzDecode(f *testing.F) {
	for _, v := range contact(1) {
		m := metricstest.Message(f, v)
		for i, k := range kinds() {
			if k == m.Type {
				f.Add(uint8(i), m.Value)
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, value []byte) {
		r := &bus.Record{Message: bus.Message{Topic: "t", Type: kinds()[int(kind)%len(kinds())], Value: value}}
		rows, err := sink.Rows(r)
		if err != nil {
			if earshot.KindOf(err) != earshot.Invalid {
				t.Fatalf("kind %v: %v", earshot.KindOf(err), err)
			}
			return
		}
		if len(rows) == 0 {
			t.Fatal("a record vanished")
		}
		for _, row := range rows {
			if len(row.Values) != len(row.Columns) {
				t.Fatalf("%s: %d values for %d columns", row.Insert, len(row.Values), len(row.Columns))
			}
		}
	})
}

func TestRows_ATombstoneIsNothingToStoreAndNoDeadLetter(t *testing.T) {
	rows, err := sink.Rows(&bus.Record{Message: bus.Message{Topic: earshot.TopicReviews, Key: "i/r"}})
	if len(rows) != 0 || err != nil {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
}
