package clickhouse_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"earshot/internal/await"
	"earshot/internal/need"
)

// needEngine skips when libchdb is missing, and fails where all tests must run.
func needEngine(t testing.TB) {
	t.Helper()
	need.That(t, shared != nil, "libchdb.so (make setup)")
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

func execute(t testing.TB, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// fresh makes a table of its own for the test and returns its name.
func fresh(t testing.TB, conn driver.Conn, definition string) string {
	t.Helper()
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	execute(t, conn, "CREATE TABLE "+name+" "+definition)
	t.Cleanup(func() { execute(t, conn, "DROP TABLE "+name+" SYNC") })
	return name
}

// one scans the first row of a query.
func one[T any](t testing.TB, conn driver.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// send inserts rows into a table as one batch.
func send(ctx context.Context, conn driver.Conn, table string, rows ...[]any) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+table)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := batch.Append(row...); err != nil {
			return err
		}
	}
	return batch.Send()
}

func TestServerIsKnownByVersionAndPing(t *testing.T) {
	conn := connect(t)
	if err := conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := conn.ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if v.Version.Major < 26 || !strings.HasPrefix(shared.Version(), fmt.Sprint(v.Version.Major)+".") {
		t.Errorf("got version %v, server says %s", v.Version, shared.Version())
	}
}

func TestEveryColumnTypeComesBackAsItWent(t *testing.T) {
	conn := connect(t, func(o *ch.Options) {
		o.Settings = ch.Settings{"output_format_native_write_json_as_string": 1}
	})
	table := fresh(t, conn, `(
		u UInt64, i Int8, f Float64, s String, fs FixedString(3), b Bool, id UUID, d Date,
		ts DateTime64(3, 'UTC'), lc LowCardinality(String), n Nullable(String), m Map(String, UInt32),
		a Array(String), dec Decimal(18, 4), ip IPv6, e Enum8('call' = 1, 'chat' = 2), tu Tuple(String, Int32)
	) ENGINE = MergeTree ORDER BY u`)
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	text := "退款 refund \x00\xff"
	row := []any{uint64(1 << 63), int8(-5), 0.1, text, "abc", true, uuid.MustParse("0192f0c1-2345-7000-8000-000000000001"), day,
		day.Add(1500 * time.Millisecond), "agent", (*string)(nil), map[string]uint32{"a": 1, "乙": 2},
		[]string{"x", ""}, decimal.New(12345, -4), net.ParseIP("2001:db8::1"), "chat", []any{"t", int32(-1)}}
	if err := send(t.Context(), conn, table, row); err != nil {
		t.Fatal(err)
	}
	var (
		u            uint64
		i            int8
		f            float64
		s, fs, lc, e string
		b            bool
		id           uuid.UUID
		d, ts        time.Time
		n            *string
		m            map[string]uint32
		a            []string
		dec          decimal.Decimal
		ip           net.IP
		tu           []any
	)
	if err := conn.QueryRow(t.Context(), "SELECT * FROM "+table).Scan(&u, &i, &f, &s, &fs, &b, &id, &d, &ts, &lc, &n, &m, &a, &dec, &ip, &e, &tu); err != nil {
		t.Fatal(err)
	}
	if u != 1<<63 || i != -5 || f != 0.1 || s != text || fs != "abc" || !b || id != row[6] || !d.Equal(day) ||
		!ts.Equal(day.Add(1500*time.Millisecond)) || lc != "agent" || n != nil || m["乙"] != 2 || len(m) != 2 ||
		!slices.Equal(a, []string{"x", ""}) || dec.Coefficient().Cmp(big.NewInt(12345)) != 0 ||
		!ip.Equal(net.ParseIP("2001:db8::1")) || e != "chat" || fmt.Sprint(tu) != "[t -1]" {
		t.Errorf("got %v", []any{u, i, f, s, fs, b, id, d, ts, lc, n, m, a, dec, ip, e, tu})
	}
}

func TestJSONColumnsAreReadNatively(t *testing.T) {
	conn := connect(t)
	table := fresh(t, conn, "(j JSON) ENGINE = MergeTree ORDER BY tuple()")
	execute(t, conn, "INSERT INTO "+table+` FORMAT JSONEachRow {"j":{"agent":{"name":"李"},"score":87}}`)
	if got := one[string](t, conn, "SELECT j.agent.name::String FROM "+table); got != "李" {
		t.Errorf("got %q", got)
	}
	var j ch.JSON
	if err := conn.QueryRow(t.Context(), "SELECT j FROM "+table).Scan(&j); err != nil {
		t.Fatal(err)
	}
	if v, ok := j.ValueAtPath("score"); !ok || !strings.Contains(fmt.Sprint(v), "87") {
		t.Errorf("score is %v", v)
	}
}

func TestEachCompressionCarriesInsertsAndSelects(t *testing.T) {
	for _, method := range []ch.CompressionMethod{ch.CompressionNone, ch.CompressionLZ4, ch.CompressionZSTD, ch.CompressionGZIP, ch.CompressionDeflate} {
		t.Run(method.String(), func(t *testing.T) {
			conn := connect(t, func(o *ch.Options) {
				o.Compression = &ch.Compression{Method: method, Level: 1}
				if method == ch.CompressionGZIP {
					o.Settings = ch.Settings{"enable_http_compression": 1}
				}
			})
			table := fresh(t, conn, "(n UInt64, s String) ENGINE = MergeTree ORDER BY n")
			rows := make([][]any, 50_000)
			for i := range rows {
				rows[i] = []any{uint64(i), "这是第几句话"}
			}
			if err := send(t.Context(), conn, table, rows...); err != nil {
				t.Fatal(err)
			}
			got, err := conn.Query(t.Context(), "SELECT n, s FROM "+table+" ORDER BY n")
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			var want, n uint64
			var s string
			for ; got.Next(); want++ {
				if err := got.Scan(&n, &s); err != nil || n != want || s != "这是第几句话" {
					t.Fatalf("row %d is %d %q, %v", want, n, s, err)
				}
			}
			if got.Err() != nil || want != uint64(len(rows)) {
				t.Errorf("read %d rows, %v", want, got.Err())
			}
			_, err = conn.Query(t.Context(), "SELECT * FROM nothing_here")
			if code := codeOf(err); code != 60 {
				t.Errorf("unknown table gives %v", err)
			}
		})
	}
}

// codeOf is the code of the ClickHouse exception in err, 0 without one.
func codeOf(err error) int32 {
	var e *ch.Exception
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestSettingsApplyToOneQuery(t *testing.T) {
	conn := connect(t)
	ctx := ch.Context(t.Context(), ch.WithSettings(ch.Settings{"max_threads": 3}))
	var n string
	if err := conn.QueryRow(ctx, "SELECT toString(getSetting('max_threads'))").Scan(&n); err != nil || n != "3" {
		t.Errorf("max_threads is %q, %v", n, err)
	}
	if n := one[string](t, conn, "SELECT toString(getSetting('max_threads'))"); n == "3" {
		t.Error("the setting outlived its query")
	}
	ctx = ch.Context(t.Context(), ch.WithSettings(ch.Settings{"no_such_setting": 1}))
	if err := conn.Exec(ctx, "SELECT 1"); codeOf(err) != 115 {
		t.Errorf("unknown setting gives %v", err)
	}
	ctx = ch.Context(t.Context(), ch.WithSettings(ch.Settings{"max_execution_time": 0.2}))
	if err := conn.Exec(ctx, "SELECT sum(sleepEachRow(0.1)) FROM numbers(100) SETTINGS max_block_size = 1"); codeOf(err) != 159 {
		t.Errorf("an endless query gives %v", err)
	}
	if got := one[bool](t, conn, "SELECT getSetting('async_insert')"); got {
		t.Error("async_insert is on: an acknowledged insert may not be written")
	}
}

func TestParametersAreBoundByTypeAndByClient(t *testing.T) {
	conn := connect(t)
	hostile := `it's "quoted" \ 引号 '); DROP TABLE x; --`
	ctx := ch.Context(t.Context(), ch.WithParameters(ch.Parameters{"n": "42", "s": "plain 中文"}))
	var n uint64
	var s string
	if err := conn.QueryRow(ctx, "SELECT {n:UInt64}, {s:String}").Scan(&n, &s); err != nil || n != 42 || s != "plain 中文" {
		t.Errorf("got %d %q, %v", n, s, err)
	}
	if got := one[string](t, conn, "SELECT ?", hostile); got != hostile {
		t.Errorf("positional: got %q", got)
	}
	if got := one[string](t, conn, "SELECT @s", ch.Named("s", hostile)); got != hostile {
		t.Errorf("named: got %q", got)
	}
}

func TestRepeatedTokenInsertsOnce(t *testing.T) {
	conn := connect(t)
	const dedup = " SETTINGS non_replicated_deduplication_window = 100"
	table := fresh(t, conn, "(n UInt64) ENGINE = MergeTree ORDER BY n"+dedup)
	sums := fresh(t, conn, "(k UInt8, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k"+dedup)
	execute(t, conn, "CREATE MATERIALIZED VIEW "+table+"_mv TO "+sums+" AS SELECT 1 AS k, sum(n) AS n FROM "+table+" GROUP BY k")
	t.Cleanup(func() { execute(t, conn, "DROP VIEW "+table+"_mv SYNC") })
	for range 3 {
		ctx := ch.Context(t.Context(), ch.WithSettings(ch.Settings{"insert_deduplication_token": "results-0-1-2"}))
		if err := send(ctx, conn, table, []any{uint64(5)}, []any{uint64(6)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := one[uint64](t, conn, "SELECT count() FROM "+table); n != 2 {
		t.Errorf("the table has %d rows, want 2", n)
	}
	if n := one[uint64](t, conn, "SELECT sum(n) FROM "+sums); n != 11 {
		t.Errorf("the materialized view sums to %d, want 11", n)
	}
}

func TestSessionKeepsItsTemporaryTable(t *testing.T) {
	conn := connect(t, func(o *ch.Options) {
		o.Settings = ch.Settings{"session_id": uuid.NewString(), "session_timeout": 5}
		o.MaxOpenConns = 1
	})
	execute(t, conn, "CREATE TEMPORARY TABLE mine (n UInt64)")
	execute(t, conn, "INSERT INTO mine VALUES (7)")
	if n := one[uint64](t, conn, "SELECT n FROM mine"); n != 7 {
		t.Errorf("got %d", n)
	}
	if err := connect(t).Exec(t.Context(), "SELECT n FROM mine"); codeOf(err) != 60 {
		t.Errorf("another session sees the temporary table: %v", err)
	}
}

// running counts the engine's queries that hold this text.
func running(t testing.TB, conn driver.Conn, text string) uint64 {
	return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE position(query, ?) > 0 AND position(query, 'system.processes') = 0", text)
}

func TestCancelledContextStopsTheQuery(t *testing.T) {
	conn := connect(t)
	mark := uuid.NewString()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		failed <- conn.Exec(ctx, "SELECT '"+mark+"', sum(sleepEachRow(0.01)) FROM numbers(100000) SETTINGS max_block_size = 10, function_sleep_max_microseconds_per_block = 0")
	}()
	await.That(t, "the query runs", func() bool { return running(t, conn, mark) == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the client saw %v", err)
	}
	await.That(t, "the query has ended", func() bool { return running(t, conn, mark) == 0 })
}

func TestExceptionInTheMiddleOfAResultIsTyped(t *testing.T) {
	for _, method := range []ch.CompressionMethod{ch.CompressionNone, ch.CompressionLZ4} {
		conn := connect(t, func(o *ch.Options) { o.Compression = &ch.Compression{Method: method} })
		rows, err := conn.Query(t.Context(), "SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_threads = 1")
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for rows.Next() {
			seen++
		}
		if codeOf(rows.Err()) != 395 || seen < 1_000_000 {
			t.Errorf("%s: after %d rows: %v", method, seen, rows.Err())
		}
		if err := rows.Close(); err != nil && codeOf(err) != 395 {
			t.Error(err)
		}
	}
}

// TestGrafanaQueriesWork sends what Grafana's ClickHouse data source sends:
// database/sql over clickhouse-go's HTTP protocol.
func TestGrafanaQueriesWork(t *testing.T) {
	conn := connect(t)
	table := fresh(t, conn, "(ts DateTime64(3, 'UTC'), queue LowCardinality(String), n UInt32) ENGINE = MergeTree ORDER BY ts")
	execute(t, conn, "INSERT INTO "+table+" SELECT toDateTime64('2026-11-23 10:00:00', 3, 'UTC') + number * 60, 'sales', number FROM numbers(60)")
	o := options(t)
	o.Auth.Database = "earshot"
	o.Settings = ch.Settings{"max_execution_time": 60}
	db := ch.OpenDB(o)
	defer db.Close()
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"SELECT version()",
		"SELECT timezone()",
		"SHOW DATABASES",
		"SHOW TABLES FROM `earshot`",
		"SELECT name FROM system.databases",
		"SELECT database, name FROM system.tables WHERE database NOT IN ('system', 'INFORMATION_SCHEMA') ORDER BY name",
		"SELECT name, type, table FROM system.columns WHERE database = 'earshot' AND table = '" + table + "'",
		"DESC TABLE \"earshot\".\"" + table + "\"",
		"DESCRIBE TABLE \"earshot\".\"" + table + "\" SETTINGS describe_compact_output = 1",
		"SELECT name FROM system.functions LIMIT 5",
		"SELECT toStartOfInterval(toDateTime(ts), INTERVAL 300 second) AS time, queue, sum(n) FROM " + table +
			" WHERE ts >= fromUnixTimestamp64Milli(1795428000000) AND ts <= toDateTime(1795431600) GROUP BY time, queue ORDER BY time LIMIT 1000",
		"SELECT getSetting('max_execution_time')",
	} {
		rows, err := db.QueryContext(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		if n := drain(t, rows); n == 0 {
			t.Errorf("%s: no rows", q)
		}
	}
}

// drain reads all rows as a data source without knowledge of the types does.
func drain(t testing.TB, rows *sql.Rows) int {
	t.Helper()
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; rows.Next(); n++ {
		values := make([]any, len(types))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWrongPasswordIsRefused(t *testing.T) {
	conn := connect(t, func(o *ch.Options) { o.Auth.Password = "wrong" })
	if err := conn.Ping(t.Context()); codeOf(err) != 516 {
		t.Errorf("got %v", err)
	}
}

func TestManyClientsAtOnceAreServed(t *testing.T) {
	conn := connect(t, func(o *ch.Options) { o.MaxOpenConns = 40; o.MaxIdleConns = 40 })
	failed := make(chan error, 40)
	for i := range 40 {
		go func() {
			var n uint64
			err := conn.QueryRow(t.Context(), "SELECT sum(number) FROM numbers(?)", 1000+i).Scan(&n)
			if want := uint64((1000 + i) * (999 + i) / 2); err == nil && n != want {
				err = fmt.Errorf("got %d, want %d", n, want)
			}
			failed <- err
		}()
	}
	for range 40 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
