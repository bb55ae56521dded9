package query

import (
	"context"
	"encoding/json"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
)

func (s *Store) utterances(ctx context.Context, id earshot.InteractionID) ([]earshot.Utterance, error) {
	return all(ctx, s, "utterances", `SELECT id, interaction, tenant, channel, leg, role, start_ms, end_ms, at, text, language, confidence,
		word_text, word_start_ms, word_end_ms, word_confidence, redaction_start, redaction_end, redaction_type, facts
		FROM earshot.utterances_current WHERE interaction = {id:String} ORDER BY start_ms, at, id`, one(id), scanUtterance)
}

func scanUtterance(rows driver.Rows) (earshot.Utterance, error) {
	var u earshot.Utterance
	var texts, types []string
	var starts, ends []int64
	var confidences []float64
	var from, to []int32
	var told string
	err := rows.Scan((*string)(&u.ID), (*string)(&u.Interaction), &u.Tenant, (*string)(&u.Channel), (*string)(&u.Leg), (*string)(&u.Role),
		&u.StartMS, &u.EndMS, &u.At, &u.Text, &u.Language, &u.Confidence,
		&texts, &starts, &ends, &confidences, &from, &to, &types, &told)
	if err != nil {
		return u, err
	}
	u.At = u.At.UTC()
	for i := range texts {
		u.Words = append(u.Words, earshot.Word{Text: texts[i], StartMS: starts[i], EndMS: ends[i], Confidence: confidences[i]})
	}
	for i := range types {
		u.Redactions = append(u.Redactions, earshot.Span{Start: int(from[i]), End: int(to[i]), Type: types[i]})
	}
	if told != "" {
		u.Facts = &earshot.Interaction{}
		err = json.Unmarshal([]byte(told), u.Facts)
	}
	return u, err
}

// Reviews returns what people decided about an interaction, oldest first.
func (s *Store) Reviews(ctx context.Context, id earshot.InteractionID) ([]earshot.Review, error) {
	return all(ctx, s, "reviews", `SELECT id, interaction, tenant, evaluation, criterion, action, verdict, comment, by, by_role, at
		FROM earshot.reviews_current WHERE interaction = {id:String} ORDER BY at, id`, one(id), scanReview)
}

func scanReview(rows driver.Rows) (earshot.Review, error) {
	var r earshot.Review
	err := rows.Scan((*string)(&r.ID), (*string)(&r.Interaction), &r.Tenant, (*string)(&r.Evaluation), (*string)(&r.Criterion),
		(*string)(&r.Action), (*string)(&r.Verdict), &r.Comment, &r.By, &r.ByRole, &r.At)
	r.At = r.At.UTC()
	return r, err
}
