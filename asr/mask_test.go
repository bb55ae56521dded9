package asr

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"earshot"
)

// timed gives each word of a text 100 ms.
func timed(text string) []earshot.Word {
	var out []earshot.Word
	for i, w := range strings.Fields(text) {
		out = append(out, earshot.Word{Text: w, StartMS: int64(i) * 100, EndMS: int64(i+1) * 100, Confidence: 1 - float64(i)/100})
	}
	return out
}

// masks finds the [...] of a masked text.
func masks(masked string) []earshot.Span {
	var out []earshot.Span
	for from := 0; ; {
		open := strings.IndexByte(masked[from:], '[')
		if open < 0 {
			return out
		}
		end := from + open + strings.IndexByte(masked[from+open:], ']') + 1
		out = append(out, earshot.Span{Start: from + open, End: end, Type: "CARD"})
		from = end
	}
}

func TestMaskWords_WhatIsMaskedIsOneWord(t *testing.T) {
	tests := map[string]struct {
		said, masked string
		want         []string
		// times of the masks: first start and last end.
		from, to int64
	}{
		"nothing":                               {"hello there", "hello there", []string{"hello", "there"}, 0, 0},
		"in the middle":                         {"it is one two three okay", "it is [CARD] okay", []string{"it", "is", "[CARD]", "okay"}, 200, 500},
		"all":                                   {"one two three", "[CARD]", []string{"[CARD]"}, 0, 300},
		"two masks":                             {"call one two or three four", "call [CARD] or [CARD]", []string{"call", "[CARD]", "or", "[CARD]"}, 100, 600},
		"an ambiguous place":                    {"one or two or three", "[CARD] or three", []string{"[CARD]", "or", "three"}, 0, 300},
		"a text that was changed in other ways": {"hello one two", "Hello, [CARD]", nil, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := maskWords(timed(tt.said), tt.masked, masks(tt.masked))
			var texts []string
			var from, to int64 = -1, 0
			for _, w := range got {
				texts = append(texts, w.Text)
				if w.Text == "[CARD]" {
					if from < 0 {
						from = w.StartMS
					}
					to = w.EndMS
				}
			}
			if !reflect.DeepEqual(texts, tt.want) || to != tt.to || from > 0 && from != tt.from {
				t.Errorf("got %q, masks from %d to %d", texts, from, to)
			}
		})
	}
}

func TestMaskWords_NeverLeavesWhatWasMasked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var said, masked []string
		for range rapid.IntRange(1, 8).Draw(t, "parts") {
			if rapid.Bool().Draw(t, "secret") {
				n := rapid.IntRange(1, 3).Draw(t, "words")
				for range n {
					said = append(said, "secret")
				}
				masked = append(masked, "[CARD]")
			} else {
				w := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "word")
				said, masked = append(said, w), append(masked, w)
			}
		}
		text := strings.Join(masked, " ")
		got := maskWords(timed(strings.Join(said, " ")), text, masks(text))
		var texts []string
		for _, w := range got {
			texts = append(texts, w.Text)
		}
		if strings.Join(texts, " ") != text {
			t.Fatalf("words %q of the text %q", texts, text)
		}
	})
}

func TestSpeaker_WordsFollowTheRedactedText(t *testing.T) {
	words := []Word{{Text: "hello"}, {Text: "there"}}
	u := speaker{facts: earshot.Interaction{ID: "i"}, leg: earshot.Leg{ID: "l", Role: earshot.Agent}}.utterance(Segment{Text: "hello there", Words: words, Language: "en", Final: true})
	if u.Text != "hello there" || len(u.Words) != 2 || u.Channel != earshot.Voice {
		t.Errorf("got %+v", u)
	}
}
