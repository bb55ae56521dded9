// Package metricstest gives tests a ClickHouse with Earshot's schema in it: the
// embedded engine, or the one that EARSHOT_TEST_CLICKHOUSE names.
package metricstest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
	"earshot/internal/embedded/clickhouse"
	"earshot/internal/need"
	"earshot/metrics"
	"earshot/metrics/schema"
)

// Env names a ClickHouse by its HTTP URL, such as http://user:password@host:8123,
// whose database earshot the tests may empty; run the packages one by one then
// (go test -p 1).
const Env = "EARSHOT_TEST_CLICKHOUSE"

// Run is a TestMain: it starts the embedded engine, unless Env names another
// ClickHouse, runs the tests and returns the exit code. A process can have one
// engine only, which is why the tests of a package share it.
func Run(m *testing.M) int {
	if os.Getenv(Env) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "earshot-clickhouse-")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	server, err := clickhouse.Start(context.Background(), clickhouse.Config{Dir: dir, Listen: "127.0.0.1:0", Password: password})
	if earshot.KindOf(err) == earshot.NotFound && !need.Everything() {
		return m.Run()
	}
	if err != nil {
		return complain(err)
	}
	if err := os.Setenv(Env, "http://default:"+password+"@"+server.Addr()); err != nil {
		return complain(err)
	}
	code := m.Run()
	if err := server.Close(); err != nil {
		return complain(err)
	}
	return code
}

const password = "test"

func complain(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// Config returns how to reach the test's ClickHouse, which may hold no schema
// yet; without one it skips the test, or fails it where all must run.
func Config(t testing.TB) metrics.Config {
	t.Helper()
	need.That(t, os.Getenv(Env) != "", "libchdb.so (make setup), or a ClickHouse that "+Env+" names,")
	c := metrics.DefaultConfig()
	u, err := url.Parse(os.Getenv(Env))
	if err != nil {
		t.Fatalf("cannot read %s: %v", Env, err)
	}
	c.Addr = []string{u.Host}
	c.User = u.User.Username()
	c.Password, _ = u.User.Password()
	return c
}

// Open returns connections to the test's ClickHouse with every table there and
// empty.
func Open(t testing.TB) driver.Conn {
	t.Helper()
	ctx, cfg := context.Background(), Config(t)
	db, err := metrics.OpenDB(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := schema.Up(ctx, db); err != nil {
		t.Fatal(err)
	}
	conn, err := metrics.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	empty(t, conn)
	return conn
}

func empty(t testing.TB, conn driver.Conn) {
	t.Helper()
	ctx := context.Background()
	rows, err := conn.Query(ctx, "SELECT name FROM system.tables WHERE database = {db:String} AND engine LIKE '%MergeTree' AND name != 'schema_version'",
		driver.NamedValue{Name: "db", Value: schema.Database})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := conn.Exec(ctx, "TRUNCATE TABLE "+schema.Database+"."+name); err != nil {
			t.Fatal(err)
		}
	}
}
