package demo_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/asr"
	"earshot/asr/pocketsphinx"
	"earshot/cmd/earshot/demo"
	"earshot/internal/need"
	"earshot/media/audio"
	"earshot/qa"
	"earshot/qa/scorecard"
)

// maxWER is well under what the demonstration promises, 0.35.
const maxWER = 0.25

func TestScripts_CallsAreUnderstoodAndFailWhatTheyShould(t *testing.T) {
	cards, err := scorecard.Default()
	if err != nil {
		t.Fatal(err)
	}
	engine := engine(t)
	for _, s := range scripts(t) {
		if s.Channel != earshot.Voice {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			spoken, err := s.Speak(t.Context())
			if earshot.KindOf(err) == earshot.Unavailable {
				need.That(t, false, "flite ("+err.Error()+")")
			}
			if err != nil {
				t.Fatal(err)
			}
			length := time.Duration(len(spoken.Agent)) * time.Second / time.Duration(spoken.Rate)
			if length < 25*time.Second || length > time.Minute {
				t.Errorf("lasts %v, want 25 s to a minute", length)
			}
			heard := append(listen(t, engine, earshot.Agent, spoken.Agent), listen(t, engine, earshot.Customer, spoken.Customer)...)
			slices.SortFunc(heard, func(a, b earshot.Utterance) int { return int(a.StartMS - b.StartMS) })
			for _, u := range heard {
				t.Logf("%6d-%6d %-8s %.2f %s", u.StartMS, u.EndMS, u.Role, u.Confidence, u.Text)
			}
			r := s.WER(heard)
			t.Logf("%v long, word error rate %.3f: %+v", length, r.Rate(), r.Edits)
			if r.Rate() > maxWER {
				t.Errorf("word error rate %.2f, want at most %.2f", r.Rate(), maxWER)
			}
			checkFailed(t, cards, s, heard, length)
		})
	}
}

func engine(t *testing.T) asr.Engine {
	t.Helper()
	sphinx, err := pocketsphinx.New(pocketsphinx.DefaultConfig())
	if earshot.KindOf(err) == earshot.Unavailable {
		need.That(t, false, "PocketSphinx ("+err.Error()+")")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sphinx.Close(); err != nil {
			t.Error(err)
		}
	})
	e, err := asr.Segmented(sphinx, asr.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// listen sends one side through G.722 and the engine.
func listen(t *testing.T, e asr.Engine, role earshot.Role, pcm []int16) []earshot.Utterance {
	t.Helper()
	encoder, err := audio.NewEncoder(earshot.G722)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := audio.NewDecoder(earshot.G722, 8000)
	if err != nil {
		t.Fatal(err)
	}
	var out []earshot.Utterance
	stream, err := e.Open(t.Context(), asr.Opening{Language: "en", Emit: func(s asr.Segment) {
		u := earshot.Utterance{
			ID:  earshot.SpokenID("i", earshot.LegID(role), s.Start.Milliseconds()),
			Leg: earshot.LegID(role), Channel: earshot.Voice, Role: role, Text: s.Text, Confidence: s.Confidence,
			StartMS: s.Start.Milliseconds(), EndMS: s.End.Milliseconds(), Language: s.Language,
		}
		for _, w := range s.Words {
			u.Words = append(u.Words, earshot.Word{Text: w.Text, StartMS: w.Start.Milliseconds(), EndMS: w.End.Milliseconds(), Confidence: w.Confidence})
		}
		out = append(out, u)
	}})
	if err != nil {
		t.Fatal(err)
	}
	wire := encoder.Encode(nil, pcm[:len(pcm)/320*320])
	if err := stream.Feed(t.Context(), decoder.Decode(nil, wire)); err != nil {
		t.Error(err)
	}
	if err := stream.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out
}

func checkFailed(t *testing.T, cards scorecard.Set, s demo.Script, utterances []earshot.Utterance, length time.Duration) {
	t.Helper()
	facts := earshot.Interaction{ID: earshot.InteractionID(s.ID), Channel: s.Channel, Language: s.Language, Queue: s.Queue}
	e := qa.Score(cards.For(facts), earshot.TranscriptEnd{Interaction: facts, Utterances: len(utterances), DurationMS: length.Milliseconds()}, utterances)
	var failed []earshot.CriterionID
	for _, a := range e.Answers {
		if a.Verdict == earshot.Fail || a.Verdict == earshot.Abstain {
			failed = append(failed, a.Criterion)
		}
		if a.Verdict == earshot.Fail != slices.Contains(s.Expect.Failed, a.Criterion) {
			t.Errorf("%s is %s: %s", a.Criterion, a.Verdict, a.Reason)
		}
	}
	t.Logf("score %.1f, failed %v", e.Score, failed)
	for _, want := range s.Expect.Failed {
		if !slices.Contains(failed, want) {
			t.Errorf("%s did not fail", want)
		}
	}
}
