package asr

import (
	"math"
	"strings"
	"time"

	"earshot"
	"earshot/internal/redact"
)

// speaker is what is known of whom a stream listens to.
type speaker struct {
	facts  earshot.Interaction
	leg    earshot.Leg
	offset time.Duration // of the stream's beginning on the call's timeline
	origin time.Time     // of the timeline
}

// utterance makes the record of a final segment. Nothing that was redacted is
// left in it.
func (s speaker) utterance(seg Segment) earshot.Utterance {
	text, spans := redact.Text(seg.Text, seg.Language)
	start := s.milliseconds(seg.Start)
	channel := s.facts.Channel
	if channel == "" {
		channel = earshot.Voice
	}
	return earshot.Utterance{
		ID:          earshot.SpokenID(s.facts.ID, s.leg.ID, start),
		Interaction: s.facts.ID,
		Tenant:      s.facts.Tenant,
		Channel:     channel,
		Leg:         s.leg.ID,
		Role:        s.leg.Role,
		StartMS:     start,
		EndMS:       s.milliseconds(seg.End),
		At:          s.origin.Add(time.Duration(start) * time.Millisecond),
		Text:        text,
		Language:    seg.Language,
		Confidence:  round(seg.Confidence),
		Words:       maskWords(s.words(seg.Words), text, spans),
		Redactions:  spans,
	}
}

func (s speaker) milliseconds(t time.Duration) int64 { return (s.offset + t).Milliseconds() }

func (s speaker) words(words []Word) []earshot.Word {
	out := make([]earshot.Word, len(words))
	for i, w := range words {
		out[i] = earshot.Word{
			Text:       w.Text,
			StartMS:    s.milliseconds(w.Start),
			EndMS:      s.milliseconds(w.End),
			Confidence: round(w.Confidence),
		}
	}
	return out
}

// round keeps three digits: more would only be noise in the record.
func round(p float64) float64 { return math.Round(p*1000) / 1000 }

// token is a piece of a masked text: a word that was left, or a mask.
type token struct {
	text string
	mask bool
}

// maskWords returns the words of a text with those that were masked in it
// joined into one word for each mask. When the words cannot be told from the
// masks for certain they are dropped: better no times than a card number.
func maskWords(words []earshot.Word, masked string, spans []earshot.Span) []earshot.Word {
	if len(spans) == 0 {
		return words
	}
	tokens := tokenize(masked, spans)
	// behind[i][j]: the words from i on can be the tokens from j on.
	behind := make([][]bool, len(words)+1)
	for i := len(words); i >= 0; i-- {
		behind[i] = make([]bool, len(tokens)+2)
		behind[i][len(tokens)] = i == len(words)
		for j := len(tokens) - 1; j >= 0 && i < len(words); j-- {
			if tokens[j].mask {
				behind[i][j] = behind[i+1][j+1] || behind[i+1][j]
			} else {
				behind[i][j] = words[i].Text == tokens[j].text && behind[i+1][j+1]
			}
		}
	}
	if !behind[0][0] {
		return nil
	}
	var out []earshot.Word
	i := 0
	for j, t := range tokens {
		w := words[i]
		w.Text = t.text
		i++
		// A mask takes as many words as it can: where two ways fit, more is hidden.
		for t.mask && i < len(words) && behind[i][j] {
			w.EndMS = words[i].EndMS
			w.Confidence = math.Min(w.Confidence, words[i].Confidence)
			i++
		}
		out = append(out, w)
	}
	return out
}

// tokenize splits a masked text at white space and at its spans.
func tokenize(masked string, spans []earshot.Span) []token {
	var out []token
	from := 0
	for _, s := range spans {
		if s.Start < from || s.End > len(masked) || s.End <= s.Start {
			continue
		}
		for _, w := range strings.Fields(masked[from:s.Start]) {
			out = append(out, token{text: w})
		}
		out = append(out, token{text: masked[s.Start:s.End], mask: true})
		from = s.End
	}
	for _, w := range strings.Fields(masked[from:]) {
		out = append(out, token{text: w})
	}
	return out
}
