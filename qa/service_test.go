package qa_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/qa"
)

// memory is a History of what a test puts there.
type memory struct {
	mu          sync.Mutex
	evaluations []earshot.Evaluation
	reviews     []earshot.Review
	// asked is closed at the first question for evaluations.
	asked chan struct{}
	once  sync.Once
}

func newMemory() *memory { return &memory{asked: make(chan struct{})} }

func (m *memory) Evaluations(context.Context, earshot.InteractionID) ([]earshot.Evaluation, error) {
	m.once.Do(func() { close(m.asked) })
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.evaluations, nil
}

func (m *memory) Reviews(context.Context, earshot.InteractionID) ([]earshot.Review, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reviews, nil
}

func (m *memory) know(e ...earshot.Evaluation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.evaluations = append(m.evaluations, e...)
}

// start runs a service; stop ends it and waits.
func start(t *testing.T, c *bus.Client, cfg qa.Config, h qa.History) (stop func()) {
	t.Helper()
	s, err := qa.New(cfg, c, h, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func put(t *testing.T, c *bus.Client, topic, kind, id string, i earshot.InteractionID, v any) {
	t.Helper()
	value, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Produce(t.Context(), bus.Message{Topic: topic, Interaction: i, Type: kind, ID: id, Source: "test", Time: begin, Value: value})
	if err != nil {
		t.Fatal(err)
	}
}

func putUtterances(t *testing.T, c *bus.Client, utterances []earshot.Utterance) {
	t.Helper()
	for _, u := range utterances {
		put(t, c, earshot.TopicUtterances, earshot.TypeUtterance, string(u.ID), u.Interaction, u)
	}
}

func putEnd(t *testing.T, c *bus.Client, end earshot.TranscriptEnd) {
	t.Helper()
	put(t, c, earshot.TopicUtterances, earshot.TypeTranscriptEnd, "end", end.Interaction.ID, end)
}

// results returns the first n results by type and track, "alert" for alerts.
func results(t *testing.T, c *bus.Client, n int) map[string][]earshot.Evaluation {
	t.Helper()
	out := map[string][]earshot.Evaluation{}
	for _, r := range bustest.ReadAll(t, c, earshot.TopicResults, n) {
		var e earshot.Evaluation
		if err := json.Unmarshal(r.Value, &e); err != nil {
			t.Fatal(err)
		}
		key := string(e.Track)
		if r.Type == earshot.TypeAlert {
			key = "alert"
		}
		out[key] = append(out[key], e)
	}
	return out
}

func TestService_WritesRuleAndFinalAtTheEnd(t *testing.T) {
	c := bustest.New(t)
	start(t, c, qa.DefaultConfig(), newMemory())
	end, utterances := transcript(t, "voice-en-poor")
	putUtterances(t, c, append(utterances, utterances[0], utterances[3]))
	putEnd(t, c, end)
	// Another contact after it: what came twice for the first one wrote nothing.
	putUtterances(t, c, utterances[:2])
	putEnd(t, c, end)
	second, more := transcript(t, "voice-en-good")
	second.Interaction.ID = end.Interaction.ID + "-2"
	for i := range more {
		more[i].Interaction = second.Interaction.ID
	}
	putUtterances(t, c, more)
	putEnd(t, c, second)

	got := results(t, c, 5)
	if len(got["alert"]) != 1 || len(got["rule"]) != 2 || len(got["final"]) != 2 {
		t.Fatalf("got %d alerts, %d rule, %d final", len(got["alert"]), len(got["rule"]), len(got["final"]))
	}
	for _, e := range got["final"] {
		if e.Interaction != end.Interaction.ID {
			continue
		}
		want := qa.Score(defaults(t).For(end.Interaction), end, utterances)
		if e.Score != want.Score || e.Utterances != len(utterances) || e.ID == want.ID {
			t.Fatalf("got score %v of %d utterances, id %s", e.Score, e.Utterances, e.ID)
		}
	}
}

func TestService_ScoresTheWholeInteractionAfterARestart(t *testing.T) {
	c := bustest.New(t)
	stop := start(t, c, qa.DefaultConfig(), newMemory())
	end, utterances := transcript(t, "voice-en-poor")
	putUtterances(t, c, utterances)
	results(t, c, 1) // the alert: the first service has seen the utterances
	stop()
	start(t, c, qa.DefaultConfig(), newMemory())
	putEnd(t, c, end)
	got := results(t, c, 4)
	if len(got["alert"]) != 2 || got["alert"][0].ID != got["alert"][1].ID {
		t.Fatalf("the replayed alert is %v", got["alert"])
	}
	if got["rule"][0].Utterances != len(utterances) {
		t.Fatalf("scored %d of %d utterances", got["rule"][0].Utterances, len(utterances))
	}
}

func TestService_ScoresAChatThatNobodyCloses(t *testing.T) {
	c := bustest.New(t)
	cfg := qa.DefaultConfig()
	cfg.IdleEnd = 50 * time.Millisecond
	start(t, c, cfg, newMemory())
	_, utterances := transcript(t, "chat-zh-good")
	putUtterances(t, c, utterances)
	// The sweep may come between two messages; the last one sees all of them.
	for n := 2; ; n += 2 {
		got := results(t, c, n)["rule"]
		if last := got[len(got)-1]; last.Utterances == len(utterances) {
			if !last.Passed {
				t.Fatalf("score %v", last.Score)
			}
			return
		}
	}
}

func TestService_PassesWhatNoScorecardFits(t *testing.T) {
	c := bustest.New(t)
	start(t, c, qa.DefaultConfig(), newMemory())
	end, utterances := transcript(t, "chat-en-good")
	for i := range utterances {
		utterances[i].Channel = "fax"
	}
	end.Interaction.Channel = "fax"
	putUtterances(t, c, utterances)
	putEnd(t, c, end)
	end, utterances = transcript(t, "voice-en-good")
	putUtterances(t, c, utterances)
	putEnd(t, c, end)
	if got := results(t, c, 2)["final"]; len(got) != 1 || got[0].Interaction != end.Interaction.ID {
		t.Fatalf("got %v", got)
	}
}

func TestService_LaysAReviewOverAnEvaluationThatComesLate(t *testing.T) {
	c := bustest.New(t)
	history := newMemory()
	start(t, c, qa.DefaultConfig(), history)
	end, utterances := transcript(t, "voice-en-poor")
	base := qa.Score(defaults(t).For(end.Interaction), end, utterances)
	review := func(id string, criterion earshot.CriterionID, v earshot.Verdict, at time.Duration) earshot.Review {
		return earshot.Review{ID: earshot.ReviewID(id), Interaction: base.Interaction, Evaluation: base.ID, Criterion: criterion,
			Action: earshot.Override, Verdict: v, By: "eve", ByRole: "reviewer", At: end.At.Add(at)}
	}
	first := review("r1", "greeting", earshot.Pass, time.Hour)
	put(t, c, earshot.TopicReviews, earshot.TypeReview, "r1", base.Interaction, first)
	<-history.asked // it is not there yet: the bus tries again
	history.know(base)
	// The second review builds on the first, which no store knows yet.
	second := review("r2", "closing", earshot.Pass, 2*time.Hour)
	put(t, c, earshot.TopicReviews, earshot.TypeReview, "r2", base.Interaction, second)
	got := results(t, c, 4)
	if len(got["human"]) != 2 || len(got["human"][1].Answers) != 2 {
		t.Fatalf("human track: %+v", got["human"])
	}
	last := got["final"][1]
	if last.Score <= got["final"][0].Score || got["final"][0].Score <= base.Score || !last.At.After(base.At) {
		t.Fatalf("scores %v, %v, %v", base.Score, got["final"][0].Score, last.Score)
	}
}

func TestService_DeadLettersAReviewOfAnUnknownCriterion(t *testing.T) {
	c := bustest.New(t)
	history := newMemory()
	start(t, c, qa.DefaultConfig(), history)
	end, utterances := transcript(t, "voice-en-poor")
	history.know(qa.Score(defaults(t).For(end.Interaction), end, utterances))
	put(t, c, earshot.TopicReviews, earshot.TypeReview, "r1", end.Interaction.ID, earshot.Review{ID: "r1",
		Interaction: end.Interaction.ID, Criterion: "no_such_thing", Action: earshot.Confirm, By: "eve", ByRole: "reviewer", At: end.At})
	bustest.ReadAll(t, c, earshot.TopicDead, 1)
}
