package web

import (
	"cmp"
	"slices"
	"strings"

	"earshot"
)

const (
	// longSilence is the gap between two utterances of a call, in milliseconds,
	// from which the transcript says that nobody spoke.
	longSilence = 5000
	// unsure is the confidence under which a recognised word is marked.
	unsure = 0.5
)

// line is one utterance as the transcript shows it.
type line struct {
	earshot.Utterance
	Pieces []piece
	// Silence is the length of the gap before it in milliseconds, 0 when short.
	Silence int64
	// Marks are the criteria that this utterance is evidence for.
	Marks []mark
	// Follows is set when the same role spoke the line before.
	Follows bool
}

// piece is a run of text of one kind: "" plain, "unsure" a word that the
// engine hardly understood, "removed" a mask over personal data.
type piece struct {
	Text, Kind string
	// Type of what was removed.
	Type string
}

// mark says that an utterance is evidence for a criterion.
type mark struct {
	earshot.Answer
}

// newLines prepares the transcript; answers are those of the final evaluation.
func newLines(us []earshot.Utterance, answers []earshot.Answer) []line {
	marks := map[earshot.UtteranceID][]mark{}
	for _, a := range answers {
		seen := map[earshot.UtteranceID]bool{}
		for _, e := range a.Evidence {
			if e.Utterance != "" && !seen[e.Utterance] {
				seen[e.Utterance] = true
				marks[e.Utterance] = append(marks[e.Utterance], mark{a})
			}
		}
	}
	out := make([]line, 0, len(us))
	var end int64
	for i, u := range us {
		l := line{Utterance: u, Pieces: pieces(u), Marks: marks[u.ID]}
		if u.Channel == earshot.Voice && u.StartMS-end >= longSilence {
			l.Silence = u.StartMS - end
		}
		l.Follows = i > 0 && us[i-1].Role == u.Role && l.Silence == 0
		end = max(end, u.EndMS)
		out = append(out, l)
	}
	return out
}

// pieces cuts a text where it was masked and where a word is doubtful. Spans
// that do not fit the text are left out, so that the text itself always shows.
func pieces(u earshot.Utterance) []piece {
	type cut struct {
		start, end int
		kind, typ  string
	}
	var cuts []cut
	for _, s := range u.Redactions {
		if 0 <= s.Start && s.Start < s.End && s.End <= len(u.Text) {
			cuts = append(cuts, cut{s.Start, s.End, "removed", s.Type})
		}
	}
	at := 0
	for _, w := range u.Words {
		i := strings.Index(u.Text[at:], w.Text)
		if w.Text == "" || i < 0 {
			continue
		}
		start := at + i
		at = start + len(w.Text)
		if w.Confidence < unsure {
			cuts = append(cuts, cut{start, at, "unsure", ""})
		}
	}
	slices.SortStableFunc(cuts, func(a, b cut) int { return cmp.Compare(a.start, b.start) })
	var out []piece
	at = 0
	for _, c := range cuts {
		if c.start < at {
			continue
		}
		if c.start > at {
			out = append(out, piece{Text: u.Text[at:c.start]})
		}
		out = append(out, piece{Text: u.Text[c.start:c.end], Kind: c.kind, Type: c.typ})
		at = c.end
	}
	if at < len(u.Text) {
		out = append(out, piece{Text: u.Text[at:]})
	}
	return out
}
