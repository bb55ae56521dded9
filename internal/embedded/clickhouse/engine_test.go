package clickhouse_test

import (
	"net/url"
	"strings"
	"testing"
)

// TestEngineHasWhatTheSchemaUses runs statements of the kinds that the metrics
// schema and its queries are made of.
func TestEngineHasWhatTheSchemaUses(t *testing.T) {
	post(t, "CREATE DATABASE IF NOT EXISTS features")
	defer func() { post(t, "DROP DATABASE features SYNC") }()
	for _, c := range []struct{ sql, want string }{
		{"CREATE TABLE ev (id UInt64, at DateTime64(3, 'UTC'), kind LowCardinality(String), who String, text String, v UInt64," +
			" INDEX words text TYPE ngrambf_v1(3, 4096, 3, 7)) ENGINE = ReplacingMergeTree(v) PARTITION BY toYYYYMM(at) ORDER BY id" +
			" TTL toDateTime(at) + INTERVAL 10 YEAR SETTINGS non_replicated_deduplication_window = 1000", ""},
		{"CREATE TABLE agg (kind LowCardinality(String), n AggregateFunction(uniq, UInt64), q AggregateFunction(quantile(0.5), UInt64))" +
			" ENGINE = AggregatingMergeTree ORDER BY kind", ""},
		{"CREATE MATERIALIZED VIEW mv TO agg AS SELECT kind, uniqState(id) AS n, quantileState(0.5)(v) AS q FROM ev GROUP BY kind", ""},
		{"CREATE TABLE latest (n UInt64) ENGINE = MergeTree ORDER BY n", ""},
		{"CREATE MATERIALIZED VIEW refreshed REFRESH EVERY 1 HOUR TO latest AS SELECT count() AS n FROM ev", ""},
		{"INSERT INTO ev SELECT number, toDateTime64('2026-11-23 10:00:00', 3, 'UTC') + number, ['offered', 'answered', 'ended'][number % 3 + 1], 'a', '我要退款', 1 FROM numbers(9)", ""},
		{"INSERT INTO ev SELECT 0, toDateTime64('2026-11-23 10:00:00', 3, 'UTC'), 'offered', 'b', '改', 2", ""},
		{"SELECT who FROM ev FINAL WHERE id = 0", "b\n"},
		{"SELECT argMax(who, v) FROM ev WHERE id = 0", "b\n"},
		{"SELECT uniqMerge(n) FROM agg WHERE kind = 'ended'", "3\n"},
		{"SELECT windowFunnel(10)(toDateTime(at), kind = 'offered', kind = 'answered', kind = 'ended') FROM ev", "3\n"},
		{"SELECT sequenceMatch('(?1).*(?2)')(toDateTime(at), kind = 'offered', kind = 'ended') FROM ev", "1\n"},
		{"SELECT sequenceCount('(?1)(?2)')(toDateTime(at), kind = 'answered', kind = 'ended') FROM ev", "3\n"},
		{"SELECT retention(kind = 'offered', kind = 'ended') FROM ev", "[1,1]\n"},
		{"SELECT max(r) FROM (SELECT row_number() OVER (PARTITION BY kind ORDER BY at) AS r FROM ev FINAL)", "3\n"},
		{"SELECT count() FROM ev FINAL WHERE text LIKE '%退款%'", "8\n"},
		{"DELETE FROM ev WHERE id = 8", ""},
		{"SELECT count() FROM ev FINAL", "8\n"},
		{"ALTER TABLE ev UPDATE who = 'c' WHERE id = 1 SETTINGS mutations_sync = 2", ""},
		{"ALTER TABLE ev ADD COLUMN note String DEFAULT 'x' AFTER text", ""},
		{"SELECT who, note FROM ev FINAL WHERE id = 1", "c\tx\n"},
		{"OPTIMIZE TABLE ev FINAL", ""},
		{"SYSTEM REFRESH VIEW refreshed", ""},
		{"SYSTEM WAIT VIEW refreshed", ""},
		{"SELECT count() > 0 FROM latest", "1\n"},
		{"CREATE VIEW v AS SELECT kind, count() AS n FROM ev FINAL GROUP BY kind", ""},
		{"SELECT sum(n) FROM v", "8\n"},
		{"SELECT count() > 0 FROM system.parts WHERE database = 'features' AND active", "1\n"},
		{"SELECT count() FROM system.mutations WHERE database = 'features' AND NOT is_done", "0\n"},
		{"RENAME TABLE agg TO agg2", ""},
		{"EXCHANGE TABLES agg2 AND latest", ""},
		{"CREATE TABLE j (d JSON) ENGINE = MergeTree ORDER BY tuple()", ""},
		{`INSERT INTO j VALUES ('{"a":{"b":1}}')`, ""},
		{"SELECT d.a.b FROM j", "1\n"},
		{"CREATE FUNCTION IF NOT EXISTS features_half AS (x) -> x / 2", ""},
		{"SELECT features_half(3)", "1.5\n"},
		{"DROP FUNCTION features_half", ""},
		{"EXPLAIN indexes = 1 SELECT * FROM ev WHERE id = 3", "*"},
		{"DROP TABLE mv SYNC", ""},
		{"TRUNCATE TABLE ev", ""},
	} {
		got := post(t, c.sql, "database", "features")
		if got.StatusCode != 200 || c.want != "*" && got.body != c.want {
			t.Errorf("%s: %d %q, want %q", c.sql, got.StatusCode, got.body, c.want)
		}
	}
}

func TestReadOnlySettingHoldsForItsRequest(t *testing.T) {
	post(t, "CREATE TABLE IF NOT EXISTS held (n UInt64) ENGINE = MergeTree ORDER BY n")
	for _, level := range []string{"1", "2"} {
		if got := post(t, "SELECT 1", "readonly", level, "max_threads", "1"); got.body != "1\n" {
			t.Errorf("reading with readonly=%s: %s", level, got.body)
		}
		if got := post(t, "INSERT INTO held VALUES (1)", "readonly", level); got.code() != "164" {
			t.Errorf("writing with readonly=%s: %d %s", level, got.StatusCode, got.body)
		}
	}
	if got := post(t, "INSERT INTO held VALUES (1)"); got.StatusCode != 200 {
		t.Errorf("a later request: %s", got.body)
	}
}

func TestConcurrentRequestsBeyondTheBoundWait(t *testing.T) {
	needEngine(t)
	const clients = 40 // the bound is 16
	done := make(chan answer, clients)
	for range clients {
		go func() {
			done <- do(t, "GET", url.Values{"query": {"SELECT sleep(0.05)"}}, nil)
		}()
	}
	for range clients {
		if got := <-done; got.StatusCode != 200 || strings.TrimSpace(got.body) != "0" {
			t.Errorf("%d %s", got.StatusCode, got.body)
		}
	}
}
