package review_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/qa/review"
	"earshot/qa/scorecard"
)

var at = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// base has two sections: greeting 10 of 10, tone 0 of 10 and promise, fatal.
func base() earshot.Evaluation {
	e := earshot.Evaluation{Interaction: "i", Track: earshot.TrackRule, Scorecard: "card", ScorecardHash: "h", At: at, Utterances: 7,
		Measures: map[string]float64{"pass_mark": 60, "section.a.weight": 1, "section.b.weight": 3},
		Answers: []earshot.Answer{
			{Criterion: "greeting", Section: "a", Verdict: earshot.Pass, Points: 10, MaxPoints: 10, Confidence: 0.8},
			{Criterion: "tone", Section: "b", Verdict: earshot.Fail, MaxPoints: 10, Reason: "rude"},
			{Criterion: "promise", Section: "b", Verdict: earshot.Abstain, MaxPoints: 10, Fatal: true},
		}}
	scorecard.Tally(&e)
	return e
}

func rev(id string, action earshot.ReviewAction, criterion earshot.CriterionID, v earshot.Verdict, after time.Duration) earshot.Review {
	return earshot.Review{ID: earshot.ReviewID(id), Interaction: "i", Action: action, Criterion: criterion, Verdict: v,
		By: "eve", ByRole: "reviewer", At: at.Add(after)}
}

func TestApply_LatestDecisionWins(t *testing.T) {
	agentSays := func(r earshot.Review) earshot.Review { r.ByRole = "agent"; return r }
	tests := map[string]struct {
		reviews []earshot.Review
		tone    earshot.Verdict
		score   float64
		human   int
		appeals float64
	}{
		"none":     {nil, earshot.Fail, 25, 0, 0},
		"override": {[]earshot.Review{rev("1", earshot.Override, "tone", earshot.Pass, 1)}, earshot.Pass, 100, 1, 0},
		"override twice, out of order": {[]earshot.Review{
			rev("2", earshot.Override, "tone", earshot.NA, 2), rev("1", earshot.Override, "tone", earshot.Pass, 1)}, earshot.NA, 100, 1, 0},
		"confirm keeps what stood": {[]earshot.Review{
			rev("1", earshot.Override, "tone", earshot.Pass, 1), rev("2", earshot.Confirm, "tone", "", 2)}, earshot.Pass, 100, 1, 0},
		"appeal leaves the verdict": {[]earshot.Review{agentSays(rev("1", earshot.Appeal, "tone", "", 1))}, earshot.Fail, 25, 0, 1},
		"resolve answers the appeal": {[]earshot.Review{
			agentSays(rev("1", earshot.Appeal, "tone", "", 1)), rev("2", earshot.Resolve, "tone", earshot.Pass, 2)}, earshot.Pass, 100, 1, 0},
		"resolve without a verdict keeps it": {[]earshot.Review{
			agentSays(rev("1", earshot.Appeal, "tone", "", 1)), rev("2", earshot.Resolve, "tone", "", 2)}, earshot.Fail, 25, 1, 0},
		"acknowledge changes nothing": {[]earshot.Review{agentSays(rev("1", earshot.Acknowledge, "", "", 1))}, earshot.Fail, 25, 0, 0},
		"fatal":                       {[]earshot.Review{rev("1", earshot.Override, "promise", earshot.Fail, 1)}, earshot.Fail, 0, 1, 0},
		"the same review twice": {[]earshot.Review{
			rev("1", earshot.Override, "tone", earshot.Pass, 1), rev("1", earshot.Override, "tone", earshot.Pass, 1)}, earshot.Pass, 100, 1, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			machine := base()
			human, final, err := review.Apply(machine, tt.reviews)
			if err != nil {
				t.Fatal(err)
			}
			if a := final.Answers[1]; a.Verdict != tt.tone || final.Score != tt.score {
				t.Errorf("tone %s, score %v; want %s, %v", a.Verdict, final.Score, tt.tone, tt.score)
			}
			if len(human.Answers) != tt.human || final.Measures[review.OpenAppeals] != tt.appeals {
				t.Errorf("%d human answers, %v appeals", len(human.Answers), final.Measures[review.OpenAppeals])
			}
			if len(tt.reviews) > 0 && !final.At.After(machine.At) {
				t.Errorf("final of %v does not come after %v", final.At, machine.At)
			}
			if machine.Answers[1].Verdict != earshot.Fail || machine.Score != 25 {
				t.Error("the machine's evaluation was changed")
			}
			if final.ID == machine.ID || human.ID == final.ID || final.Utterances != 7 {
				t.Errorf("ids %q %q %q", machine.ID, human.ID, final.ID)
			}
		})
	}
}

func TestApply_ALaterReviewIsALaterEvaluationWhateverTheClocksSay(t *testing.T) {
	early := []earshot.Review{rev("1", earshot.Override, "tone", earshot.Pass, -time.Hour), rev("2", earshot.Override, "tone", earshot.Fail, -time.Minute)}
	_, one, err := review.Apply(base(), early[:1])
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := review.Apply(base(), early)
	if err != nil {
		t.Fatal(err)
	}
	if !one.At.After(at) || !two.At.After(one.At) {
		t.Fatalf("%v, %v, %v", at, one.At, two.At)
	}
}

func TestApply_AReviewOfAClockThatIsBehindMakesALaterEvaluation(t *testing.T) {
	reviews := []earshot.Review{rev("1", earshot.Override, "tone", earshot.Pass, time.Minute), rev("2", earshot.Override, "greeting", earshot.Fail, time.Second)}
	_, one, err := review.Apply(base(), reviews[:1])
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := review.Apply(base(), reviews)
	if err != nil {
		t.Fatal(err)
	}
	if two.At.UnixMilli() <= one.At.UnixMilli() {
		t.Fatalf("with one review it is of %v, with two of %v", one.At, two.At)
	}
}

func TestApply_RefusesWhatDoesNotFit(t *testing.T) {
	byAgent := rev("1", earshot.Override, "tone", earshot.Pass, 1)
	byAgent.ByRole = "agent"
	tests := map[string]struct {
		review earshot.Review
		kind   earshot.Kind
	}{
		"unknown criterion": {rev("1", earshot.Confirm, "nothing", "", 1), earshot.Invalid},
		"no criterion":      {rev("1", earshot.Appeal, "", "", 1), earshot.Invalid},
		"unknown action":    {rev("1", "burn", "tone", "", 1), earshot.Invalid},
		"no verdict":        {rev("1", earshot.Override, "tone", "", 1), earshot.Invalid},
		"unknown verdict":   {rev("1", earshot.Resolve, "tone", "maybe", 1), earshot.Invalid},
		"agent decides":     {byAgent, earshot.Denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := review.Apply(base(), []earshot.Review{tt.review}); err == nil || earshot.KindOf(err) != tt.kind {
				t.Fatalf("got %v of kind %v", err, earshot.KindOf(err))
			}
		})
	}
}
