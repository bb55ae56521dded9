// Package review lays people's decisions over a machine's evaluation.
package review

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"earshot"
	"earshot/qa/scorecard"
)

// OpenAppeals is the key of the final evaluation's measure that counts the
// criteria with an appeal that nobody has resolved.
const OpenAppeals = "appeals.open"

// Final returns the evaluation that stands before anybody reviewed it: the
// machine's, under the final track's id.
func Final(machine earshot.Evaluation) earshot.Evaluation {
	return as(earshot.TrackFinal, machine)
}

// Apply lays the reviews over base, a machine's evaluation. human holds the
// criteria that a person decided, final is base with these decisions in it.
// Reviews may come in any order and more than once: the latest decision on a
// criterion wins. Confirm keeps the verdict that stood before it, Override and
// Resolve set one, Appeal and Acknowledge change none. The error is that of
// [Check] for the first review that is wrong.
func Apply(base earshot.Evaluation, reviews []earshot.Review) (human, final earshot.Evaluation, err error) {
	reviews = inOrder(reviews)
	final = Final(base)
	appealed := map[earshot.CriterionID]bool{}
	for i := range reviews {
		r := &reviews[i]
		if err := Check(base, *r); err != nil {
			return human, final, err
		}
		switch r.Action {
		case earshot.Appeal:
			appealed[r.Criterion] = true
		case earshot.Confirm, earshot.Override, earshot.Resolve:
			delete(appealed, r.Criterion)
			decide(answerTo(&final, r.Criterion), r)
		}
	}
	final.At = stamp(base.At, reviews)
	scorecard.Tally(&final)
	human = as(earshot.TrackHuman, final)
	human.Answers = slices.DeleteFunc(slices.Clone(final.Answers), func(a earshot.Answer) bool { return len(a.Reviews) == 0 })
	scorecard.Tally(&human)
	if len(appealed) > 0 {
		final.Measures[OpenAppeals] = float64(len(appealed))
	}
	return human, final, nil
}

// Check says whether the review can be laid over base: an unknown criterion,
// action or verdict is Invalid, an agent who decides is Denied.
func Check(base earshot.Evaluation, r earshot.Review) error {
	if !slices.Contains(earshot.ReviewActions(), r.Action) {
		return earshot.InvalidField("action", fmt.Sprintf("use one of %v", earshot.ReviewActions()), "unknown action %q", r.Action)
	}
	if r.Action == earshot.Acknowledge {
		return nil
	}
	if answerTo(&base, r.Criterion) == nil {
		return earshot.InvalidField("criterion", "name one of the evaluation's criteria",
			"scorecard %s has no criterion %q", base.Scorecard, r.Criterion)
	}
	if r.Action == earshot.Appeal {
		return nil
	}
	if r.ByRole == "agent" {
		return earshot.Errorf(earshot.Denied, "an agent cannot %s a verdict; agents appeal", r.Action)
	}
	needsVerdict := r.Action == earshot.Override || r.Action == earshot.Resolve && r.Verdict != ""
	if needsVerdict && !slices.Contains(earshot.Verdicts(), r.Verdict) {
		return earshot.InvalidField("verdict", fmt.Sprintf("use one of %v", earshot.Verdicts()), "unknown verdict %q", r.Verdict)
	}
	return nil
}

func answerTo(e *earshot.Evaluation, id earshot.CriterionID) *earshot.Answer {
	for i := range e.Answers {
		if e.Answers[i].Criterion == id {
			return &e.Answers[i]
		}
	}
	return nil
}

// decide writes the decision into the answer; the evidence stays, so that one
// sees what the machine saw.
func decide(a *earshot.Answer, r *earshot.Review) {
	before := a.Verdict
	if r.Action != earshot.Confirm && r.Verdict != "" {
		a.Verdict = r.Verdict
	}
	a.Confidence = 1
	a.Reviews = append(a.Reviews, r.ID)
	if a.Verdict == before {
		return
	}
	a.Points = 0
	if a.Verdict == earshot.Pass {
		a.Points = a.MaxPoints
	}
	a.Reason = fmt.Sprintf("changed from %s to %s by %s", before, a.Verdict, r.By)
	a.ReasonZH = fmt.Sprintf("由 %s 从%s改为%s", r.By, verdictZH(before), verdictZH(a.Verdict))
	if r.Comment != "" {
		a.Reason += ": " + r.Comment
		a.ReasonZH += "：" + r.Comment
	}
}

func verdictZH(v earshot.Verdict) string {
	switch v {
	case earshot.Pass:
		return "通过"
	case earshot.Fail:
		return "不通过"
	case earshot.NA:
		return "不适用"
	default:
		return "待定"
	}
}

// as copies the evaluation into another track, so that nothing is shared.
func as(track earshot.Track, e earshot.Evaluation) earshot.Evaluation {
	e.Track = track
	e.ID = scorecard.EvaluationID(e.Interaction, track, e.Scorecard, e.ScorecardHash)
	e.Measures = maps.Clone(e.Measures)
	if e.Measures == nil {
		e.Measures = map[string]float64{}
	}
	e.Answers = slices.Clone(e.Answers)
	for i := range e.Answers {
		e.Answers[i].Reviews = slices.Clone(e.Answers[i].Reviews)
	}
	return e
}

func inOrder(reviews []earshot.Review) []earshot.Review {
	out := slices.Clone(reviews)
	slices.SortStableFunc(out, func(a, b earshot.Review) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return slices.CompactFunc(out, func(a, b earshot.Review) bool { return a.ID == b.ID })
}

// stamp is the time of the last review and a millisecond for each: the store
// keeps the latest, and so every review makes a later one, whatever the clocks
// of the machines say on which they were made.
func stamp(base time.Time, reviews []earshot.Review) time.Time {
	if n := len(reviews); n > 0 && reviews[n-1].At.After(base) {
		base = reviews[n-1].At
	}
	return base.Add(time.Duration(len(reviews)) * time.Millisecond)
}
