package sink

import (
	"encoding/json"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// stampBits are the low bits of a stamp or version that hold Unix milliseconds:
// enough until the year 2527.
const stampBits = 44

// rank says whose word counts more where two tell different facts: what a source
// told stands before what an evaluation carried along from an earlier time.
type rank uint64

const (
	carried rank = 1
	told    rank = 2
)

// row is one row of one table, in the order of the table's columns.
type row struct {
	table  *table
	values []any
}

func (t *table) row(r *bus.Record, values ...any) row {
	return row{t, append(values, r.Topic, r.Partition, r.Offset)}
}

// stored is the time as the tables hold it; a time that is not known is the epoch.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC()
}

// millis is the version of things that are told once.
func millis(t time.Time) uint64 { return uint64(t.UnixMilli()) }

// statement is what one record tells of an interaction.
type statement struct {
	rank       rank
	at         time.Time
	tenant     string
	durationMS int64
	facts      earshot.Interaction
}

func (t *tables) statement(r *bus.Record, s statement) (row, error) {
	f := s.facts
	if f.Tenant == "" {
		f.Tenant = s.tenant
	}
	ids, legs := make([]string, len(f.Legs)), make([]string, len(f.Legs))
	for i, leg := range f.Legs {
		text, err := json.Marshal(leg)
		if err != nil {
			return row{}, earshot.Errorf(earshot.Internal, "cannot write leg %s: %w", leg.ID, err)
		}
		ids[i], legs[i] = string(leg.ID), string(text)
	}
	return t.facts.row(r,
		string(f.ID), uint64(s.rank)<<stampBits|millis(s.at), stored(s.at), r.Type, f.Tenant,
		string(f.Channel), string(f.Direction), f.Queue, f.Region, f.Language,
		string(f.Agent), f.AgentName, string(f.Customer), f.CustomerHash,
		stored(f.StartedAt), stored(f.QueuedAt), stored(f.AnsweredAt), stored(f.EndedAt),
		f.Disposition, s.durationMS, ids, legs, f.Attributes), nil
}

// utterance is an utterance whose lists stay the JSON that they came as: only
// facts are looked into.
type utterance struct {
	earshot.Utterance
	Words      json.RawMessage `json:"words"`
	Redactions json.RawMessage `json:"redactions"`
	Facts      json.RawMessage `json:"facts"`
}

func (t *tables) utterance(r *bus.Record, u utterance) row {
	return t.utterances.row(r,
		string(u.ID), string(u.Interaction), u.Tenant, string(u.Channel), string(u.Leg), string(u.Role),
		u.StartMS, u.EndMS, stored(u.At), u.Text, u.Language, u.Confidence,
		string(u.Words), string(u.Redactions), string(u.Facts), millis(u.At))
}

func (t *tables) event(r *bus.Record, e earshot.Event) row {
	return t.events.row(r,
		string(e.ID), string(e.Facts.ID), string(e.Type), stored(e.At), e.Source, e.Facts.Tenant,
		string(e.Facts.Channel), e.Facts.Queue, e.Facts.Region, string(e.Facts.Agent), e.State,
		e.Data, string(r.Value), millis(e.At))
}

// evaluationVersion orders evaluations by what they saw, then by time.
func evaluationVersion(e earshot.Evaluation) uint64 {
	const most = 1<<(64-stampBits) - 1
	return uint64(min(e.Utterances, most))<<stampBits | millis(e.At)
}

func (t *tables) evaluation(r *bus.Record, e earshot.Evaluation) []row {
	version := evaluationVersion(e)
	failed := []string{}
	rows := make([]row, 0, len(e.Answers)+1)
	for i, a := range e.Answers {
		if a.Verdict == earshot.Fail {
			failed = append(failed, string(a.Criterion))
		}
		rows = append(rows, t.criteria.row(r,
			string(e.Interaction), e.Tenant, string(e.Track), string(e.ID), e.Scorecard,
			string(a.Criterion), a.Name, a.NameZH, a.Section, uint16(i),
			string(a.Verdict), a.Points, a.MaxPoints, a.Fatal, a.Confidence, len(a.Reviews) > 0,
			a.Advice, a.AdviceZH, stored(e.At), version))
	}
	return append(rows, t.evaluations.row(r,
		string(e.ID), string(e.Interaction), e.Tenant, string(e.Track), e.Scorecard,
		e.ScorecardName, e.ScorecardHash, stored(e.At), e.Score, e.Scored, e.Passed, e.Fatal,
		uint32(e.Utterances), failed, e.Measures, e.Model, string(r.Value), version))
}

func (t *tables) alert(r *bus.Record, a earshot.Alert) row {
	return t.alerts.row(r,
		string(a.ID), string(a.Interaction), a.Tenant, a.Rule, a.Name, a.NameZH, a.Severity,
		stored(a.At), string(r.Value), millis(a.At))
}

func (t *tables) review(r *bus.Record, v earshot.Review) row {
	return t.reviews.row(r,
		string(v.ID), string(v.Interaction), v.Tenant, string(v.Evaluation), string(v.Criterion),
		string(v.Action), string(v.Verdict), v.Comment, v.By, v.ByRole, stored(v.At), millis(v.At))
}
