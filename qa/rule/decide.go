package rule

import (
	"slices"
	"strings"

	"earshot"
)

// env is one transcript under decision.
type env struct {
	t    *Transcript
	opts Options
	// named holds what was decided already; a condition that many criteria use
	// is decided once.
	named map[string]Result
}

// Run decides many conditions over one transcript; it is for one goroutine.
type Run struct{ env env }

// NewRun begins to decide conditions over t.
func NewRun(t *Transcript, opts Options) *Run {
	return &Run{env{t: t, opts: opts, named: map[string]Result{}}}
}

// Decide answers one condition. The programs of one Run share their [Named].
func (r *Run) Decide(p *Program) Result { return p.root.decide(&r.env) }

// use is a condition by name.
type use struct {
	name string
	node node
}

func (u *use) decide(e *env) Result {
	if r, ok := e.named[u.name]; ok {
		return r
	}
	r := u.node.decide(e)
	e.named[u.name] = r
	return r
}

type not struct{ node node }

func (n *not) decide(e *env) Result {
	r := n.node.decide(e)
	switch r.Outcome {
	case Yes:
		r.Outcome = No
	case No:
		r.Outcome = Yes
	}
	return r
}

type all struct{ nodes []node }

// decide is the strong and of Kleene's logic: one No decides, then one Unsure;
// what does not apply is left out.
func (n *all) decide(e *env) Result { return combine(e, n.nodes, No, Yes) }

type anyOf struct{ nodes []node }

func (n *anyOf) decide(e *env) Result { return combine(e, n.nodes, Yes, No) }

// combine returns strong if one part is strong, else Unsure if one is, else
// weak if one is, else NA; with the reasons of the parts that decided.
func combine(e *env, nodes []node, strong, weak Outcome) Result {
	by := map[Outcome][]Result{}
	for _, n := range nodes {
		r := n.decide(e)
		by[r.Outcome] = append(by[r.Outcome], r)
	}
	for _, o := range []Outcome{strong, Unsure, weak, NA} {
		if len(by[o]) > 0 {
			return joined(o, by[o])
		}
	}
	return Result{Outcome: NA}
}

// maxReasons is how many parts' reasons are read out; more would bury the point.
const maxReasons = 3

func joined(o Outcome, parts []Result) Result {
	out := Result{Outcome: o, Confidence: 1}
	var en, zh []string
	for _, p := range parts {
		if len(en) < maxReasons && p.Reason != "" && !slices.Contains(en, p.Reason) {
			en, zh = append(en, p.Reason), append(zh, p.ReasonZH)
		}
		out.Confidence = min(out.Confidence, p.Confidence)
		out.hits = append(out.hits, p.hits...)
		out.Evidence = append(out.Evidence, p.Evidence...)
	}
	out.Reason, out.ReasonZH = strings.Join(en, "; "), strings.Join(zh, "；")
	sortHits(out.hits)
	sortEvidence(out.Evidence)
	if len(out.Evidence) > MaxEvidence {
		out.Evidence = out.Evidence[:MaxEvidence]
	}
	return out
}

// order holds when then hits after the first hit of first.
type order struct{ first, then node }

func (c *compiler) order(o *Order, path string) node {
	return &order{c.condition(o.First, join(path, "first")), c.condition(o.Then, join(path, "then"))}
}

func (o *order) decide(e *env) Result {
	first := o.first.decide(e)
	if first.Outcome == Unsure {
		return first
	}
	if first.Outcome != Yes || len(first.hits) == 0 {
		return Result{Outcome: NA, Confidence: 1, Reason: "what should come first did not happen: " + first.Reason,
			ReasonZH: "前提没有发生：" + first.ReasonZH}
	}
	from := first.hits[0]
	then := o.then.decide(e)
	for _, h := range then.hits {
		if h.start >= from.end && h.startMS >= from.startMS {
			return Result{Outcome: Yes, Evidence: []earshot.Evidence{from.evidence, h.evidence},
				Confidence: min(first.Confidence, h.confidence), hits: []hit{from, h},
				Reason:   "in this order: " + first.Reason + "; then: " + then.Reason,
				ReasonZH: "顺序符合：" + first.ReasonZH + "；然后：" + then.ReasonZH}
		}
	}
	out := Result{Outcome: No, Evidence: []earshot.Evidence{from.evidence}, Confidence: first.Confidence, hits: []hit{from},
		Reason: "what should follow did not follow: " + first.Reason, ReasonZH: "之后没有出现应有的内容：" + first.ReasonZH}
	if e.t.Open || then.Outcome == Unsure {
		out.Outcome = Unsure
	}
	return out
}
