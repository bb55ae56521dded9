package wer_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"earshot/asr/wer"
)

func TestCompare_CountsEachKindOfEdit(t *testing.T) {
	tests := map[string]struct {
		said, heard string
		want        wer.Result
		rate        float64
	}{
		"the same":               {"How can I help?", "how can i help", wer.Result{Words: 4}, 0},
		"a substitution":         {"my name is Anna", "my name is and a", wer.Result{Words: 4, Substitutions: 1, Insertions: 1, Edits: []wer.Edit{{Heard: "and"}, {Said: "anna", Heard: "a"}}}, 0.5},
		"a deletion":             {"thank you very much", "thank you much", wer.Result{Words: 4, Deletions: 1, Edits: []wer.Edit{{Said: "very"}}}, 0.25},
		"an insertion":           {"thank you", "thank uh you", wer.Result{Words: 2, Insertions: 1, Edits: []wer.Edit{{Heard: "uh"}}}, 0.5},
		"nothing heard":          {"good bye", "", wer.Result{Words: 2, Deletions: 2, Edits: []wer.Edit{{Said: "good"}, {Said: "bye"}}}, 1},
		"nothing said":           {"", "the the", wer.Result{Insertions: 2, Edits: []wer.Edit{{Heard: "the"}, {Heard: "the"}}}, 1},
		"both silent":            {"", " ... ", wer.Result{}, 0},
		"Chinese by character":   {"您好,很高兴为您服务。", "您好很高心为您服务", wer.Result{Words: 9, Substitutions: 1, Edits: []wer.Edit{{Said: "兴", Heard: "心"}}}, 1.0 / 9},
		"two languages in one":   {"我的order没到", "我的order没有到", wer.Result{Words: 5, Insertions: 1, Edits: []wer.Edit{{Heard: "有"}}}, 0.2},
		"numbers as written":     {"4 days", "four days", wer.Result{Words: 2, Substitutions: 1, Edits: []wer.Edit{{Said: "4", Heard: "four"}}}, 0.5},
		"more inserted than was": {"no", "oh no no", wer.Result{Words: 1, Insertions: 2, Edits: []wer.Edit{{Heard: "oh"}, {Heard: "no"}}}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := wer.Compare(tt.said, tt.heard)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if got.Rate() != tt.rate {
				t.Errorf("rate %v, want %v", got.Rate(), tt.rate)
			}
		})
	}
}

func TestNormalize_KeepsWordsAndDropsPunctuation(t *testing.T) {
	tests := map[string][]string{
		"Don't WORRY - it's fine!":     {"don't", "worry", "it's", "fine"},
		"she said ‘yes’, you’re right": {"she", "said", "yes", "you're", "right"},
		"ＡＢＣ１２３ ok":                    {"abc123", "ok"},
		"退款4300元":                      {"退", "款", "4300", "元"},
		"…":                            nil,
	}
	for text, want := range tests {
		if got := wer.Normalize(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCompare_EditsExplainTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "c", "您", "好"})
		said := rapid.SliceOfN(word, 0, 12).Draw(t, "said")
		heard := rapid.SliceOfN(word, 0, 12).Draw(t, "heard")
		r := wer.Compare(strings.Join(said, " "), strings.Join(heard, " "))
		edits := r.Substitutions + r.Insertions + r.Deletions
		if r.Words != len(said) || edits != len(r.Edits) || edits > max(len(said), len(heard)) {
			t.Fatalf("%+v of %d words said, %d heard", r, len(said), len(heard))
		}
		if len(said)-r.Deletions+r.Insertions != len(heard) {
			t.Fatalf("%+v does not lead from %d words to %d", r, len(said), len(heard))
		}
		if back := wer.Compare(strings.Join(heard, " "), strings.Join(said, " ")); back.Substitutions+back.Insertions+back.Deletions != edits {
			t.Fatalf("there %+v, back %+v", r, back)
		}
	})
}

func TestResult_AddSumsOverTexts(t *testing.T) {
	sum := wer.Compare("one two", "one").Add(wer.Compare("three four", "three five"))
	want := wer.Result{Words: 4, Deletions: 1, Substitutions: 1, Edits: []wer.Edit{{Said: "two"}, {Said: "four", Heard: "five"}}}
	if !reflect.DeepEqual(sum, want) || sum.Rate() != 0.5 {
		t.Fatalf("got %+v", sum)
	}
}

func BenchmarkCompare_Words500(b *testing.B) {
	said := strings.Repeat("how can i help you with that order today ", 55)
	heard := strings.Repeat("how can help you with that old order day ", 55)
	for b.Loop() {
		wer.Compare(said, heard)
	}
}
