// Package kpi defines each KPI once: its names, its formula and the SQL that
// computes it, from which panels, answers and pages are made.
package kpi

import (
	"fmt"
	"strings"
)

// Unit is what a KPI's value counts.
type Unit string

// The units. A share is 0 to 1, points are 0 to 100.
const (
	Count   Unit = "count"
	Share   Unit = "share"
	Points  Unit = "points"
	Seconds Unit = "seconds"
)

// Direction says which way is better.
type Direction string

// The directions.
const (
	Higher  Direction = "higher"
	Lower   Direction = "lower"
	Neither Direction = "neither"
)

// Relation is what a KPI aggregates over: a view of the schema with one row a
// thing and the columns at, channel, queue, region, agent and agent_name.
type Relation string

// The relations.
const (
	Interactions Relation = "earshot.interaction_scores"
	Criteria     Relation = "earshot.criteria_scores"
	Agreements   Relation = "earshot.agreements"
)

// Definition is one KPI.
type Definition struct {
	// ID is its name in the API, such as "qa_score".
	ID           string
	Name, NameZH string
	// Formula is for people, Edges says what was decided where it leaves doubt.
	Formula, Edges string
	Unit           Unit
	Better         Direction
	// Target is nil where none is given.
	Target *float64
	// From is aggregated by Value, an SQL expression over its columns that gives
	// NULL when there is nothing to divide by.
	From  Relation
	Value string
}

// Title is the definition's name in both languages.
func (d Definition) Title() string { return d.Name + " · " + d.NameZH }

// Dimension is a column that KPIs are told apart by.
type Dimension string

// The dimensions. Criterion is one of Criteria and Agreements only.
const (
	Channel   Dimension = "channel"
	Queue     Dimension = "queue"
	Agent     Dimension = "agent"
	Region    Dimension = "region"
	Criterion Dimension = "criterion"
)

// label returns the expression that names a group; an agent has a name beside
// the id that tells agents apart, and a criterion has two.
func (d Dimension) label() string {
	switch d {
	case Agent:
		return "if(max(s.agent_name) = '', s.agent, max(s.agent_name))"
	case Criterion:
		return "trimRight(concat(max(s.name), ' · ', max(s.name_zh)), ' ·')"
	default:
		return fmt.Sprintf("if(s.%s = '', '?', s.%s)", d, d)
	}
}

// Total returns the SQL of the KPI over everything that where lets through: one
// row, one column. Like all functions here it takes where as SQL over the
// relation's columns, prefixed "s.": never put a user's text into it.
func (d Definition) Total(where string) string {
	return fmt.Sprintf("SELECT %s AS value FROM %s AS s WHERE %s", d.Value, d.From, where)
}

// Over returns the SQL of KPIs of one relation by time: a column "time", which
// is the SQL expression bucket, and one column a KPI under its title.
func Over(bucket, where string, kpis ...Definition) string {
	return fmt.Sprintf("SELECT %s AS time, %s FROM %s AS s WHERE %s GROUP BY time ORDER BY time",
		bucket, columns(kpis), kpis[0].From, where)
}

// By returns the SQL of KPIs of one relation by dimension: a column "name" and
// one column a KPI under its title, greatest first KPI first, at most limit rows.
func By(dimension Dimension, where string, limit int, kpis ...Definition) string {
	return fmt.Sprintf("SELECT %s AS name, %s FROM %s AS s WHERE %s GROUP BY s.%s ORDER BY %s DESC NULLS LAST, name LIMIT %d",
		dimension.label(), columns(kpis), kpis[0].From, where, dimension, quoted(kpis[0].Title()), limit)
}

func columns(kpis []Definition) string {
	out := make([]string, len(kpis))
	for i, d := range kpis {
		out[i] = d.Value + " AS " + quoted(d.Title())
	}
	return strings.Join(out, ", ")
}

func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "") + "`" }
