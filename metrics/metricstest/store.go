package metricstest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
	"earshot/metrics/sink"
)

// Message returns the Kafka message of a record of the domain.
func Message(t testing.TB, v any) bus.Message {
	t.Helper()
	m := bus.Message{Source: "test"}
	set := func(topic, kind, id string, i earshot.InteractionID, at time.Time) {
		m.Topic, m.Type, m.ID, m.Interaction, m.Time = topic, kind, id, i, at
	}
	switch v := v.(type) {
	case earshot.Utterance:
		set(earshot.TopicUtterances, earshot.TypeUtterance, string(v.ID), v.Interaction, v.At)
	case earshot.TranscriptEnd:
		set(earshot.TopicUtterances, earshot.TypeTranscriptEnd, string(v.Interaction.ID), v.Interaction.ID, v.At)
	case earshot.Event:
		set(earshot.TopicEvents, earshot.TypeEvent, string(v.ID), v.Facts.ID, v.At)
	case earshot.Evaluation:
		set(earshot.TopicResults, earshot.TypeEvaluation, string(v.ID), v.Interaction, v.At)
	case earshot.Alert:
		set(earshot.TopicResults, earshot.TypeAlert, string(v.ID), v.Interaction, v.At)
	case earshot.Review:
		set(earshot.TopicReviews, earshot.TypeReview, string(v.ID), v.Interaction, v.At)
	default:
		t.Fatalf("%T is no record", v)
	}
	var err error
	if m.Value, err = json.Marshal(v); err != nil {
		t.Fatal(err)
	}
	return m
}

// Batches returns the values as one batch a topic, of partition 0, beginning at
// offset first.
func Batches(t testing.TB, first int64, values ...any) []bus.Batch {
	t.Helper()
	var out []bus.Batch
	at := map[string]int{}
	for _, v := range values {
		m := Message(t, v)
		i, ok := at[m.Topic]
		if !ok {
			i = len(out)
			at[m.Topic] = i
			out = append(out, bus.Batch{Topic: m.Topic, First: first, Last: first - 1})
		}
		out[i].Last++
		out[i].Records = append(out[i].Records, &bus.Record{Message: m, Offset: out[i].Last})
	}
	for i, b := range out {
		out[i].Token = fmt.Sprintf("%s-%d-%d-%d", b.Topic, b.Partition, b.First, b.Last)
	}
	return out
}

// Sink returns a sink into conn that has no Kafka.
func Sink(t testing.TB, conn driver.Conn) *sink.Service {
	t.Helper()
	s, err := sink.New(sink.DefaultConfig(), nil, conn, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Store writes the values through the sink; offsets begin at first, which must
// differ between two calls in one test.
func Store(t testing.TB, conn driver.Conn, first int64, values ...any) {
	t.Helper()
	s := Sink(t, conn)
	for _, b := range Batches(t, first, values...) {
		if err := s.Write(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// Count returns the rows of a table or view of Earshot's database.
func Count(t testing.TB, conn driver.Conn, name string) int {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(context.Background(), "SELECT count() FROM earshot."+name).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return int(n)
}
