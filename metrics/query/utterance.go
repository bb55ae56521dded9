package query

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
)

func (s *Store) utterances(ctx context.Context, id earshot.InteractionID) ([]earshot.Utterance, error) {
	return all(ctx, s, `SELECT id, interaction, tenant, channel, leg, role, start_ms, end_ms, at, text, language, confidence,
		words, redactions, facts
		FROM earshot.utterances_current WHERE interaction = {id:String} ORDER BY start_ms, at, id`, one(id), scanUtterance)
}

func scanUtterance(rows driver.Rows) (earshot.Utterance, error) {
	var u earshot.Utterance
	var words, redactions, told string
	err := rows.Scan((*string)(&u.ID), (*string)(&u.Interaction), &u.Tenant, (*string)(&u.Channel), (*string)(&u.Leg), (*string)(&u.Role),
		&u.StartMS, &u.EndMS, &u.At, &u.Text, &u.Language, &u.Confidence, &words, &redactions, &told)
	u.At = u.At.UTC()
	return u, errors.Join(err, optional(words, &u.Words), optional(redactions, &u.Redactions), optional(told, &u.Facts))
}

// optional reads JSON unless there is none.
func optional(text string, v any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}

// Reviews returns what people decided about an interaction, oldest first.
func (s *Store) Reviews(ctx context.Context, id earshot.InteractionID) ([]earshot.Review, error) {
	return all(ctx, s, `SELECT id, interaction, tenant, evaluation, criterion, action, verdict, comment, by, by_role, at
		FROM earshot.reviews_current WHERE interaction = {id:String} ORDER BY at, id`, one(id), scanReview)
}

func scanReview(rows driver.Rows) (earshot.Review, error) {
	var r earshot.Review
	err := rows.Scan((*string)(&r.ID), (*string)(&r.Interaction), &r.Tenant, (*string)(&r.Evaluation), (*string)(&r.Criterion),
		(*string)(&r.Action), (*string)(&r.Verdict), &r.Comment, &r.By, &r.ByRole, &r.At)
	r.At = r.At.UTC()
	return r, err
}
