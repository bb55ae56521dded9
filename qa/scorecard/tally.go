package scorecard

import (
	"strings"

	"earshot"
)

// The keys under which an evaluation's measures keep what its score was made
// with, so that it can be counted again when a person changes a verdict, after
// the scorecard itself has changed.
const (
	measurePassMark = "pass_mark"
	measureSection  = "section."
	measureWeight   = ".weight"
	measureScore    = ".score"
)

// Frame puts the pass mark and the sections' weights into the evaluation's
// measures: "pass_mark" and "section.ID.weight".
func (s *Scorecard) Frame(e *earshot.Evaluation) {
	if e.Measures == nil {
		e.Measures = map[string]float64{}
	}
	e.Measures[measurePassMark] = s.PassMark
	for i := range s.Sections {
		e.Measures[measureSection+s.Sections[i].ID+measureWeight] = s.Sections[i].WeightOrOne()
	}
}

// Tally counts the answers: Score is 100 x sum(points x weight) / sum(possible
// x weight) over the criteria that passed or failed, 0 when a fatal one failed;
// Scored, Passed and Fatal follow, and "section.ID.score" in the measures. It
// needs what [Scorecard.Frame] left in the measures.
func Tally(e *earshot.Evaluation) {
	reached, possible := map[string]float64{}, map[string]float64{}
	var sumReached, sumPossible float64
	e.Fatal = false
	for i := range e.Answers {
		a := &e.Answers[i]
		if a.Verdict != earshot.Pass && a.Verdict != earshot.Fail {
			continue
		}
		e.Fatal = e.Fatal || a.Fatal && a.Verdict == earshot.Fail
		weight, ok := e.Measures[measureSection+a.Section+measureWeight]
		if !ok {
			weight = 1
		}
		reached[a.Section] += a.Points
		possible[a.Section] += a.MaxPoints
		sumReached += a.Points * weight
		sumPossible += a.MaxPoints * weight
	}
	e.Scored = sumPossible > 0 || e.Fatal
	e.Score = percent(sumReached, sumPossible)
	if e.Fatal {
		e.Score = 0
	}
	e.Passed = e.Scored && !e.Fatal && e.Score >= e.Measures[measurePassMark]
	for key := range e.Measures {
		if strings.HasPrefix(key, measureSection) && strings.HasSuffix(key, measureScore) {
			delete(e.Measures, key)
		}
	}
	for id, most := range possible {
		e.Measures[measureSection+id+measureScore] = percent(reached[id], most)
	}
}

func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * part / whole
}

// EvaluationID derives the id of one track's evaluation of an interaction under
// one version of a scorecard, so that a repeated evaluation replaces itself.
func EvaluationID(i earshot.InteractionID, track earshot.Track, card, hash string) earshot.EvaluationID {
	return earshot.EvaluationID(earshot.Derive("evaluation", string(i), string(track), card, hash))
}
