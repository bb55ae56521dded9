package rule

import (
	"cmp"
	"slices"
	"time"

	"earshot"
)

// Transcript is an interaction prepared for conditions: utterances in order,
// cut into turns and words.
type Transcript struct {
	Facts earshot.Interaction
	// DurationMS is the length in milliseconds, at least to the last utterance's end.
	DurationMS int64
	Utterances []earshot.Utterance
	// Open says that the interaction still goes on: what has not been said yet
	// may still be said, and such conditions come out Unsure.
	Open bool

	turns    []turn
	measures map[string]float64
}

// turn is a run of utterances of one role.
type turn struct {
	role    earshot.Role
	startMS int64
	// first and last are indexes of utterances.
	first, last int
	words       []spoken
	// base is the number of words of all turns before.
	base int
}

// spoken is a word in its place.
type spoken struct {
	text string
	// utterance is an index; start and end are bytes of its text.
	utterance, start, end int
	startMS, endMS        int64
	// confidence is 0 to 1; 0 is unknown.
	confidence float64
}

// NewTranscript prepares the utterances, which may come in any order; it keeps
// the first of each id.
func NewTranscript(facts earshot.Interaction, duration time.Duration, utterances []earshot.Utterance) *Transcript {
	t := &Transcript{Facts: facts, DurationMS: duration.Milliseconds()}
	for _, u := range inOrder(facts.Channel, utterances) {
		t.append(u)
	}
	return t
}

// Add adds an utterance of an interaction that goes on. It takes longer when
// the utterance began before the last one.
func (t *Transcript) Add(u earshot.Utterance) {
	t.measures = nil
	u.Channel = cmp.Or(u.Channel, t.Facts.Channel)
	if u.Channel != earshot.Voice && len(t.Utterances) > 0 {
		u.StartMS = u.At.Sub(t.Utterances[0].At).Milliseconds()
		u.EndMS = u.StartMS
	}
	if n := len(t.Utterances); n > 0 && inTime(u, t.Utterances[n-1]) < 0 {
		again := NewTranscript(t.Facts, time.Duration(t.DurationMS)*time.Millisecond, append(t.Utterances, u))
		t.Utterances, t.turns, t.DurationMS = again.Utterances, again.turns, again.DurationMS
		return
	}
	t.append(u)
}

func (t *Transcript) append(u earshot.Utterance) {
	t.Utterances = append(t.Utterances, u)
	t.DurationMS = max(t.DurationMS, u.EndMS)
	i := len(t.Utterances) - 1
	if n := len(t.turns); n == 0 || t.turns[n-1].role != u.Role {
		base := 0
		if n > 0 {
			base = t.turns[n-1].base + len(t.turns[n-1].words)
		}
		t.turns = append(t.turns, turn{role: u.Role, startMS: u.StartMS, first: i, base: base})
	}
	last := &t.turns[len(t.turns)-1]
	last.last = i
	last.words = appendSpoken(last.words, &t.Utterances[i], i)
}

// Measures returns the interaction's numbers; see [MeasureKeys]. They are
// counted once; the caller does not change them.
func (t *Transcript) Measures() map[string]float64 {
	if t.measures == nil {
		t.measures = measure(t)
	}
	return t.measures
}

// inOrder also gives utterances that do not tell their channel the
// interaction's, since the times of messages are told in another way.
func inOrder(channel earshot.Channel, utterances []earshot.Utterance) []earshot.Utterance {
	seen := make(map[earshot.UtteranceID]bool, len(utterances))
	out := make([]earshot.Utterance, 0, len(utterances))
	for _, u := range utterances {
		if u.ID == "" || !seen[u.ID] {
			seen[u.ID] = true
			u.Channel = cmp.Or(u.Channel, channel)
			out = append(out, u)
		}
	}
	earshot.Place(out)
	slices.SortStableFunc(out, inTime)
	return out
}

func inTime(a, b earshot.Utterance) int {
	return cmp.Or(cmp.Compare(a.StartMS, b.StartMS), a.At.Compare(b.At),
		cmp.Compare(a.EndMS, b.EndMS), cmp.Compare(a.ID, b.ID))
}

// appendSpoken appends the utterance's words with the times and confidences of
// the recogniser's words where they can be told, else of the whole.
func appendSpoken(out []spoken, u *earshot.Utterance, index int) []spoken {
	type timed struct {
		text string
		word *earshot.Word
	}
	var known []timed
	for i := range u.Words {
		for _, t := range tokenize(u.Words[i].Text) {
			known = append(known, timed{t.text, &u.Words[i]})
		}
	}
	next := 0
	for _, t := range tokenize(u.Text) {
		s := spoken{text: t.text, utterance: index, start: t.start, end: t.end,
			startMS: u.StartMS, endMS: u.EndMS, confidence: u.Confidence}
		// Redaction may have taken words out of the text: look a little ahead.
		for k := next; k < len(known) && k < next+24; k++ {
			if known[k].text == t.text {
				w := known[k].word
				s.startMS, s.endMS, s.confidence = w.StartMS, w.EndMS, w.Confidence
				next = k + 1
				break
			}
		}
		out = append(out, s)
	}
	return out
}

// isVoice says whether the interaction is spoken.
func (t *Transcript) isVoice() bool {
	if t.Facts.Channel != "" {
		return t.Facts.Channel == earshot.Voice
	}
	return len(t.Utterances) > 0 && t.Utterances[0].Channel == earshot.Voice
}

// has says whether somebody of the role took part; no roles means anybody.
func (t *Transcript) has(roles []earshot.Role) bool {
	if len(roles) == 0 {
		return true
	}
	for _, turn := range t.turns {
		if slices.Contains(roles, turn.role) {
			return true
		}
	}
	for _, leg := range t.Facts.Legs {
		if slices.Contains(roles, leg.Role) {
			return true
		}
	}
	return slices.Contains(roles, earshot.Agent) && t.Facts.Agent != ""
}
