package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"earshot"
	"earshot/metrics/query"
)

// interactionData is the page of one interaction.
type interactionData struct {
	query.Detail
	// Recorded is set when there is sound to play.
	Recorded bool
	Lines    []line
	Summary  summary
	Sections []section
	History  []decision
	Measures []measure
	Ack      ack
}

// Voice tells whether the interaction was spoken.
func (d interactionData) Voice() bool { return d.Interaction.Channel == earshot.Voice }

// summary is the score with what it came from.
type summary struct {
	// Evaluation is the one that stands; nil before there is one.
	Evaluation                  *earshot.Evaluation
	Passed, Failed, NA, Abstain int
	// Failures, the fatal ones first.
	Failures []earshot.Answer
	// PassMark is the score from which it passes, 0 when it is not known.
	PassMark float64
	// Rule is what the rules alone gave, where people changed it.
	Rule *earshot.Evaluation
	// Swap is set when the fragment replaces one that is on the page.
	Swap bool
}

// section is a part of the scorecard with its own score.
type section struct {
	// Name is the section's id.
	Name  string
	Score float64
	// Scored is set when the section has a score.
	Scored bool
	Cards  []card
	// Swap is set when the score replaces one that is on the page.
	Swap bool
}

// card is one criterion with what one may do about it.
type card struct {
	Interaction earshot.InteractionID
	earshot.Answer
	// Tracks are what the machine tracks said, where there is more than one or
	// people decided otherwise.
	Tracks []trackVerdict
	// Reviews are people's decisions on this criterion, oldest first.
	Reviews []earshot.Review
	// Appeal is open: nobody has answered it.
	Appeal *earshot.Review
	// Nonce makes posting the same form twice one review.
	Nonce string
	// Pending is set while a decision is on its way into the score.
	Pending *pending
}

// trackVerdict is what one track said.
type trackVerdict struct {
	Track   earshot.Track
	Verdict earshot.Verdict
}

// machineReason puts back why the machine decided as it did where a person
// decided otherwise: what the person said stands below, among the reviews.
func (c *card) machineReason(machine earshot.Answer) {
	if c.Reviewed() && machine.Verdict != c.Verdict {
		c.Reason, c.ReasonZH = machine.Reason, machine.ReasonZH
	}
}

// Reviewed tells whether a person's decision is in the verdict.
func (c card) Reviewed() bool { return len(c.Answer.Reviews) > 0 }

// Disputed tells whether the tracks disagree.
func (c card) Disputed() bool {
	for _, t := range c.Tracks {
		if t.Verdict != c.Verdict {
			return true
		}
	}
	return false
}

// Choices are the verdicts that a person can give.
func (c card) Choices() []earshot.Verdict {
	return []earshot.Verdict{earshot.Pass, earshot.Fail, earshot.NA}
}

// decision is a review with the name of its criterion.
type decision struct {
	earshot.Review
	Name, NameZH string
}

// ack is what the agent has said about having read the evaluation.
type ack struct {
	Interaction earshot.InteractionID
	// Done is the acknowledgement, nil before there is one.
	Done    *earshot.Review
	Nonce   string
	Pending *pending
}

func (s *Server) detail(r *http.Request, v visit) (query.Detail, error) {
	id, err := interactionID(r)
	if err != nil {
		return query.Detail{}, err
	}
	detail, err := s.deps.Store.Interaction(r.Context(), id)
	if err != nil {
		return detail, err
	}
	if !v.May(detail.Interaction.Agent) {
		return detail, errForeign
	}
	return detail, nil
}

func (s *Server) interaction(w http.ResponseWriter, r *http.Request, v visit) error {
	detail, err := s.detail(r, v)
	if err != nil {
		return err
	}
	data := s.newInteraction(detail, v)
	if data.Voice() {
		if data.Recorded, err = s.recorded(detail.Interaction.ID); err != nil {
			return err
		}
	}
	return s.show(w, v, "interaction", data)
}

// scored answers the page of an interaction without a score, which asks every few
// seconds: it is told to load anew once there is one.
func (s *Server) scored(w http.ResponseWriter, r *http.Request, v visit) error {
	detail, err := s.detail(r, v)
	if err != nil {
		return err
	}
	if standing(detail) != nil {
		w.Header().Set("HX-Refresh", "true")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// times fills in when a conversation began and how long it was, where its
// source told no more than its messages.
func times(d query.Detail) query.Detail {
	if len(d.Utterances) == 0 {
		return d
	}
	if d.Interaction.StartedAt.IsZero() {
		first := d.Utterances[0]
		d.Interaction.StartedAt = first.At.Add(-time.Duration(first.StartMS) * time.Millisecond)
	}
	if d.DurationMS == 0 {
		d.DurationMS = d.Utterances[len(d.Utterances)-1].EndMS
	}
	return d
}

func (s *Server) newInteraction(d query.Detail, v visit) interactionData {
	d = times(d)
	data := interactionData{Detail: d, Summary: newSummary(d), History: decisions(d), Ack: newAck(d)}
	var answers []earshot.Answer
	if e := data.Summary.Evaluation; e != nil {
		answers = e.Answers
		data.Measures = s.pages[v.Lang].format.measures(e.Measures)
		data.Sections = sections(d, e)
	}
	data.Lines = newLines(d.Utterances, answers)
	return data
}

// standing returns the evaluation that counts, nil before there is one.
func standing(d query.Detail) *earshot.Evaluation {
	for _, t := range []earshot.Track{earshot.TrackFinal, earshot.TrackRule} {
		if e := onTrack(d, t); e != nil {
			return e
		}
	}
	return nil
}

func onTrack(d query.Detail, t earshot.Track) *earshot.Evaluation {
	i := slices.IndexFunc(d.Evaluations, func(e earshot.Evaluation) bool { return e.Track == t })
	if i < 0 {
		return nil
	}
	return &d.Evaluations[i]
}

func newSummary(d query.Detail) summary {
	out := summary{Evaluation: standing(d)}
	if out.Evaluation == nil {
		return out
	}
	for _, a := range out.Evaluation.Answers {
		switch a.Verdict {
		case earshot.Pass:
			out.Passed++
		case earshot.Fail:
			out.Failed++
		case earshot.NA:
			out.NA++
		case earshot.Abstain:
			out.Abstain++
		}
	}
	out.PassMark = out.Evaluation.Measures[measurePassMark]
	out.Failures = newRow(query.Row{Evaluation: out.Evaluation}).Failed
	if rule := onTrack(d, earshot.TrackRule); rule != nil && rule.Scored && rule.Score != out.Evaluation.Score {
		out.Rule = rule
	}
	return out
}

// sections groups the criteria as the scorecard does, in its order.
func sections(d query.Detail, e *earshot.Evaluation) []section {
	var out []section
	for _, a := range e.Answers {
		i := slices.IndexFunc(out, func(s section) bool { return s.Name == a.Section })
		if i < 0 {
			i = len(out)
			score, ok := e.Measures["section."+a.Section+".score"]
			out = append(out, section{Name: a.Section, Score: score, Scored: ok})
		}
		out[i].Cards = append(out[i].Cards, newCard(d, a))
	}
	return out
}

func newCard(d query.Detail, a earshot.Answer) card {
	c := card{Interaction: d.Interaction.ID, Answer: a, Nonce: uuid.NewString()}
	for _, t := range []earshot.Track{earshot.TrackRule, earshot.TrackLLM} {
		e := onTrack(d, t)
		if e == nil {
			continue
		}
		for _, other := range e.Answers {
			if other.Criterion == a.Criterion {
				c.Tracks = append(c.Tracks, trackVerdict{t, other.Verdict})
				c.machineReason(other)
			}
		}
	}
	for i, r := range d.Reviews {
		if r.Criterion != a.Criterion {
			continue
		}
		c.Reviews = append(c.Reviews, r)
		switch r.Action {
		case earshot.Appeal:
			c.Appeal = &d.Reviews[i]
		case earshot.Resolve:
			c.Appeal = nil
		}
	}
	return c
}

func newAck(d query.Detail) ack {
	out := ack{Interaction: d.Interaction.ID, Nonce: uuid.NewString()}
	for i, r := range d.Reviews {
		if r.Action == earshot.Acknowledge {
			out.Done = &d.Reviews[i]
		}
	}
	return out
}

// decisions lists people's reviews, the newest first.
func decisions(d query.Detail) []decision {
	names := map[earshot.CriterionID]earshot.Answer{}
	if e := standing(d); e != nil {
		for _, a := range e.Answers {
			names[a.Criterion] = a
		}
	}
	var out []decision
	for _, r := range d.Reviews {
		name := names[r.Criterion]
		if name.Name == "" {
			name.Name = string(r.Criterion)
		}
		out = append(out, decision{r, name.Name, name.NameZH})
	}
	slices.SortStableFunc(out, func(a, b decision) int { return b.At.Compare(a.At) })
	return out
}

// reviewTime is when a decision was made, to the millisecond that the store keeps.
func reviewTime() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
