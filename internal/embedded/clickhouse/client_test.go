package clickhouse_test

import (
	"context"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// needEngine skips when libchdb is missing.
func needEngine(t testing.TB) {
	t.Helper()
	if shared == nil {
		t.Skip("libchdb.so is missing: run make setup")
	}
}

// options reach the shared server.
func options(t testing.TB) *ch.Options {
	needEngine(t)
	return &ch.Options{
		Addr: []string{shared.Addr()}, Protocol: ch.HTTP,
		Auth: ch.Auth{Username: "default", Password: "pw"},
	}
}

// connect opens a clickhouse-go client on the shared server.
func connect(t testing.TB, change ...func(*ch.Options)) driver.Conn {
	t.Helper()
	o := options(t)
	for _, f := range change {
		f(o)
	}
	conn, err := ch.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func exec(t testing.TB, conn driver.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestBatchInsertedIsReadBack(t *testing.T) {
	conn, ctx := connect(t), t.Context()
	exec(t, conn, "CREATE TABLE first (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO first (n, s)")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := batch.Append(uint64(i), "你好"); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	var n, sum uint64
	var s string
	if err := conn.QueryRow(ctx, "SELECT count(), sum(n), any(s) FROM first").Scan(&n, &sum, &s); err != nil {
		t.Fatal(err)
	}
	if n != 1000 || sum != 999*500 || s != "你好" {
		t.Errorf("got %d rows, sum %d, text %q", n, sum, s)
	}
}
