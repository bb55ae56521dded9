package rule

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"earshot"
)

// gap is a time in which nobody spoke.
type gap struct {
	fromMS, toMS int64
	// next is the index of the utterance that ends it, len(Utterances) at the end.
	next int
}

// gaps returns the times of at least min in which nobody spoke.
func (t *Transcript) gaps(min time.Duration) []gap {
	var out []gap
	heard := int64(0)
	for i := range t.Utterances {
		u := &t.Utterances[i]
		if u.StartMS-heard > min.Milliseconds() {
			out = append(out, gap{heard, u.StartMS, i})
		}
		heard = max(heard, u.EndMS)
	}
	if !t.Open && t.DurationMS-heard > min.Milliseconds() {
		out = append(out, gap{heard, t.DurationMS, len(t.Utterances)})
	}
	return out
}

// interruption is an utterance that began over another one.
type interruption struct {
	by, over int
	overlap  int64
}

func (t *Transcript) interruptions(overlap time.Duration) []interruption {
	var out []interruption
	for i := range t.Utterances {
		u := &t.Utterances[i]
		if len(tokenize(u.Text)) < interruptWords {
			continue
		}
		for k := i - 1; k >= 0 && k >= i-8; k-- {
			o := &t.Utterances[k]
			both := min(u.EndMS, o.EndMS) - u.StartMS
			if o.Role != u.Role && u.StartMS-o.StartMS >= spokeMS && both >= overlap.Milliseconds() {
				out = append(out, interruption{i, k, both})
				break
			}
		}
	}
	return out
}

func sound(m map[string]float64, t *Transcript) {
	for _, g := range t.gaps(silenceMS * time.Millisecond) {
		m["silence.count"]++
		m["silence.total_ms"] += float64(g.toMS - g.fromMS)
		m["silence.longest_ms"] = max(m["silence.longest_ms"], float64(g.toMS-g.fromMS))
	}
	m["silence.share"] = share(m["silence.total_ms"], float64(t.DurationMS))
	overlaps(m, t)
	total := 0.0
	for _, role := range earshot.Roles() {
		talk := talkMS(t, role)
		if talk == 0 {
			continue
		}
		total += talk
		key := string(role)
		m[key+".talk_ms"] = talk
		m[key+".interruptions"] += 0
		m[key+".words_per_minute"] = m[key+".words"] * 60_000 / talk
		m[key+".characters_per_minute"] = m[key+".characters"] * 60_000 / talk
	}
	for _, role := range earshot.Roles() {
		if talk, ok := m[string(role)+".talk_ms"]; ok {
			m[string(role)+".talk_share"] = share(talk, total)
		}
	}
	for _, in := range t.interruptions(overlapMS * time.Millisecond) {
		m[string(t.Utterances[in.by].Role)+".interruptions"]++
	}
	for i := range t.turns {
		turn := &t.turns[i]
		key := string(turn.role) + ".longest_monologue_ms"
		m[key] = max(m[key], float64(t.Utterances[turn.last].EndMS-turn.startMS))
	}
}

func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// talkMS is the time in which the role spoke, two legs of one role counted once.
func talkMS(t *Transcript, role earshot.Role) float64 {
	total, heard := int64(0), int64(0)
	for i := range t.Utterances {
		u := &t.Utterances[i]
		if u.Role == role {
			total += max(0, u.EndMS-max(u.StartMS, heard))
			heard = max(heard, u.EndMS)
		}
	}
	return float64(total)
}

// overlaps sweeps over the starts and ends of utterances and counts the times
// at which two or more are open.
func overlaps(m map[string]float64, t *Transcript) {
	type edge struct {
		ms   int64
		open int
	}
	edges := make([]edge, 0, 2*len(t.Utterances))
	for i := range t.Utterances {
		u := &t.Utterances[i]
		edges = append(edges, edge{u.StartMS, 1}, edge{u.EndMS, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.open, b.open)) })
	speaking, since := 0, int64(0)
	for _, e := range edges {
		before := speaking
		speaking += e.open
		switch {
		case before < 2 && speaking >= 2:
			since = e.ms
		case before >= 2 && speaking < 2 && e.ms > since:
			m["overlap.count"]++
			m["overlap.total_ms"] += float64(e.ms - since)
		}
	}
}

// silence looks for gaps.
type silence struct {
	longer time.Duration
	turn   earshot.Role
	least  int
}

func (c *compiler) silence(s *Silence, path string) node {
	if s.Turn != "" {
		c.role(s.Turn, join(path, "turn"))
	}
	return &silence{c.length(s.LongerThan, join(path, "longer_than"), 0), s.Turn, c.count(s.AtLeast, join(path, "at_least"))}
}

func notVoice() Result {
	return Result{Outcome: NA, Confidence: 1, Reason: "only spoken contacts have this", ReasonZH: "仅适用于语音"}
}

func (s *silence) decide(e *env) Result {
	if !e.t.isVoice() {
		return notVoice()
	}
	r := Result{Confidence: 1}
	for _, g := range e.t.gaps(s.longer) {
		if s.turn == "" || g.next < len(e.t.Utterances) && e.t.Utterances[g.next].Role == s.turn {
			r.add(hit{start: e.t.wordsBefore(g.next), end: e.t.wordsBefore(g.next), startMS: g.fromMS, endMS: g.toMS,
				confidence: 1, evidence: earshot.Evidence{StartMS: g.fromMS, EndMS: g.toMS}})
		}
	}
	limit, limitZH := seconds(s.longer.Milliseconds()), secondsZH(s.longer.Milliseconds())
	if len(r.hits) < s.least {
		r.settle(e, "no silence over "+limit, "没有超过 "+limitZH+"的静音")
		return r
	}
	longest := slices.MaxFunc(r.hits, func(a, b hit) int { return cmp.Compare(a.endMS-a.startMS, b.endMS-b.startMS) })
	ms := longest.endMS - longest.startMS
	r.Outcome = Yes
	r.Reason = fmt.Sprintf("%d silences over %s, the longest of %s at %s", len(r.hits), limit, seconds(ms), clock(longest.startMS))
	r.ReasonZH = fmt.Sprintf("有 %d 次超过 %s的静音，最长 %s，在 %s", len(r.hits), limitZH, secondsZH(ms), clock(longest.startMS))
	return r
}

// add keeps a hit and, for the first of them, the evidence.
func (r *Result) add(h hit) {
	r.hits = append(r.hits, h)
	if len(r.Evidence) < MaxEvidence {
		r.Evidence = append(r.Evidence, h.evidence)
	}
}

// settle makes the result a No, or Unsure while the interaction goes on.
func (r *Result) settle(e *env, reason, reasonZH string) {
	r.Outcome, r.Reason, r.ReasonZH = No, reason, reasonZH
	if e.t.Open {
		r.Outcome = Unsure
	}
}

// wordsBefore returns how many words stand before the utterance.
func (t *Transcript) wordsBefore(utterance int) int {
	n := 0
	for i := range t.turns {
		turn := &t.turns[i]
		if turn.last < utterance {
			n = turn.base + len(turn.words)
			continue
		}
		for k := range turn.words {
			if turn.words[k].utterance < utterance {
				n = turn.base + k + 1
			}
		}
		break
	}
	return n
}

// interrupted looks for interruptions by a role.
type interrupted struct {
	by      earshot.Role
	overlap time.Duration
	least   int
}

func (c *compiler) interruption(i *Interruption, path string) node {
	c.role(i.By, join(path, "by"))
	return &interrupted{i.By, c.length(i.Overlap, join(path, "overlap"), overlapMS*time.Millisecond),
		c.count(i.AtLeast, join(path, "at_least"))}
}

func (n *interrupted) decide(e *env) Result {
	if !e.t.isVoice() {
		return notVoice()
	}
	r := Result{Confidence: 1}
	for _, in := range e.t.interruptions(n.overlap) {
		u := &e.t.Utterances[in.by]
		if u.Role == n.by {
			at := e.t.wordsBefore(in.by)
			r.add(hit{start: at, end: at, startMS: u.StartMS, endMS: u.EndMS, confidence: 1, evidence: earshot.Evidence{
				Utterance: u.ID, Role: u.Role, Quote: u.Text, StartMS: u.StartMS, EndMS: u.EndMS}})
		}
	}
	who, whoZH := roleEN(n.by), roleZH(n.by)
	if len(r.hits) < n.least {
		r.settle(e, fmt.Sprintf("%s interrupted %d times, under %d", who, len(r.hits), n.least),
			fmt.Sprintf("%s抢话 %d 次，少于 %d 次", whoZH, len(r.hits), n.least))
		return r
	}
	r.Outcome = Yes
	r.Reason = fmt.Sprintf("%s interrupted %d times, first at %s", who, len(r.hits), clock(r.hits[0].startMS))
	r.ReasonZH = fmt.Sprintf("%s抢话 %d 次，第一次在 %s", whoZH, len(r.hits), clock(r.hits[0].startMS))
	return r
}

// minSpeech is how much somebody speaks before a speed means something.
const minSpeech = 10_000

type talkSpeed struct{ TalkSpeed }

func (c *compiler) talkSpeed(s *TalkSpeed, path string) node {
	c.role(s.By, join(path, "by"))
	if s.MinWords == 0 && s.MaxWords == 0 && s.MinCharacters == 0 && s.MaxCharacters == 0 {
		c.fail(path, "set min_words, max_words, min_characters or max_characters", "no limit is set")
	}
	return &talkSpeed{*s}
}

func (s *talkSpeed) decide(e *env) Result {
	if !e.t.isVoice() {
		return notVoice()
	}
	m, key := e.t.Measures(), string(s.By)
	who, whoZH := roleEN(s.By), roleZH(s.By)
	if m[key+".talk_ms"] < minSpeech || e.t.Open {
		r := Result{Outcome: NA, Confidence: 1, Reason: who + " spoke less than 10 s", ReasonZH: whoZH + "说话不足 10 秒"}
		if e.t.Open {
			r.Outcome = Unsure
		}
		return r
	}
	speed, least, most, unit, unitZH := m[key+".words_per_minute"], s.MinWords, s.MaxWords, "words", "词"
	if m[key+".characters"] > m[key+".words"] {
		speed, least, most, unit, unitZH = m[key+".characters_per_minute"], s.MinCharacters, s.MaxCharacters, "characters", "字"
	}
	r := Result{Outcome: Yes, Confidence: 1,
		Reason:   fmt.Sprintf("%s spoke %.0f %s a minute", who, speed, unit),
		ReasonZH: fmt.Sprintf("%s语速为每分钟 %.0f %s", whoZH, speed, unitZH)}
	if least > 0 && speed < least {
		r.Outcome = No
		r.Reason += fmt.Sprintf(", under %.0f", least)
		r.ReasonZH += fmt.Sprintf("，低于 %.0f", least)
	}
	if most > 0 && speed > most {
		r.Outcome = No
		r.Reason += fmt.Sprintf(", over %.0f", most)
		r.ReasonZH += fmt.Sprintf("，高于 %.0f", most)
	}
	return r
}
