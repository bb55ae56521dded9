package query_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
	"earshot/metrics/metricstest"
	"earshot/metrics/query"
)

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func store(t *testing.T, values ...any) (*query.Store, driver.Conn) {
	t.Helper()
	conn := metricstest.Open(t)
	metricstest.Store(t, conn, 0, values...)
	return query.New(conn), conn
}

func TestInteraction_ReadsBackWhatWasStored(t *testing.T) {
	c := metricstest.Contact{N: 1, Failed: []earshot.CriterionID{"closing"}}
	whole := c.Interaction()
	alert := earshot.Alert{ID: "al", Interaction: c.ID(), Rule: "r", Name: "n", NameZH: "名", Severity: "critical", At: whole.StartedAt, Facts: earshot.Interaction{ID: c.ID()},
		Evidence: []earshot.Evidence{{Quote: "q", StartMS: 1}}}
	review := earshot.Review{ID: "re", Interaction: c.ID(), Tenant: "t1", Evaluation: "ev", Criterion: "closing", Action: earshot.Override, Verdict: earshot.Pass, Comment: "说了;'--", By: "li", ByRole: "reviewer", At: whole.EndedAt}
	records := append(c.Records(), alert, review)
	said := c.Utterances()
	message := said[1]
	message.ID, message.StartMS, message.EndMS = earshot.MessageID(c.ID(), "m"), 9000, 9000
	message.Facts = &earshot.Interaction{ID: c.ID(), Queue: "billing", Attributes: map[string]string{"k": "v"}}
	s, _ := store(t, append(records, message)...)
	got, err := s.Interaction(context.Background(), c.ID())
	if err != nil {
		t.Fatal(err)
	}
	whole.Attributes["k"] = "v"
	equal(t, "interaction", got.Interaction, whole)
	equal(t, "duration", got.DurationMS, metricstest.Length.Milliseconds())
	equal(t, "utterances", got.Utterances, append(said, message))
	equal(t, "evaluations", got.Evaluations, []earshot.Evaluation{c.Evaluation(earshot.TrackRule, 2*time.Second), c.Evaluation(earshot.TrackFinal, 2*time.Second)})
	equal(t, "reviews", got.Reviews, []earshot.Review{review})
	equal(t, "alerts", got.Alerts, []earshot.Alert{alert})
	if len(got.Events) != 2 || !reflect.DeepEqual(got.Events[1], records[3]) {
		t.Errorf("events %+v", got.Events)
	}
}

func TestInteraction_UnknownIsNotFound(t *testing.T) {
	s, _ := store(t)
	for _, id := range []earshot.InteractionID{"", "nobody", "' OR 1=1 --"} {
		if _, err := s.Interaction(context.Background(), id); earshot.KindOf(err) != earshot.NotFound {
			t.Errorf("%q: got %v, want an error of kind not found", id, err)
		}
	}
	if _, err := s.Agent(context.Background(), "nobody"); earshot.KindOf(err) != earshot.NotFound {
		t.Errorf("got %v, want an error of kind not found", err)
	}
}

// What is known of an interaction does not depend on the order in which its
// records arrive, nor on how often.
func TestInteraction_LaterKnownFactsWinInAnyOrder(t *testing.T) {
	c := metricstest.Contact{N: 1}
	at := c.Interaction().StartedAt
	event := func(after time.Duration, f earshot.Interaction) earshot.Event {
		f.ID = c.ID()
		return c.Event(earshot.InteractionUpdated, after, f)
	}
	early := event(0, earshot.Interaction{Queue: "entrance", StartedAt: at, Attributes: map[string]string{"a": "1", "b": "1"},
		Legs: []earshot.Leg{{ID: "x", Role: earshot.Other}, {ID: "w", Role: earshot.Agent}}})
	late := event(time.Minute, earshot.Interaction{Queue: "billing", Agent: "a9", Attributes: map[string]string{"b": "2", "c": "2"},
		Legs: []earshot.Leg{{ID: "x", Role: earshot.Customer}}})
	last := event(2*time.Minute, earshot.Interaction{Channel: earshot.Voice, EndedAt: at.Add(150 * time.Second)})
	// An evaluation carries what was known when it began, at a later time.
	stale := c.Evaluation(earshot.TrackFinal, time.Hour)
	stale.Facts = earshot.Interaction{ID: c.ID(), Queue: "entrance", Region: "south"}
	want := earshot.Interaction{
		ID: c.ID(), Tenant: "t1", Channel: earshot.Voice, Queue: "billing", Region: "south", Agent: "a9", StartedAt: at, EndedAt: at.Add(150 * time.Second),
		Legs:       []earshot.Leg{{ID: "x", Role: earshot.Customer}, {ID: "w", Role: earshot.Agent}},
		Attributes: map[string]string{"a": "1", "b": "2", "c": "2"},
	}
	orders := map[string][]any{
		"in order": {early, late, last, stale},
		"reversed": {stale, last, late, early},
		"repeated": {late, early, stale, late, last, early, stale},
	}
	for name, values := range orders {
		t.Run(name, func(t *testing.T) {
			s, conn := store(t)
			for i, v := range values {
				metricstest.Store(t, conn, int64(i), v)
			}
			got, err := s.Interaction(context.Background(), c.ID())
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "interaction", got.Interaction, want)
			equal(t, "duration", got.DurationMS, int64(150_000))
			if n := metricstest.Count(t, conn, "interactions"); n != 1 {
				t.Errorf("%d interactions, want 1", n)
			}
		})
	}
}

func TestEvaluations_CurrentIsTheOneThatSawMoreThenTheLater(t *testing.T) {
	c := metricstest.Contact{N: 1}
	saw := func(n int, after time.Duration, card string) earshot.Evaluation {
		e := c.Evaluation(earshot.TrackFinal, after)
		e.Utterances, e.Scorecard = n, card
		e.ID = earshot.EvaluationID(earshot.Derive("evaluation", string(c.ID()), "final", card))
		return e
	}
	want := saw(5, time.Minute, "second")
	for _, order := range [][]any{
		{saw(2, time.Hour, "first"), want, saw(5, time.Second, "first")},
		{want, saw(5, time.Second, "second"), saw(2, time.Hour, "second")},
	} {
		s, conn := store(t)
		for i, v := range order {
			metricstest.Store(t, conn, int64(i), v)
		}
		got, err := s.Evaluations(context.Background(), c.ID())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "evaluations", got, []earshot.Evaluation{want})
		if n := metricstest.Count(t, conn, "criteria_results_current"); n != 3 {
			t.Errorf("%d current criteria results, want 3", n)
		}
	}
}
