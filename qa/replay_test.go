package qa_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/qa"
)

// awaitLag waits until n utterances are not done.
func awaitLag(t *testing.T, c *bus.Client, n int64) {
	t.Helper()
	awaitGroupLag(t, c, "qa", earshot.TopicUtterances, n)
}

func awaitGroupLag(t *testing.T, c *bus.Client, group, topic string, n int64) {
	t.Helper()
	await.That(t, "the records of the group are done", func() bool {
		lag, err := c.Lag(t.Context(), bus.Group{Name: "qa", Topics: []string{earshot.TopicUtterances}})
		return err == nil && lag[earshot.TopicUtterances] == n
	})
}

func TestService_ScoresMessagesThatComeAfterTheirEnd(t *testing.T) {
	end, utterances := transcript(t, "chat-en-good")
	for name, before := range map[string]int{"the last message": len(utterances) - 1, "all messages": 0} {
		t.Run(name, func(t *testing.T) {
			c := bustest.New(t)
			cfg := qa.DefaultConfig()
			cfg.IdleEnd = 200 * time.Millisecond
			start(t, c, cfg, newMemory())
			putUtterances(t, c, utterances[:before])
			putEnd(t, c, end)
			results(t, c, 2)
			putUtterances(t, c, utterances[before:])
			for n := 4; ; n += 2 {
				got := results(t, c, n)["rule"]
				if got[len(got)-1].Utterances == len(utterances) {
					return
				}
			}
		})
	}
}

func TestService_IsDoneWithWhatCanNeverBeScored(t *testing.T) {
	c := bustest.New(t)
	start(t, c, qa.DefaultConfig(), newMemory())
	end, utterances := transcript(t, "voice-en-good")
	// It fits into Kafka, but not together with its answers.
	end.Interaction.Attributes = map[string]string{"a": strings.Repeat("x", 998_000)}
	putUtterances(t, c, utterances)
	putEnd(t, c, end)
	if dead := bustest.ReadAll(t, c, earshot.TopicDead, 1); dead[0].Type != earshot.TypeTranscriptEnd {
		t.Fatalf("%s is dead", dead[0].Type)
	}
	awaitLag(t, c, 0)
}

func TestService_LeavesABetterScoreInPlaceWhenOnlyATailComesAgain(t *testing.T) {
	c := bustest.New(t)
	history := newMemory()
	start(t, c, qa.DefaultConfig(), history)
	// All but its beginning: there would be an alert, for a notice not given.
	end, utterances := transcript(t, "voice-en-good")
	history.know(qa.Score(defaults(t).For(end.Interaction), end, utterances))
	putUtterances(t, c, utterances[4:])
	putEnd(t, c, end)
	other, more := transcript(t, "chat-en-good")
	putUtterances(t, c, more)
	putEnd(t, c, other)
	for _, es := range results(t, c, 2) {
		for _, e := range es {
			if e.Interaction != other.Interaction.ID {
				t.Errorf("wrote %s of %d utterances again", e.Track, e.Utterances)
			}
		}
	}
	awaitLag(t, c, 0)
}

func TestService_BoundsWhatOneInteractionTakesInMemory(t *testing.T) {
	c := bustest.New(t)
	start(t, c, qa.DefaultConfig(), newMemory())
	end, utterances := transcript(t, "chat-en-good")
	const many = 40
	for i := range many {
		u := utterances[0]
		u.ID = earshot.MessageID(u.Interaction, strconv.Itoa(i))
		u.Words = []earshot.Word{{Text: strings.Repeat("x", 900_000)}}
		putUtterances(t, c, []earshot.Utterance{u})
	}
	putEnd(t, c, end)
	if n := results(t, c, 2)["rule"][0].Utterances; n < 10 || n*900_000 > 16<<20 {
		t.Fatalf("kept %d utterances of 900 kB each", n)
	}
	awaitLag(t, c, 0)
}

func TestService_KeepsAReviewThatTheStoreDoesNotHaveYetThroughARestart(t *testing.T) {
	c := bustest.New(t)
	history := newMemory()
	end, utterances := transcript(t, "voice-en-poor")
	base := qa.Score(defaults(t).For(end.Interaction), end, utterances)
	history.know(base)
	review := func(id earshot.ReviewID, criterion earshot.CriterionID) earshot.Review {
		v := earshot.Review{ID: id, Interaction: base.Interaction, Evaluation: base.ID, Criterion: criterion,
			Action: earshot.Override, Verdict: earshot.Pass, By: "eve", ByRole: "reviewer", At: end.At.Add(time.Hour)}
		put(t, c, earshot.TopicReviews, earshot.TypeReview, string(id), base.Interaction, v)
		return v
	}
	stop := start(t, c, qa.DefaultConfig(), history)
	first := review("r1", "greeting")
	results(t, c, 2)
	stop()
	start(t, c, qa.DefaultConfig(), history)
	second := review("r2", "closing")
	got := results(t, c, 6)["human"]
	if last := got[len(got)-1]; len(last.Answers) != 2 {
		t.Fatalf("the last one has %d of 2 decisions", len(last.Answers))
	}
	history.mu.Lock()
	history.reviews = []earshot.Review{first, second}
	history.mu.Unlock()
	awaitGroupLag(t, c, "qa-reviews", earshot.TopicReviews, 0)
}
