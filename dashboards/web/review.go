package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"earshot"
	"earshot/metrics/query"
)

const (
	// maxComment is the longest comment, in characters.
	maxComment = 2000
	// maxPolls bounds how often a page asks whether a decision has arrived: with
	// a second between, about half a minute.
	maxPolls = 30
)

// pending is a decision that is durable but not yet in the score.
type pending struct {
	Review    earshot.ReviewID
	Criterion earshot.CriterionID
	Poll      int
}

// Waiting is false once the page gives up asking.
func (p pending) Waiting() bool { return p.Poll < maxPolls }

// URL is where the page asks next.
func (p pending) URL(i earshot.InteractionID) string {
	q := url.Values{"poll": {strconv.Itoa(p.Poll + 1)}}
	if p.Criterion != "" {
		q.Set("criterion", string(p.Criterion))
	}
	return interactionURL(i) + "/reviews/" + string(p.Review) + "?" + q.Encode()
}

// reviewForm is what a person filled in.
type reviewForm struct {
	// Kind is "verdict", "appeal" or "acknowledge".
	Kind      string
	Criterion earshot.CriterionID
	Verdict   earshot.Verdict
	Comment   string
	Nonce     string
}

func readReview(r *http.Request) (reviewForm, error) {
	if err := parseForm(r); err != nil {
		return reviewForm{}, err
	}
	get := func(key string) string { return strings.TrimSpace(r.PostForm.Get(key)) }
	f := reviewForm{
		Kind: get("kind"), Criterion: earshot.CriterionID(get("criterion")),
		Verdict: earshot.Verdict(get("verdict")), Comment: get("comment"), Nonce: get("nonce"),
	}
	if utf8.RuneCountInString(f.Comment) > maxComment {
		return f, earshot.InvalidField("comment", "shorten it", "has more than %d characters", maxComment)
	}
	if !uuidForm.MatchString(f.Nonce) {
		return f, earshot.InvalidField("nonce", "reload the page", "%q is none of ours", f.Nonce)
	}
	return f, nil
}

// decide turns a form into a review, by what the person may do and by what
// stands now: the same verdict confirms, another one overrides, and either
// resolves an open appeal.
func decide(f reviewForm, v visit, d query.Detail) (earshot.Review, error) {
	id := d.Interaction.ID
	out := earshot.Review{
		// The login is part of the id, so that nobody can write over another
		// person's decision; the nonce makes a second click the same review.
		ID:          earshot.ReviewID(earshot.Derive("review", string(id), v.Person.Name, f.Nonce)),
		Interaction: id, Tenant: d.Interaction.Tenant, Comment: f.Comment,
		By: v.Person.Name, ByRole: string(v.Person.Role), At: reviewTime(),
	}
	e := standing(d)
	if e == nil {
		return out, earshot.InvalidField("interaction", "wait until it is scored", "has no evaluation yet")
	}
	out.Evaluation = e.ID
	if f.Kind == "acknowledge" {
		out.Action = earshot.Acknowledge
		return out, permit(v.Agent())
	}
	i := slices.IndexFunc(e.Answers, func(a earshot.Answer) bool { return a.Criterion == f.Criterion })
	if i < 0 {
		return out, earshot.InvalidField("criterion", "reload the page", "%q is not on this scorecard", f.Criterion)
	}
	out.Criterion = f.Criterion
	switch f.Kind {
	case "appeal":
		out.Action = earshot.Appeal
		if f.Comment == "" {
			return out, earshot.InvalidField("comment", "say why the verdict is wrong", "is empty")
		}
		return out, permit(v.Agent())
	case "verdict":
		return verdict(out, f, newCard(d, e.Answers[i]), v)
	}
	return out, earshot.InvalidField("kind", "use verdict, appeal or acknowledge", "is %q", f.Kind)
}

func verdict(out earshot.Review, f reviewForm, c card, v visit) (earshot.Review, error) {
	if !slices.Contains(c.Choices(), f.Verdict) {
		return out, earshot.InvalidField("verdict", "choose pass, fail or na", "is %q", f.Verdict)
	}
	switch {
	case c.Appeal != nil:
		out.Action, out.Verdict = earshot.Resolve, f.Verdict
	case c.Verdict == f.Verdict:
		out.Action = earshot.Confirm
	default:
		out.Action, out.Verdict = earshot.Override, f.Verdict
	}
	if out.Action != earshot.Confirm && f.Comment == "" {
		return out, earshot.InvalidField("comment", "say why, for the agent to read", "is empty")
	}
	return out, permit(!v.Agent())
}

func permit(may bool) error {
	if !may {
		return earshot.Errorf(earshot.Denied, "not this role's decision")
	}
	return nil
}

func (s *Server) postReview(w http.ResponseWriter, r *http.Request, v visit) error {
	detail, err := s.detail(r, v)
	if err != nil {
		return err
	}
	form, err := readReview(r)
	if err != nil {
		return err
	}
	review, err := decide(form, v, detail)
	if err != nil {
		return err
	}
	if err := s.deps.Reviews.Produce(r.Context(), review); err != nil {
		return err
	}
	s.deps.Log.Info("review", "interaction", review.Interaction, "criterion", review.Criterion,
		"action", review.Action, "by", review.By)
	if !v.partial {
		http.Redirect(w, r, interactionURL(review.Interaction), http.StatusSeeOther)
		return nil
	}
	if r.PostForm.Get("from") == "row" {
		return s.show(w, v, "sent", review)
	}
	return s.pendingPart(w, v, detail, pending{Review: review.ID, Criterion: review.Criterion})
}

// reviewArrived answers the page that waits for a decision: with the new score
// once it is there, with another question until then.
func (s *Server) reviewArrived(w http.ResponseWriter, r *http.Request, v visit) error {
	detail, err := s.detail(r, v)
	if err != nil {
		return err
	}
	p := pending{
		Review:    earshot.ReviewID(r.PathValue("review")),
		Criterion: earshot.CriterionID(r.URL.Query().Get("criterion")),
	}
	if !uuidForm.MatchString(string(p.Review)) {
		return earshot.Errorf(earshot.NotFound, "%q is no review id", p.Review)
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("poll")); err == nil {
		p.Poll = min(max(n, 0), maxPolls)
	}
	if !arrived(detail, p) {
		return s.pendingPart(w, v, detail, p)
	}
	return s.arrivedPart(w, v, detail, p.Criterion)
}

// arrived tells whether the decision is in the store and, where it decides a
// verdict, in the evaluation that stands.
func arrived(d query.Detail, p pending) bool {
	i := slices.IndexFunc(d.Reviews, func(r earshot.Review) bool { return r.ID == p.Review })
	if i < 0 {
		return false
	}
	switch d.Reviews[i].Action {
	case earshot.Acknowledge, earshot.Appeal:
		return true
	}
	a, ok := answerOf(d, p.Criterion)
	return ok && slices.Contains(a.Reviews, p.Review)
}

func answerOf(d query.Detail, c earshot.CriterionID) (earshot.Answer, bool) {
	if e := standing(d); e != nil {
		for _, a := range e.Answers {
			if a.Criterion == c {
				return a, true
			}
		}
	}
	return earshot.Answer{}, false
}

func (s *Server) pendingPart(w http.ResponseWriter, v visit, d query.Detail, p pending) error {
	if p.Criterion == "" {
		a := newAck(d)
		a.Pending = &p
		return s.show(w, v, "ack", a)
	}
	a, ok := answerOf(d, p.Criterion)
	if !ok {
		return earshot.Errorf(earshot.NotFound, "criterion %q is not on this scorecard", p.Criterion)
	}
	c := newCard(d, a)
	c.Pending = &p
	return s.show(w, v, "criterion", c)
}

// arrivedData is the changed criterion, and the other places of the page that
// its change shows in.
type arrivedData struct {
	Card     *card
	Ack      ack
	Summary  summary
	Sections []section
	History  []decision
}

func (s *Server) arrivedPart(w http.ResponseWriter, v visit, d query.Detail, c earshot.CriterionID) error {
	data := arrivedData{Ack: newAck(d), Summary: newSummary(d), History: decisions(d)}
	data.Summary.Swap = true
	if a, ok := answerOf(d, c); ok {
		card := newCard(d, a)
		data.Card = &card
		data.Sections = sections(d, data.Summary.Evaluation)
		for i := range data.Sections {
			data.Sections[i].Swap = true
		}
	}
	return s.show(w, v, "arrived", data)
}
