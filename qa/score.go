// Package qa scores interactions: it collects the utterances of each, decides
// the criteria of a scorecard, and lays people's reviews over the result.
package qa

import (
	"maps"
	"time"

	"earshot"
	"earshot/qa/rule"
	"earshot/qa/scorecard"
)

// Score decides the card's criteria over an interaction and returns the rule
// track's evaluation. It is a pure function: the same input gives the same
// evaluation, id included; its At is that of end.
func Score(card *scorecard.Scorecard, end earshot.TranscriptEnd, utterances []earshot.Utterance) earshot.Evaluation {
	t := rule.NewTranscript(end.Interaction, time.Duration(end.DurationMS)*time.Millisecond, utterances)
	run := rule.NewRun(t, card.Options())
	e := earshot.Evaluation{
		ID:          scorecard.EvaluationID(end.Interaction.ID, earshot.TrackRule, card.ID, card.Hash),
		Interaction: end.Interaction.ID, Tenant: end.Interaction.Tenant, Track: earshot.TrackRule,
		Scorecard: card.ID, ScorecardName: card.Name, ScorecardHash: card.Hash,
		At: end.At, Utterances: len(t.Utterances), Measures: maps.Clone(t.Measures()), Facts: end.Interaction,
	}
	for i := range card.Sections {
		for k := range card.Sections[i].Criteria {
			a := answer(run, card.Sections[i].ID, &card.Sections[i].Criteria[k])
			if len(t.Utterances) == 0 {
				a.Points = 0
				explain(&a, earshot.NA, unheard())
			}
			e.Answers = append(e.Answers, a)
		}
	}
	card.Frame(&e)
	scorecard.Tally(&e)
	return e
}

// unheard is the answer to every criterion where there is no word to judge: a
// call in a language that no engine knows, or one without sound. Its silence is
// nobody's.
func unheard() rule.Result {
	return rule.Result{Reason: "nothing was said, or nothing could be transcribed", ReasonZH: "没有人说话，或无法转写"}
}

// answer decides first whether the criterion applies, then whether it is met.
func answer(run *rule.Run, section string, c *scorecard.Criterion) earshot.Answer {
	a := earshot.Answer{Criterion: c.ID, Name: c.Name, NameZH: c.NameZH, Section: section,
		MaxPoints: c.Points, Fatal: c.Fatal, Advice: c.Advice, AdviceZH: c.AdviceZH}
	if p := c.Applies(); p != nil {
		switch r := run.Decide(p); r.Outcome {
		case rule.No, rule.NA:
			explain(&a, earshot.NA, r)
			a.Evidence = nil
			return a
		case rule.Unsure:
			explain(&a, earshot.Abstain, r)
			return a
		}
	}
	r := run.Decide(c.Pass())
	switch r.Outcome {
	case rule.Yes:
		explain(&a, earshot.Pass, r)
		a.Points = c.Points
	case rule.No:
		explain(&a, earshot.Fail, r)
	case rule.NA:
		explain(&a, earshot.NA, r)
	case rule.Unsure:
		explain(&a, earshot.Abstain, r)
	}
	return a
}

func explain(a *earshot.Answer, v earshot.Verdict, r rule.Result) {
	a.Verdict, a.Reason, a.ReasonZH = v, r.Reason, r.ReasonZH
	a.Evidence, a.Confidence = r.Evidence, r.Confidence
}
