package qa_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/qa"
	"earshot/qa/scorecard"
)

var update = flag.Bool("update", false, "write the golden files")

var begin = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// transcript reads a file of testdata/transcripts: "CHANNEL LANGUAGE", then
// lines of "ROLE START END TEXT" in seconds.
func transcript(t testing.TB, name string) (earshot.TranscriptEnd, []earshot.Utterance) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "transcripts", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	head := strings.Fields(lines[0])
	i := earshot.Interaction{ID: earshot.InteractionID(earshot.Derive("test", name)), Channel: earshot.Channel(head[0]),
		Language: head[1], StartedAt: begin}
	var utterances []earshot.Utterance
	for n, line := range lines[1:] {
		f := strings.SplitN(line, " ", 4)
		u := earshot.Utterance{ID: earshot.MessageID(i.ID, strconv.Itoa(n)), Interaction: i.ID, Channel: i.Channel,
			Role: earshot.Role(f[0]), StartMS: ms(t, f[1]), EndMS: ms(t, f[2]), Text: f[3], Language: i.Language, Confidence: 0.9}
		u.At = begin.Add(time.Duration(u.StartMS) * time.Millisecond)
		utterances = append(utterances, u)
	}
	last := utterances[len(utterances)-1].EndMS
	return earshot.TranscriptEnd{Interaction: i, Utterances: len(utterances), DurationMS: last,
		At: begin.Add(time.Duration(last) * time.Millisecond)}, utterances
}

func ms(t testing.TB, s string) int64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(f * 1000)
}

func defaults(t testing.TB) scorecard.Set {
	t.Helper()
	set, err := scorecard.Default()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// summary is what a golden file keeps: one line a criterion, readable in a diff.
func summary(e earshot.Evaluation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: score %.1f scored %v passed %v fatal %v\n", e.Scorecard, e.Score, e.Scored, e.Passed, e.Fatal)
	for _, a := range e.Answers {
		fmt.Fprintf(&b, "%s %s %g/%g | %s | %s\n", a.Criterion, a.Verdict, a.Points, a.MaxPoints, a.Reason, a.ReasonZH)
		for _, ev := range a.Evidence {
			fmt.Fprintf(&b, "    %d-%d %s %q\n", ev.StartMS, ev.EndMS, ev.Role, ev.Quote)
		}
	}
	return b.String()
}

func TestScore_RealisticContacts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			end, utterances := transcript(t, name)
			got := summary(qa.Score(defaults(t).For(end.Interaction), end, utterances))
			golden := filepath.Join("testdata", "golden", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Fatalf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// failed lists what the scripts were written to fail.
func TestScore_FailsWhatTheContactWasWrittenToFail(t *testing.T) {
	tests := map[string]string{
		"voice-en-good":         "",
		"voice-en-poor":         "greeting recording_notice identity_check no_forbidden_words silence offer_help closing",
		"voice-en-angry":        "",
		"voice-en-noncompliant": "no_guarantee",
		"voice-en-careful":      "",
		"voice-zh-good":         "",
		"chat-en-good":          "",
		"chat-zh-good":          "",
		"chat-zh-angry":         "greeting response_time identity_check empathy no_forbidden_words offer_help closing",
		"chat-zh-noncompliant":  "no_guarantee",
		"chat-en-bot-only":      "",
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			end, utterances := transcript(t, name)
			var failed []string
			for _, a := range qa.Score(defaults(t).For(end.Interaction), end, utterances).Answers {
				if a.Verdict == earshot.Fail {
					failed = append(failed, string(a.Criterion))
				}
			}
			if got := strings.Join(failed, " "); got != want {
				t.Errorf("failed %q, want %q", got, want)
			}
		})
	}
}

func TestScore_IsAPureFunction(t *testing.T) {
	end, utterances := transcript(t, "voice-en-angry")
	card := defaults(t).For(end.Interaction)
	first, err := json.Marshal(qa.Score(card, end, utterances))
	if err != nil {
		t.Fatal(err)
	}
	shuffled := append(append([]earshot.Utterance(nil), utterances[4:]...), utterances...)
	again, err := json.Marshal(qa.Score(card, end, shuffled))
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(again) {
		t.Fatalf("order and duplicates changed the evaluation:\n%s\n%s", first, again)
	}
}

func TestScore_DoesNotScoreWhatNobodyCouldHear(t *testing.T) {
	for _, i := range []earshot.Interaction{
		{ID: "x", Channel: earshot.Voice, Language: "zh", Attributes: map[string]string{"asr.skipped": "no engine for zh"}},
		{ID: "y", Channel: earshot.Voice, Language: "en"},
		{ID: "z", Channel: earshot.Chat, Language: "en"},
	} {
		e := qa.Score(defaults(t).For(i), earshot.TranscriptEnd{Interaction: i, At: begin, DurationMS: 60_000}, nil)
		if e.Scored || e.Fatal {
			t.Errorf("%s in %s: %s", i.Channel, i.Language, summary(e))
		}
	}
}
