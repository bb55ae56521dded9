package web

import (
	"context"
	"net/http"
	"slices"

	"earshot"
	"earshot/metrics/query"
)

const (
	// wellRate is the share of passes from which a criterion goes well.
	wellRate = 0.8
	// listed is how many criteria go under "well" and under "to change".
	listed = 4
	// searched is how many contacts are opened to find the moments to listen to.
	searched = 8
)

type agentData struct {
	query.AgentDetail
	Rows   []row
	Well   []habit
	Change []habit
	// Own is set when the visitor is this agent.
	Own bool
	// Appeals counts the open ones, Unread what the agent has not acknowledged.
	Appeals, Unread int
}

// habit is a criterion as the agent meets it, with a moment to listen to.
type habit struct {
	query.CriterionRate
	// Moment is nil when none was found among the last contacts.
	Moment *moment
}

// Rate is the share of passes, 0 to 1.
func (h habit) Rate() float64 { return rate(h.CriterionRate) }

func rate(c query.CriterionRate) float64 {
	if c.Passed+c.Failed == 0 {
		return 0
	}
	return float64(c.Passed) / float64(c.Passed+c.Failed)
}

// moment is a place in a contact that shows what is meant.
type moment struct {
	earshot.Evidence
	Interaction earshot.Interaction
	Reason      string
	ReasonZH    string
}

func (s *Server) agents(w http.ResponseWriter, r *http.Request, v visit) error {
	if v.Agent() {
		return earshot.Errorf(earshot.Denied, "agents see their own page")
	}
	rows, err := s.deps.Store.Agents(r.Context())
	if err != nil {
		return err
	}
	return s.show(w, v, "agents", rows)
}

func (s *Server) agent(w http.ResponseWriter, r *http.Request, v visit) error {
	id, err := agentID(r)
	if err != nil {
		return err
	}
	if !v.May(id) {
		return errForeign
	}
	detail, err := s.deps.Store.Agent(r.Context(), id)
	if err != nil {
		return err
	}
	data := newAgent(detail)
	data.Own = v.Agent()
	if err := s.findMoments(r.Context(), &data); err != nil {
		return err
	}
	return s.show(w, v, "agent", data)
}

// newAgent sorts what went well from what to change: the best first on one
// side, the worst first on the other.
func newAgent(d query.AgentDetail) agentData {
	data := agentData{AgentDetail: d}
	for _, r := range d.Contacts {
		row := newRow(r)
		data.Rows = append(data.Rows, row)
		if r.Appealed {
			data.Appeals++
		}
		if r.Evaluation != nil && !r.Acknowledged {
			data.Unread++
		}
	}
	for _, c := range d.Criteria {
		switch {
		case c.Passed+c.Failed == 0:
		case rate(c) >= wellRate:
			data.Well = append(data.Well, habit{CriterionRate: c})
		default:
			data.Change = append(data.Change, habit{CriterionRate: c})
		}
	}
	slices.SortStableFunc(data.Well, func(a, b habit) int { return better(a, b) })
	slices.SortStableFunc(data.Change, func(a, b habit) int { return better(b, a) })
	data.Well = data.Well[:min(listed, len(data.Well))]
	data.Change = data.Change[:min(listed, len(data.Change))]
	return data
}

// better orders by the share of passes, then by how often it was asked.
func better(a, b habit) int {
	switch {
	case a.Rate() > b.Rate():
		return -1
	case a.Rate() < b.Rate():
		return 1
	}
	return b.Passed - a.Passed
}

// findMoments opens the newest contacts that can show a habit, a bounded
// number of them, since the list itself comes without evidence.
func (s *Server) findMoments(ctx context.Context, data *agentData) error {
	opened := 0
	for _, r := range data.Contacts {
		if opened >= searched || !wanted(r, data) {
			continue
		}
		opened++
		detail, err := s.deps.Store.Interaction(ctx, r.Interaction.ID)
		if err != nil {
			if earshot.KindOf(err) == earshot.NotFound {
				continue
			}
			return err
		}
		fill(data.Change, detail, earshot.Fail)
		fill(data.Well, detail, earshot.Pass)
	}
	return nil
}

// wanted tells whether a contact may hold a moment that is still missing.
func wanted(r query.Row, data *agentData) bool {
	if r.Evaluation == nil {
		return false
	}
	for _, a := range r.Evaluation.Answers {
		for _, h := range data.Change {
			if h.Moment == nil && h.Criterion.ID == a.Criterion && a.Verdict == earshot.Fail {
				return true
			}
		}
		for _, h := range data.Well {
			if h.Moment == nil && h.Criterion.ID == a.Criterion && a.Verdict == earshot.Pass {
				return true
			}
		}
	}
	return false
}

func fill(habits []habit, d query.Detail, want earshot.Verdict) {
	for i := range habits {
		a, ok := answerOf(d, habits[i].Criterion.ID)
		if habits[i].Moment != nil || !ok || a.Verdict != want || len(a.Evidence) == 0 {
			continue
		}
		habits[i].Moment = &moment{a.Evidence[0], d.Interaction, a.Reason, a.ReasonZH}
	}
}
