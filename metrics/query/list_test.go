package query_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/metrics/metricstest"
	"earshot/metrics/query"
)

func ptr(v float64) *float64 { return &v }

// five contacts: 0 and 1 are calls of a1 with one failure, 2 a chat of a2 with a
// fatal failure and an open appeal, 3 a chat of a2 whose appeal was resolved, and 4
// a call of a1 that nobody evaluated.
func five() []any {
	chat := func(n int) metricstest.Contact {
		return metricstest.Contact{N: n, Channel: earshot.Chat, Agent: "a2", Queue: "sales"}
	}
	fatal, resolved := chat(2), chat(3)
	fatal.Failed, fatal.Fatal = []earshot.CriterionID{"recording"}, true
	var out []any
	for _, c := range []metricstest.Contact{
		{N: 0, Failed: []earshot.CriterionID{"closing"}}, {N: 1, Failed: []earshot.CriterionID{"closing"}}, fatal, resolved,
	} {
		out = append(out, c.Records()...)
	}
	out = append(out, metricstest.Contact{N: 4}.Records()[:4]...)
	return append(out, review(fatal, earshot.Appeal, 1), review(resolved, earshot.Appeal, 1), review(resolved, earshot.Resolve, 2),
		review(resolved, earshot.Acknowledge, 3))
}

func review(c metricstest.Contact, a earshot.ReviewAction, minutes time.Duration) earshot.Review {
	return earshot.Review{ID: earshot.ReviewID(fmt.Sprint(c.N, a)), Interaction: c.ID(), Criterion: "recording", Action: a,
		By: "li", At: c.Interaction().EndedAt.Add(minutes * time.Minute)}
}

func TestInteractions_FiltersNarrow(t *testing.T) {
	s, _ := store(t, five()...)
	at := metricstest.Contact{N: 2}.Interaction().StartedAt
	tests := map[string]struct {
		filter query.Filter
		want   []int
	}{
		"nothing":          {query.Filter{}, []int{4, 3, 2, 1, 0}},
		"channel":          {query.Filter{Channel: earshot.Chat}, []int{3, 2}},
		"agent":            {query.Filter{Agent: "a1"}, []int{4, 1, 0}},
		"queue":            {query.Filter{Queue: "sales"}, []int{3, 2}},
		"text in any case": {query.Filter{Text: "refund FOR", Agent: "a2"}, []int{3, 2}},
		"chinese text":     {query.Filter{Text: "请问有什么", Agent: "a2"}, []int{3, 2}},
		"text is no SQL":   {query.Filter{Text: "') OR 1=1 --"}, nil},
		"value is no SQL":  {query.Filter{Queue: "' OR ''='"}, nil},
		"pattern is text":  {query.Filter{Text: "%"}, nil},
		"min score":        {query.Filter{MinScore: ptr(99)}, []int{3}},
		"max score":        {query.Filter{MaxScore: ptr(70)}, []int{2, 1, 0}},
		"failed":           {query.Filter{Failed: "closing"}, []int{1, 0}},
		"appealed":         {query.Filter{Appealed: true}, []int{2}},
		"from is within":   {query.Filter{From: at}, []int{4, 3, 2}},
		"to is without":    {query.Filter{To: at}, []int{1, 0}},
		"together":         {query.Filter{From: at, Channel: earshot.Voice, Agent: "a1"}, []int{4}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			page, err := s.Interactions(context.Background(), tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			var want []earshot.InteractionID
			for _, n := range tt.want {
				want = append(want, metricstest.Contact{N: n}.ID())
			}
			if got := ids(page.Rows); !slices.Equal(got, want) || page.Total != len(want) {
				t.Errorf("got %v of %d, want %v", got, page.Total, want)
			}
		})
	}
}

func ids(rows []query.Row) []earshot.InteractionID {
	var out []earshot.InteractionID
	for _, r := range rows {
		out = append(out, r.Interaction.ID)
	}
	return out
}

func TestInteractions_RowsTellWhatStands(t *testing.T) {
	s, _ := store(t, five()...)
	page, err := s.Interactions(context.Background(), query.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	unseen, resolved, fatal := page.Rows[0], page.Rows[1], page.Rows[2]
	if unseen.Evaluation != nil || unseen.Utterances != 2 || unseen.DurationMS != metricstest.Length.Milliseconds() {
		t.Errorf("not evaluated: %+v", unseen)
	}
	if !resolved.Reviewed || resolved.Appealed || !resolved.Acknowledged {
		t.Errorf("resolved: reviewed %v, appealed %v, acknowledged %v", resolved.Reviewed, resolved.Appealed, resolved.Acknowledged)
	}
	if fatal.Reviewed || !fatal.Appealed || fatal.Acknowledged || !fatal.Evaluation.Fatal || fatal.Evaluation.Score != 0 {
		t.Errorf("fatal: %+v, evaluation %+v", fatal, fatal.Evaluation)
	}
	if a := fatal.Evaluation.Answers; len(a) != 3 || a[1].Verdict != earshot.Fail || a[1].Evidence != nil {
		t.Errorf("answers %+v", a)
	}
}

func TestInteractions_PagesNeitherRepeatNorLeaveOut(t *testing.T) {
	var values []any
	at := metricstest.Contact{}.Interaction().StartedAt
	for n := range 25 {
		values = append(values, metricstest.Contact{N: n, At: at}.Records()[0])
	}
	s, _ := store(t, values...)
	seen := map[earshot.InteractionID]bool{}
	for offset := 0; offset < 25; offset += 4 {
		page, err := s.Interactions(context.Background(), query.Filter{Limit: 4, Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != 25 {
			t.Fatalf("total %d, want 25", page.Total)
		}
		for _, id := range ids(page.Rows) {
			if seen[id] {
				t.Fatalf("%s stands on two pages", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 25 {
		t.Fatalf("pages show %d interactions, want 25", len(seen))
	}
}

func TestInteractions_BadFilterNamesTheField(t *testing.T) {
	s, _ := store(t)
	for _, f := range []query.Filter{{Limit: 501}, {Limit: -1}, {Offset: -1}} {
		if _, err := s.Interactions(context.Background(), f); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("%+v: got %v, want an error of kind invalid", f, err)
		}
	}
}

func TestFacets_AreTheValuesThatThereAre(t *testing.T) {
	s, _ := store(t, five()...)
	got, err := s.Facets(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "facets", got, query.Facets{
		Channels: []earshot.Channel{earshot.Voice, earshot.Chat},
		Agents:   []query.AgentName{{ID: "a1", Name: "张伟 a1"}, {ID: "a2", Name: "张伟 a2"}},
		Queues:   []string{"billing", "sales"},
		Criteria: []query.CriterionName{
			{ID: "greeting", Name: "Greets", NameZH: "问候"},
			{ID: "recording", Name: "Says that the call is recorded", NameZH: "告知录音"},
			{ID: "closing", Name: "Says goodbye", NameZH: "结束语"},
		},
	})
}

func TestAgents_CountTheirOwn(t *testing.T) {
	s, _ := store(t, five()...)
	got, err := s.Agents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].MeanScore = float64(int(got[i].MeanScore*10)) / 10
	}
	equal(t, "agents", got, []query.AgentRow{
		{Agent: query.AgentName{ID: "a1", Name: "张伟 a1"}, Interactions: 3, MeanScore: 66.6},
		{Agent: query.AgentName{ID: "a2", Name: "张伟 a2"}, Interactions: 2, MeanScore: 50, Fatal: 1, OpenAppeals: 1},
	})
}

func TestAgent_ListsTheWorstCriterionFirst(t *testing.T) {
	s, _ := store(t, five()...)
	got, err := s.Agent(context.Background(), "a1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Contacts) != 3 || got.Interactions != 3 || int(got.MeanScore) != 66 {
		t.Errorf("%d contacts, %d interactions, mean %v", len(got.Contacts), got.Interactions, got.MeanScore)
	}
	if len(got.Criteria) != 3 {
		t.Fatalf("criteria %+v", got.Criteria)
	}
	equal(t, "worst", got.Criteria[0], query.CriterionRate{
		Criterion: query.CriterionName{ID: "closing", Name: "Says goodbye", NameZH: "结束语"}, Failed: 2,
		Advice: "Say it: Says goodbye", AdviceZH: "请说:结束语",
	})
	if best := got.Criteria[1]; best.Passed != 2 || best.Failed != 0 || best.Advice != "" {
		t.Errorf("second %+v", best)
	}
}
