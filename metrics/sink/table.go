package sink

import (
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// table is a ClickHouse table with the columns that the sink writes. The types
// are written as the server prints them; the client knows no others.
type table struct {
	name    string
	columns []clickhouse.ColumnNameAndType
	insert  string
}

const (
	text    = "String"
	word    = "LowCardinality(String)"
	instant = "DateTime64(3, 'UTC')"
	count64 = "UInt64"
)

// position is where the record stood; every table ends with it.
func position() []string {
	return []string{"topic", word, "partition", "Int32", "offset", "Int64"}
}

// newTable takes names and types by turns.
func newTable(name string, columns ...string) *table {
	t := &table{name: "earshot." + name}
	columns = append(columns, position()...)
	var names []string
	for i := 0; i < len(columns); i += 2 {
		t.columns = append(t.columns, clickhouse.ColumnNameAndType{Name: columns[i], Type: columns[i+1]})
		names = append(names, columns[i])
	}
	t.insert = "INSERT INTO " + t.name + " (" + strings.Join(names, ", ") + ")"
	return t
}

// tables are all that the sink writes, by what they hold.
type tables struct {
	facts, utterances, events, evaluations, criteria, alerts, reviews *table
}

// all returns the tables in the order in which a batch is written: the facts
// last, so that an interaction that is listed has what made it known.
func (t *tables) all() []*table {
	return []*table{t.utterances, t.events, t.criteria, t.evaluations, t.alerts, t.reviews, t.facts}
}

func newTables() *tables {
	return &tables{
		facts: newTable("interaction_facts",
			"interaction", text, "stamp", count64, "at", instant, "source", word, "tenant", word,
			"channel", word, "direction", word, "queue", word, "region", word, "language", word,
			"agent", word, "agent_name", word, "customer", text, "customer_hash", text,
			"started_at", instant, "queued_at", instant, "answered_at", instant, "ended_at", instant,
			"disposition", word, "duration_ms", "Int64", "leg_ids", "Array(String)", "legs", "Array(String)",
			"attributes", "Map(LowCardinality(String), String)"),
		utterances: newTable("utterances",
			"id", text, "interaction", text, "tenant", word, "channel", word, "leg", text, "role", word,
			"start_ms", "Int64", "end_ms", "Int64", "at", instant, "text", text, "language", word,
			"confidence", "Float64", "words", text, "redactions", text,
			"facts", text, "version", count64),
		events: newTable("events",
			"id", text, "interaction", text, "type", word, "at", instant, "source", word, "tenant", word,
			"channel", word, "queue", word, "region", word, "agent", word, "state", word,
			"data", "Map(LowCardinality(String), String)", "body", text, "version", count64),
		evaluations: newTable("evaluations",
			"id", text, "interaction", text, "tenant", word, "track", word, "scorecard", word,
			"scorecard_name", word, "scorecard_hash", word, "at", instant, "score", "Float64",
			"scored", "Bool", "passed", "Bool", "fatal", "Bool", "utterances", "UInt32",
			"failed", "Array(LowCardinality(String))", "measures", "Map(LowCardinality(String), Float64)",
			"model", word, "body", text, "version", count64),
		criteria: newTable("criteria_results",
			"interaction", text, "tenant", word, "track", word, "evaluation", text, "scorecard", word,
			"criterion", word, "name", word, "name_zh", word, "section", word, "position", "UInt16",
			"verdict", word, "points", "Float64", "max_points", "Float64", "fatal", "Bool",
			"confidence", "Float64", "reviewed", "Bool", "advice", text, "advice_zh", text,
			"at", instant, "version", count64),
		alerts: newTable("alerts",
			"id", text, "interaction", text, "tenant", word, "rule", word, "name", word, "name_zh", word,
			"severity", word, "at", instant, "body", text, "version", count64),
		reviews: newTable("reviews",
			"id", text, "interaction", text, "tenant", word, "evaluation", text, "criterion", word,
			"action", word, "verdict", word, "comment", text, "by", word, "by_role", word,
			"at", instant, "version", count64),
	}
}
