package rule

import (
	"slices"

	"earshot"
)

// Definitions behind the measures, in milliseconds.
const (
	// silenceMS is how long nobody speaks before it counts as silence; Amazon
	// Connect's non-talk time has the same limit.
	silenceMS = 3000
	// spokeMS is how long somebody has spoken before another voice interrupts;
	// shorter is two people who begin together.
	spokeMS = 1000
	// overlapMS is how long both speak before it counts as an interruption.
	overlapMS = 500
	// interruptWords is how many words an interruption has at least; fewer is
	// "mm-hm".
	interruptWords = 3
)

// MeasureKeys documents the keys of an interaction's measures. ROLE stands for
// agent, customer, bot or other; keys of roles that did not take part are
// absent, and those of sound are there for voice only.
func MeasureKeys() map[string]string {
	return map[string]string{
		"duration_ms":                "length of the interaction",
		"utterances":                 "number of utterances",
		"confidence":                 "mean confidence of the recogniser over utterances, 0 to 1",
		"redactions":                 "number of places that redaction took out",
		"silence.total_ms":           "time in gaps of more than 3 s in which nobody spoke, edges included",
		"silence.longest_ms":         "longest of these gaps",
		"silence.count":              "number of these gaps",
		"silence.share":              "silence.total_ms by duration_ms, 0 to 1",
		"overlap.total_ms":           "time in which two or more spoke",
		"overlap.count":              "number of such times",
		"ROLE.talk_ms":               "time of speech",
		"ROLE.talk_share":            "share of all roles' time of speech, 0 to 1",
		"ROLE.interruptions":         "times the role began to talk for 0.5 s or more and 3 words or more over somebody who had spoken for 1 s or more",
		"ROLE.longest_monologue_ms":  "longest time of one turn, from its first to its last word",
		"ROLE.words_per_minute":      "words of alphabetic languages by minute of speech",
		"ROLE.characters_per_minute": "Han characters by minute of speech",
		"ROLE.words":                 "words of alphabetic languages",
		"ROLE.characters":            "Han characters",
		"ROLE.turns":                 "turns, that is, runs of utterances of the role",
		"ROLE.utterances":            "utterances",
		"ROLE.response_first_ms":     "time to the role's first answer to the other side",
		"ROLE.response_mean_ms":      "mean time to answer",
		"ROLE.response_p90_ms":       "time within which nine of ten answers came",
		"ROLE.response_max_ms":       "longest time to answer",
	}
}

func measure(t *Transcript) map[string]float64 {
	m := map[string]float64{
		"duration_ms": float64(t.DurationMS),
		"utterances":  float64(len(t.Utterances)),
	}
	var confidence, redactions float64
	for i := range t.Utterances {
		confidence += t.Utterances[i].Confidence
		redactions += float64(len(t.Utterances[i].Redactions))
	}
	if n := len(t.Utterances); n > 0 {
		m["confidence"] = confidence / float64(n)
	}
	m["redactions"] = redactions
	countWords(m, t)
	responses(m, t)
	if t.isVoice() {
		sound(m, t)
	}
	return m
}

func countWords(m map[string]float64, t *Transcript) {
	for i := range t.turns {
		turn := &t.turns[i]
		role := string(turn.role)
		m[role+".turns"]++
		m[role+".utterances"] += float64(turn.last - turn.first + 1)
		for k := range turn.words {
			if isHan(turn.words[k].text) {
				m[role+".characters"]++
			} else {
				m[role+".words"]++
			}
		}
	}
}

// responses measures, for each turn, how long it came after the last utterance
// of the turn before. What a bot says is nothing that a person waits for.
func responses(m map[string]float64, t *Transcript) {
	times := map[earshot.Role][]int64{}
	for i := range t.turns {
		role, startMS := t.turns[i].role, t.turns[i].startMS
		asked := i - 1
		for asked >= 0 && t.turns[asked].role != other(role) {
			asked--
		}
		// Only the first turn after the question is its answer.
		if asked < 0 || slices.ContainsFunc(t.turns[asked+1:i], func(b turn) bool { return b.role == role }) {
			continue
		}
		wait := max(0, startMS-t.Utterances[t.turns[asked].last].EndMS)
		if !t.isVoice() {
			// A written question waits from its first line.
			wait = max(0, startMS-t.turns[asked].startMS)
		}
		times[role] = append(times[role], wait)
	}
	for role, waits := range times {
		key := string(role) + ".response_"
		m[key+"first_ms"] = float64(waits[0])
		slices.Sort(waits)
		m[key+"mean_ms"] = mean(waits)
		m[key+"p90_ms"] = float64(waits[(len(waits)*9+9)/10-1])
		m[key+"max_ms"] = float64(waits[len(waits)-1])
	}
}

func other(r earshot.Role) earshot.Role {
	if r == earshot.Customer {
		return earshot.Agent
	}
	return earshot.Customer
}

func mean(values []int64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	return sum / float64(len(values))
}
