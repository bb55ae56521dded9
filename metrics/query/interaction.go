package query

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
)

const (
	defaultLimit = 50
	maxLimit     = 500
)

// facts are the columns of an interaction, in the order of scanInteraction.
const facts = `id, tenant, channel, direction, queue, region, language, agent, agent_name, customer, customer_hash,
	started_at, queued_at, answered_at, ended_at, disposition, duration_ms, legs, attributes`

func scanInteraction(rows driver.Rows, more ...any) (i earshot.Interaction, durationMS int64, err error) {
	var legs []string
	dest := []any{
		(*string)(&i.ID), &i.Tenant, (*string)(&i.Channel), (*string)(&i.Direction), &i.Queue, &i.Region, &i.Language,
		(*string)(&i.Agent), &i.AgentName, (*string)(&i.Customer), &i.CustomerHash,
		&i.StartedAt, &i.QueuedAt, &i.AnsweredAt, &i.EndedAt, &i.Disposition, &durationMS, &legs, &i.Attributes,
	}
	if err := rows.Scan(append(dest, more...)...); err != nil {
		return i, 0, err
	}
	i.StartedAt, i.QueuedAt = known(i.StartedAt), known(i.QueuedAt)
	i.AnsweredAt, i.EndedAt = known(i.AnsweredAt), known(i.EndedAt)
	if len(i.Attributes) == 0 {
		i.Attributes = nil
	}
	for _, text := range legs {
		var leg earshot.Leg
		if err := json.Unmarshal([]byte(text), &leg); err != nil {
			return i, 0, err
		}
		i.Legs = append(i.Legs, leg)
	}
	return i, durationMS, nil
}

// Interactions returns a page of the interactions that f lets through, newest
// first; those that began at the same time stand in the order of their ids, so
// that pages neither repeat nor leave out. A bad filter is an error of kind
// Invalid.
func (s *Store) Interactions(ctx context.Context, f Filter) (Page, error) {
	if f.Limit == 0 {
		f.Limit = defaultLimit
	}
	if f.Limit < 1 || f.Limit > maxLimit {
		return Page{}, earshot.InvalidField("limit", "give 1 to 500", "%d", f.Limit)
	}
	if f.Offset < 0 {
		return Page{}, earshot.InvalidField("offset", "give 0 or more", "%d", f.Offset)
	}
	where, args := f.where()
	var total uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM earshot.interaction_scores"+where, args...).Scan(&total); err != nil {
		return Page{}, earshot.Errorf(earshot.Unavailable, "cannot count interactions: %w", err)
	}
	args = append(args, named("limit", int64(f.Limit)), named("offset", int64(f.Offset)))
	rows, err := all(ctx, s, "SELECT "+facts+", reviewed, open_appeals > 0 FROM earshot.interaction_scores"+where+
		" ORDER BY at DESC, id DESC LIMIT {limit:Int64} OFFSET {offset:Int64}", args, scanRow)
	if err != nil {
		return Page{}, err
	}
	return Page{Rows: rows, Total: int(total)}, s.complete(ctx, rows)
}

func scanRow(rows driver.Rows) (Row, error) {
	var r Row
	var appealed uint8
	var err error
	r.Interaction, r.DurationMS, err = scanInteraction(rows, &r.Reviewed, &appealed)
	r.Appealed = appealed > 0
	return r, err
}

// where returns the filter as a WHERE clause, or nothing, with its arguments.
func (f Filter) where() (string, []any) {
	var conds []string
	var args []any
	add := func(use bool, cond string, a ...any) {
		if use {
			conds = append(conds, cond)
			args = append(args, a...)
		}
	}
	add(f.Channel != "", "channel = {channel:String}", named("channel", string(f.Channel)))
	add(f.Agent != "", "agent = {agent:String}", named("agent", string(f.Agent)))
	add(f.Queue != "", "queue = {queue:String}", named("queue", f.Queue))
	add(f.Text != "", `id IN (SELECT interaction FROM earshot.utterances_current
		WHERE positionCaseInsensitiveUTF8(text, {text:String}) > 0)`, named("text", f.Text))
	if f.MinScore != nil {
		add(true, "scored AND score >= {min:Float64}", named("min", *f.MinScore))
	}
	if f.MaxScore != nil {
		add(true, "scored AND score <= {max:Float64}", named("max", *f.MaxScore))
	}
	add(f.Failed != "", "has(failed, {failed:String})", named("failed", string(f.Failed)))
	add(f.Appealed, "open_appeals > 0")
	add(!f.From.IsZero(), "at >= fromUnixTimestamp64Milli({from:Int64})", named("from", f.From.UnixMilli()))
	add(!f.To.IsZero(), "at < fromUnixTimestamp64Milli({to:Int64})", named("to", f.To.UnixMilli()))
	if len(conds) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conds, " AND "), args
}

// complete adds to the rows of a list what their page alone needs.
func (s *Store) complete(ctx context.Context, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	ids := make([]string, len(rows))
	at := make(map[earshot.InteractionID]int, len(rows))
	for i, r := range rows {
		ids[i], at[r.Interaction.ID] = string(r.Interaction.ID), i
	}
	args := []any{named("ids", ids)}
	evaluations, err := all(ctx, s, "SELECT body FROM earshot.evaluations_current WHERE track = 'final' AND interaction IN {ids:Array(String)}", args, fromJSON[earshot.Evaluation])
	if err != nil {
		return err
	}
	for _, e := range evaluations {
		for i := range e.Answers {
			e.Answers[i].Evidence = nil
		}
		rows[at[e.Interaction]].Evaluation = &e
	}
	_, err = all(ctx, s, "SELECT DISTINCT interaction FROM earshot.reviews_current WHERE action = 'acknowledge' AND interaction IN {ids:Array(String)}", args,
		func(r driver.Rows) (struct{}, error) {
			var id string
			if err := r.Scan(&id); err != nil {
				return struct{}{}, err
			}
			rows[at[earshot.InteractionID(id)]].Acknowledged = true
			return struct{}{}, nil
		})
	if err != nil {
		return err
	}
	_, err = all(ctx, s, "SELECT interaction, count() FROM earshot.utterances_current WHERE interaction IN {ids:Array(String)} GROUP BY interaction", args,
		func(r driver.Rows) (struct{}, error) {
			var id string
			var n uint64
			err := r.Scan(&id, &n)
			rows[at[earshot.InteractionID(id)]].Utterances = int(n)
			return struct{}{}, err
		})
	return err
}

// Interaction returns one interaction whole; an error of kind NotFound if there
// is none with that id.
func (s *Store) Interaction(ctx context.Context, id earshot.InteractionID) (Detail, error) {
	var d Detail
	found, err := all(ctx, s, "SELECT "+facts+" FROM earshot.interactions WHERE id = {id:String}",
		one(id), func(rows driver.Rows) (struct{}, error) {
			var err error
			d.Interaction, d.DurationMS, err = scanInteraction(rows)
			return struct{}{}, err
		})
	if err != nil {
		return Detail{}, err
	}
	if len(found) == 0 {
		return Detail{}, earshot.Errorf(earshot.NotFound, "no interaction has the id %q", id)
	}
	if d.Utterances, err = s.utterances(ctx, id); err != nil {
		return Detail{}, err
	}
	earshot.Place(d.Utterances)
	if d.Evaluations, err = s.Evaluations(ctx, id); err != nil {
		return Detail{}, err
	}
	if d.Reviews, err = s.Reviews(ctx, id); err != nil {
		return Detail{}, err
	}
	if d.Alerts, err = all(ctx, s, "SELECT body FROM earshot.alerts_current WHERE interaction = {id:String} ORDER BY at, id",
		one(id), fromJSON[earshot.Alert]); err != nil {
		return Detail{}, err
	}
	d.Events, err = all(ctx, s, "SELECT body FROM earshot.events_current WHERE interaction = {id:String} ORDER BY at, offset, id",
		one(id), fromJSON[earshot.Event])
	return d, err
}

func one(id earshot.InteractionID) []any { return []any{named("id", string(id))} }

// Evaluations returns the current evaluations of an interaction, one a track, in
// the order rule, llm, human, final.
func (s *Store) Evaluations(ctx context.Context, id earshot.InteractionID) ([]earshot.Evaluation, error) {
	out, err := all(ctx, s, "SELECT body FROM earshot.evaluations_current WHERE interaction = {id:String}",
		one(id), fromJSON[earshot.Evaluation])
	order := []earshot.Track{earshot.TrackRule, earshot.TrackLLM, earshot.TrackHuman, earshot.TrackFinal}
	slices.SortFunc(out, func(a, b earshot.Evaluation) int {
		return slices.Index(order, a.Track) - slices.Index(order, b.Track)
	})
	return out, err
}
