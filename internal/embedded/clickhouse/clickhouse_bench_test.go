package clickhouse_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// BenchmarkInsert sends batches of utterance-like rows.
func BenchmarkInsert(b *testing.B) {
	for _, rows := range []int{1_000, 10_000, 100_000} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) {
			conn := connect(b, func(o *ch.Options) { o.Compression = &ch.Compression{Method: ch.CompressionLZ4} })
			table := fresh(b, conn, `(id UInt64, at DateTime64(3, 'UTC'), queue LowCardinality(String), text String, score Float32)
				ENGINE = MergeTree ORDER BY id`)
			ctx := ch.Context(b.Context(), ch.WithColumnNamesAndTypes([]ch.ColumnNameAndType{
				{Name: "id", Type: "UInt64"}, {Name: "at", Type: "DateTime64(3, 'UTC')"}, {Name: "queue", Type: "LowCardinality(String)"},
				{Name: "text", Type: "String"}, {Name: "score", Type: "Float32"},
			}))
			next := 0
			for b.Loop() {
				insertBench(b, ctx, conn, table, next, rows)
				next += rows
			}
			b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func insertBench(b *testing.B, ctx context.Context, conn driver.Conn, table string, from, rows int) {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+table+" (id, at, queue, text, score)")
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i := from; i < from+rows; i++ {
		if err := batch.Append(uint64(i), at, "sales", "我想退款 I would like a refund for my order please", float32(i%100)); err != nil {
			b.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPointQuery reads one row by its key.
func BenchmarkPointQuery(b *testing.B) {
	conn := connect(b)
	table := fresh(b, conn, "(id UInt64, s String) ENGINE = MergeTree ORDER BY id")
	execute(b, conn, "INSERT INTO "+table+" SELECT number, toString(number) FROM numbers(100000)")
	i := uint64(0)
	for b.Loop() {
		i = (i + 7919) % 100_000
		if got := one[string](b, conn, "SELECT s FROM "+table+" WHERE id = {id:UInt64}", ch.Named("id", strconv.FormatUint(i, 10))); got != strconv.FormatUint(i, 10) {
			b.Fatalf("row %d holds %q", i, got)
		}
	}
}
