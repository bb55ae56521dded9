// Package webtest is a workbench's world in memory: a store with calls and
// chats in English and Chinese, recordings, and reviews that reach the score.
package webtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"earshot"
	"earshot/metrics/query"
)

// World answers the workbench as ClickHouse, the recordings and the bus do.
type World struct {
	mu      sync.Mutex
	details []query.Detail
	// delayed are reviews that were produced and have not arrived.
	delayed []earshot.Review
	// Delay is how many readings of an interaction a review takes to arrive.
	Delay int
	waits map[earshot.ReviewID]int
	// Err is what every method fails with when set.
	Err error
	// Produced is every review, in order.
	produced []earshot.Review
}

// New returns a world with the given interactions; see [Samples].
func New(details []query.Detail) *World {
	slices.SortStableFunc(details, func(a, b query.Detail) int {
		return b.Interaction.StartedAt.Compare(a.Interaction.StartedAt)
	})
	return &World{details: details, Delay: 2, waits: map[earshot.ReviewID]int{}}
}

// Reviews returns what was produced so far.
func (w *World) Reviews() []earshot.Review {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.produced)
}

// Fail makes every method fail with err from now on.
func (w *World) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Err = err
}

// Interactions filters as the real store promises to.
func (w *World) Interactions(_ context.Context, f query.Filter) (query.Page, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []query.Row
	for _, d := range w.details {
		if r := rowOf(d); matches(f, d, r) {
			rows = append(rows, r)
		}
	}
	limit := cmp.Or(f.Limit, 50)
	from := min(f.Offset, len(rows))
	return query.Page{Rows: rows[from:min(from+limit, len(rows))], Total: len(rows)}, w.Err
}

func matches(f query.Filter, d query.Detail, r query.Row) bool {
	i := d.Interaction
	said := func(u earshot.Utterance) bool {
		return strings.Contains(strings.ToLower(u.Text), strings.ToLower(f.Text))
	}
	e := r.Evaluation
	failed := func(a earshot.Answer) bool { return a.Criterion == f.Failed && a.Verdict == earshot.Fail }
	switch {
	case f.Channel != "" && i.Channel != f.Channel,
		f.Agent != "" && i.Agent != f.Agent,
		f.Queue != "" && i.Queue != f.Queue,
		f.Text != "" && !slices.ContainsFunc(d.Utterances, said),
		f.MinScore != nil && (e == nil || e.Score < *f.MinScore),
		f.MaxScore != nil && (e == nil || e.Score > *f.MaxScore),
		f.Failed != "" && (e == nil || !slices.ContainsFunc(e.Answers, failed)),
		f.Appealed && !r.Appealed,
		!f.From.IsZero() && i.StartedAt.Before(f.From),
		!f.To.IsZero() && !i.StartedAt.Before(f.To):
		return false
	}
	return true
}

func rowOf(d query.Detail) query.Row {
	r := query.Row{Interaction: d.Interaction, DurationMS: d.DurationMS, Utterances: len(d.Utterances)}
	if e := final(d); e != nil {
		short := *e
		short.Answers = slices.Clone(e.Answers)
		for i := range short.Answers {
			short.Answers[i].Evidence = nil
		}
		r.Evaluation = &short
	}
	open := map[earshot.CriterionID]bool{}
	for _, v := range d.Reviews {
		switch v.Action {
		case earshot.Confirm, earshot.Override:
			r.Reviewed = true
		case earshot.Acknowledge:
			r.Acknowledged = true
		case earshot.Appeal:
			open[v.Criterion] = true
		case earshot.Resolve:
			r.Reviewed = true
			delete(open, v.Criterion)
		}
	}
	r.Appealed = len(open) > 0
	return r
}

func final(d query.Detail) *earshot.Evaluation {
	for i := range d.Evaluations {
		if d.Evaluations[i].Track == earshot.TrackFinal {
			return &d.Evaluations[i]
		}
	}
	return nil
}

// Interaction counts as one reading of what reviews wait for.
func (w *World) Interaction(_ context.Context, id earshot.InteractionID) (query.Detail, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err != nil {
		return query.Detail{}, w.Err
	}
	for i := range w.details {
		if w.details[i].Interaction.ID != id {
			continue
		}
		w.deliver(&w.details[i])
		return w.details[i], nil
	}
	return query.Detail{}, earshot.Errorf(earshot.NotFound, "interaction %q", id)
}

// Withhold takes the evaluations of an interaction away until release is called,
// as before it is scored.
func (w *World) Withhold(id earshot.InteractionID) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.details, func(d query.Detail) bool { return d.Interaction.ID == id })
	kept := w.details[i].Evaluations
	w.details[i].Evaluations = nil
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.details[i].Evaluations = kept
	}
}

// Produce keeps a review until it arrives.
func (w *World) Produce(_ context.Context, r earshot.Review) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err != nil {
		return w.Err
	}
	if slices.ContainsFunc(w.produced, func(o earshot.Review) bool { return o.ID == r.ID }) {
		return nil
	}
	w.produced = append(w.produced, r)
	w.delayed = append(w.delayed, r)
	w.waits[r.ID] = w.Delay
	return nil
}

// deliver lays arrived reviews over the final evaluation.
func (w *World) deliver(d *query.Detail) {
	w.delayed = slices.DeleteFunc(w.delayed, func(r earshot.Review) bool {
		if r.Interaction != d.Interaction.ID {
			return false
		}
		w.waits[r.ID]--
		if w.waits[r.ID] >= 0 {
			return false
		}
		apply(d, r)
		return true
	})
}

func apply(d *query.Detail, r earshot.Review) {
	d.Reviews = append(slices.Clone(d.Reviews), r)
	d.Evaluations = slices.Clone(d.Evaluations)
	e := final(*d)
	if e == nil || r.Criterion == "" || r.Action == earshot.Appeal {
		return
	}
	e.Answers = slices.Clone(e.Answers)
	for i := range e.Answers {
		a := &e.Answers[i]
		if a.Criterion != r.Criterion {
			continue
		}
		a.Reviews = append(slices.Clone(a.Reviews), r.ID)
		a.Confidence = 1
		if r.Verdict != "" && r.Verdict != a.Verdict {
			a.Reason = fmt.Sprintf("changed from %s to %s by %s: %s", a.Verdict, r.Verdict, r.By, r.Comment)
			a.Verdict = r.Verdict
		}
	}
	rescore(e)
}

// rescore adds the points up the way scorecards do.
func rescore(e *earshot.Evaluation) {
	var got, most float64
	e.Fatal = false
	for i := range e.Answers {
		a := &e.Answers[i]
		a.Points = 0
		if a.Verdict == earshot.Pass {
			a.Points = a.MaxPoints
		}
		if a.Verdict == earshot.Pass || a.Verdict == earshot.Fail {
			got, most = got+a.Points, most+a.MaxPoints
		}
		e.Fatal = e.Fatal || a.Fatal && a.Verdict == earshot.Fail
	}
	e.Scored, e.Score = most > 0, 0
	if e.Scored && !e.Fatal {
		e.Score = 100 * got / most
	}
	e.Passed = e.Scored && !e.Fatal && e.Score >= 80
}

// Facets lists what occurs.
func (w *World) Facets(context.Context) (query.Facets, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var f query.Facets
	for _, c := range earshot.Channels() {
		if slices.ContainsFunc(w.details, func(d query.Detail) bool { return d.Interaction.Channel == c }) {
			f.Channels = append(f.Channels, c)
		}
	}
	for _, d := range w.details {
		i := d.Interaction
		if a := (query.AgentName{ID: i.Agent, Name: i.AgentName}); !slices.Contains(f.Agents, a) {
			f.Agents = append(f.Agents, a)
		}
		if !slices.Contains(f.Queues, i.Queue) {
			f.Queues = append(f.Queues, i.Queue)
		}
		if e := final(d); e != nil {
			for _, a := range e.Answers {
				if c := (query.CriterionName{ID: a.Criterion, Name: a.Name, NameZH: a.NameZH}); !slices.Contains(f.Criteria, c) {
					f.Criteria = append(f.Criteria, c)
				}
			}
		}
	}
	return f, w.Err
}

// Agents lists everybody with a contact.
func (w *World) Agents(ctx context.Context) ([]query.AgentRow, error) {
	f, err := w.Facets(ctx)
	if err != nil {
		return nil, err
	}
	var out []query.AgentRow
	for _, a := range f.Agents {
		d, err := w.Agent(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		row := query.AgentRow{Agent: a, Interactions: d.Interactions, MeanScore: d.MeanScore}
		for _, c := range d.Contacts {
			if c.Evaluation != nil && c.Evaluation.Fatal {
				row.Fatal++
			}
			if c.Appealed {
				row.OpenAppeals++
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// Agent adds one agent's contacts up.
func (w *World) Agent(ctx context.Context, id earshot.AgentID) (query.AgentDetail, error) {
	page, err := w.Interactions(ctx, query.Filter{Agent: id, Limit: 500})
	if err != nil {
		return query.AgentDetail{}, err
	}
	out := query.AgentDetail{Agent: query.AgentName{ID: id}, Contacts: page.Rows, Interactions: page.Total}
	if len(page.Rows) == 0 {
		return out, earshot.Errorf(earshot.NotFound, "agent %q", id)
	}
	out.Agent.Name = page.Rows[0].Interaction.AgentName
	rates := map[earshot.CriterionID]*query.CriterionRate{}
	scored := 0
	for _, r := range page.Rows {
		if r.Evaluation == nil {
			continue
		}
		scored++
		out.MeanScore += r.Evaluation.Score
		for _, a := range r.Evaluation.Answers {
			count(rates, a)
		}
	}
	out.MeanScore /= max(1, float64(scored))
	for _, r := range rates {
		out.Criteria = append(out.Criteria, *r)
	}
	slices.SortFunc(out.Criteria, func(a, b query.CriterionRate) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(a.Criterion.ID, b.Criterion.ID))
	})
	return out, nil
}

func count(rates map[earshot.CriterionID]*query.CriterionRate, a earshot.Answer) {
	r := rates[a.Criterion]
	if r == nil {
		name := query.CriterionName{ID: a.Criterion, Name: a.Name, NameZH: a.NameZH}
		r = &query.CriterionRate{Criterion: name, Advice: a.Advice, AdviceZH: a.AdviceZH}
		rates[a.Criterion] = r
	}
	switch a.Verdict {
	case earshot.Pass:
		r.Passed++
	case earshot.Fail:
		r.Failed++
	}
}

// call returns a voice interaction, the only kind with a recording.
func (w *World) call(id earshot.InteractionID) (query.Detail, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.details {
		if d.Interaction.ID == id && d.Interaction.Channel == earshot.Voice && len(d.Interaction.Legs) > 0 {
			return d, nil
		}
	}
	return query.Detail{}, earshot.Errorf(earshot.NotFound, "no recording of %q", id)
}

// Open returns a recording that hums where somebody speaks.
func (w *World) Open(id earshot.InteractionID) (io.ReadSeekCloser, error) {
	d, err := w.call(id)
	if err != nil {
		return nil, err
	}
	return file{bytes.NewReader(hum(d))}, nil
}

// Peaks returns the picture of [World.Open]'s sound.
func (w *World) Peaks(id earshot.InteractionID) (io.ReadCloser, error) {
	d, err := w.call(id)
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(map[string]any{"rate_ms": peakMS, "channels": peaks(d)})
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot write peaks: %w", err)
	}
	return io.NopCloser(bytes.NewReader(out)), nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }
