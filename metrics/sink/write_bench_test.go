package sink_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"earshot/internal/bus"
	"earshot/metrics/metricstest"
	"earshot/metrics/sink"
)

// batch is one of 10,000 utterances of 20 words.
func batch(b *testing.B) bus.Batch {
	var values []any
	for n := range 10_000 {
		u := metricstest.Contact{N: n}.Utterances()[0]
		for len(u.Words) < 20 {
			u.Words = append(u.Words, u.Words[0])
		}
		values = append(values, u)
	}
	return metricstest.Batches(b, 0, values...)[0]
}

func report(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkWrite is the sink: JSON in, rows stored.
func BenchmarkWrite(b *testing.B) {
	conn := metricstest.Open(b)
	s := metricstest.Sink(b, conn)
	in := batch(b)
	n := 0
	for b.Loop() {
		n++
		in.Token = fmt.Sprint("write-", n)
		if err := s.Write(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
	report(b, len(in.Records))
}

// BenchmarkBareInsert is clickhouse-go alone, with the same rows ready made.
func BenchmarkBareInsert(b *testing.B) {
	conn := metricstest.Open(b)
	in := batch(b)
	var rows []sink.Row
	for _, r := range in.Records {
		made, err := sink.Rows(r)
		if err != nil {
			b.Fatal(err)
		}
		rows = append(rows, made...)
	}
	n := 0
	for b.Loop() {
		n++
		ctx := clickhouse.Context(context.Background(), clickhouse.WithColumnNamesAndTypes(rows[0].Columns),
			clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": fmt.Sprint("bare-", n, time.Now().UnixNano())}))
		out, err := conn.PrepareBatch(ctx, rows[0].Insert)
		if err != nil {
			b.Fatal(err)
		}
		for _, row := range rows {
			if err := out.Append(row.Values...); err != nil {
				b.Fatal(err)
			}
		}
		if err := out.Send(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, len(rows))
}

// BenchmarkDecode is the mapping alone.
func BenchmarkDecode(b *testing.B) {
	in := batch(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := sink.Rows(in.Records[i%len(in.Records)]); err != nil {
			b.Fatal(err)
		}
	}
}
