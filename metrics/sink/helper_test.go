package sink_test

import (
	"context"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
	"earshot/internal/bus"
	"earshot/metrics/metricstest"
	"earshot/metrics/sink"
)

var clickhouseNamed = clickhouse.Named

func exec(t *testing.T, conn driver.Conn, query string) {
	t.Helper()
	if err := conn.Exec(context.Background(), query); err != nil {
		t.Fatal(err)
	}
}

// stopMerges keeps the engine from hiding a repetition by merging it away.
func stopMerges(t *testing.T, conn driver.Conn) {
	t.Helper()
	exec(t, conn, "SYSTEM STOP MERGES")
	t.Cleanup(func() { exec(t, conn, "SYSTEM START MERGES") })
}

func writeAll(t *testing.T, s *sink.Service, batches []bus.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := s.Write(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// utterances are n utterances, each of its own contact.
func utterances(n int) []any {
	var out []any
	for i := range n {
		var u earshot.Utterance = metricstest.Contact{N: i}.Utterances()[0]
		out = append(out, u)
	}
	return out
}
