package sink

import (
	"encoding/json"
	"math"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// decode returns the rows that one record becomes, and an error of kind Invalid
// for a record that can never become any.
func (t *tables) decode(r *bus.Record) ([]row, error) {
	if r.Topic == earshot.TopicReviews && len(r.Value) == 0 {
		return nil, nil // the tombstone of a compacted key
	}
	switch r.Type {
	case earshot.TypeUtterance:
		return t.decodeUtterance(r)
	case earshot.TypeTranscriptEnd:
		return t.decodeTranscriptEnd(r)
	case earshot.TypeEvent:
		return t.decodeEvent(r)
	case earshot.TypeEvaluation:
		return t.decodeEvaluation(r)
	case earshot.TypeAlert:
		return t.decodeAlert(r)
	case earshot.TypeReview:
		return t.decodeReview(r)
	default:
		return nil, earshot.InvalidField("ce_type", "send one of Earshot's record types", "%q is unknown", r.Type)
	}
}

func read[T any](r *bus.Record) (T, error) {
	var v T
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return v, earshot.Errorf(earshot.Invalid, "cannot read %s: %w", r.Type, err)
	}
	return v, nil
}

func (t *tables) decodeUtterance(r *bus.Record) ([]row, error) {
	u, err := read[utterance](r)
	if err != nil {
		return nil, err
	}
	if err := check(id("id", u.ID), id("interaction", u.Interaction), when("at", u.At),
		list("words", u.Words), list("redactions", u.Redactions)); err != nil {
		return nil, err
	}
	said := []row{t.utterance(r, u)}
	if len(u.Facts) == 0 {
		return said, nil
	}
	s := statement{rank: told, at: u.At, tenant: u.Tenant}
	if err := json.Unmarshal(u.Facts, &s.facts); err != nil {
		return nil, earshot.Errorf(earshot.Invalid, "cannot read facts: %w", err)
	}
	return t.withStatement(r, said, u.Interaction, s)
}

func (t *tables) decodeTranscriptEnd(r *bus.Record) ([]row, error) {
	e, err := read[earshot.TranscriptEnd](r)
	if err != nil {
		return nil, err
	}
	if err := check(id("interaction.id", e.Interaction.ID), when("at", e.At)); err != nil {
		return nil, err
	}
	return t.withStatement(r, nil, e.Interaction.ID, statement{rank: told, at: e.At, durationMS: max(e.DurationMS, 0), facts: e.Interaction})
}

func (t *tables) decodeEvent(r *bus.Record) ([]row, error) {
	e, err := read[earshot.Event](r)
	if err != nil {
		return nil, err
	}
	if err := check(id("id", e.ID), id("type", e.Type), when("at", e.At)); err != nil {
		return nil, err
	}
	rows := []row{t.event(r, e)}
	if e.Facts.ID == "" {
		if e.Facts.Agent == "" {
			return nil, earshot.InvalidField("facts.id", "name the interaction, or the agent in facts.agent", "the event is about nobody")
		}
		return rows, nil
	}
	return t.withStatement(r, rows, e.Facts.ID, statement{rank: told, at: e.At, facts: e.Facts})
}

func (t *tables) decodeEvaluation(r *bus.Record) ([]row, error) {
	e, err := read[earshot.Evaluation](r)
	if err != nil {
		return nil, err
	}
	if err := check(id("id", e.ID), id("interaction", e.Interaction), id("track", e.Track), when("at", e.At),
		atMost("utterances", e.Utterances, math.MaxUint32), atMost("answers", len(e.Answers), math.MaxUint16)); err != nil {
		return nil, err
	}
	return t.withStatement(r, t.evaluation(r, e), e.Interaction, statement{rank: carried, at: e.At, tenant: e.Tenant, facts: e.Facts})
}

func (t *tables) decodeAlert(r *bus.Record) ([]row, error) {
	a, err := read[earshot.Alert](r)
	if err != nil {
		return nil, err
	}
	if err := check(id("id", a.ID), id("interaction", a.Interaction), when("at", a.At)); err != nil {
		return nil, err
	}
	return t.withStatement(r, []row{t.alert(r, a)}, a.Interaction, statement{rank: carried, at: a.At, tenant: a.Tenant, facts: a.Facts})
}

func (t *tables) decodeReview(r *bus.Record) ([]row, error) {
	v, err := read[earshot.Review](r)
	if err != nil {
		return nil, err
	}
	if err := check(id("id", v.ID), id("interaction", v.Interaction), id("action", v.Action), when("at", v.At)); err != nil {
		return nil, err
	}
	return []row{t.review(r, v)}, nil
}

// withStatement adds the facts row; the record's own interaction id stands
// before the one within the facts, which may be empty.
func (t *tables) withStatement(r *bus.Record, rows []row, i earshot.InteractionID, s statement) ([]row, error) {
	s.facts.ID = i
	f := s.facts
	if err := check(whenKnown("started_at", f.StartedAt), whenKnown("queued_at", f.QueuedAt),
		whenKnown("answered_at", f.AnsweredAt), whenKnown("ended_at", f.EndedAt)); err != nil {
		return nil, err
	}
	facts, err := t.statement(r, s)
	if err != nil {
		return nil, err
	}
	return append(rows, facts), nil
}

// check returns the first error.
func check(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func id[T ~string](field string, v T) error {
	if v == "" {
		return earshot.InvalidField(field, "give it a value", "it is empty")
	}
	return nil
}

// latest is the end of what a stamp can hold with room to spare; the epoch and
// what is before it stands for "not known" in the tables.
const latest = 2200

func when(field string, t time.Time) error {
	if t.UnixMilli() <= 0 || t.UTC().Year() >= latest {
		return earshot.InvalidField(field, "give a time from 1970 to 2199", "%v is out of range", t)
	}
	return nil
}

func whenKnown(field string, t time.Time) error {
	if t.IsZero() {
		return nil
	}
	return when(field, t)
}

func atMost(field string, n, most int) error {
	if n < 0 || n > most {
		return earshot.InvalidField(field, "give a smaller one", "%d is not within 0 to %d", n, most)
	}
	return nil
}

// list refuses what is no JSON array; what stands in it is the reader's to judge.
func list(field string, raw json.RawMessage) error {
	if len(raw) > 0 && raw[0] != '[' {
		return earshot.InvalidField(field, "give a list", "got %.20q", raw)
	}
	return nil
}
