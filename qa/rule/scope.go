package rule

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"earshot"
)

// scope is where a condition looks, compiled.
type scope struct {
	roles         []earshot.Role
	window        window
	after, before node
}

// view is the part of a transcript that a scope leaves: whole turns, and words
// and times within them.
type view struct {
	turns            []*turn
	from, to         int
	fromMS, toMS     int64
	outcome          Outcome
	reason, reasonZH string
}

// view returns what the scope leaves. Its outcome is Yes where there is
// something to decide.
func (s *scope) view(e *env) view {
	v := view{to: math.MaxInt, toMS: math.MaxInt64, outcome: Yes}
	if !e.t.has(s.roles) {
		v.outcome = NA
		if e.t.Open {
			v.outcome = Unsure
		}
		v.reason, v.reasonZH = "no "+rolesEN(s.roles)+" took part", rolesZH(s.roles)+"没有参与"
		return v
	}
	if s.after != nil && !v.anchor(s.after.decide(e), e, func(h hit) { v.from, v.fromMS = h.end, h.startMS }) {
		return v
	}
	if s.before != nil && !v.anchor(s.before.decide(e), e, func(h hit) { v.to, v.toMS = h.start, h.endMS+1 }) {
		return v
	}
	for i := range e.t.turns {
		t := &e.t.turns[i]
		if len(s.roles) > 0 && !slices.Contains(s.roles, t.role) {
			continue
		}
		if len(t.words) > 0 && t.base < v.to && t.base+len(t.words) > v.from {
			v.turns = append(v.turns, t)
		}
	}
	s.window.narrow(&v, e.t)
	return v
}

// anchor sets the view's edge at the first hit; without one there is nothing
// to decide.
func (v *view) anchor(r Result, e *env, set func(hit)) bool {
	if r.Outcome == Yes && len(r.hits) > 0 {
		set(r.hits[0])
		return true
	}
	v.outcome = NA
	if r.Outcome == Unsure || e.t.Open {
		v.outcome = Unsure
	}
	v.reason, v.reasonZH = "there was no occasion: "+r.Reason, "没有出现相应场景："+r.ReasonZH
	return false
}

func (w window) narrow(v *view, t *Transcript) {
	switch {
	case w.turns > 0 && w.last:
		v.turns = v.turns[max(0, len(v.turns)-w.turns):]
	case w.turns > 0:
		v.turns = v.turns[:min(len(v.turns), w.turns)]
	case w.span > 0 && w.last:
		end := min(t.DurationMS, v.toMS)
		v.fromMS = max(v.fromMS, end-w.span.Milliseconds())
	case w.span > 0:
		v.toMS = min(v.toMS, v.fromMS+w.span.Milliseconds())
	}
}

// mayChange says whether what was not found in the scope may still come while
// the interaction goes on.
func (s *scope) mayChange(e *env, v *view) bool {
	if !e.t.Open {
		return false
	}
	return s.window.span == 0 || s.window.last || e.t.DurationMS < v.toMS
}

// provisional says whether what was found may stop to count while the
// interaction goes on.
func (s *scope) provisional(e *env) bool {
	return e.t.Open && (s.window.last || s.before != nil)
}

func (v *view) holds(w *spoken) bool { return w.startMS >= v.fromMS && w.startMS < v.toMS }

func (s *scope) words() (en, zh string) {
	en, zh = " by the "+rolesEN(s.roles), rolesZH(s.roles)
	if len(s.roles) == 0 {
		en, zh = "", ""
	}
	if s.after != nil {
		en, zh = en+" afterwards", zh+"之后"
	}
	if s.before != nil {
		en, zh = en+" before that", zh+"之前"
	}
	if s.window.isSet() {
		we, wz := s.window.words()
		en, zh = en+we, zh+wz
	}
	return en, zh
}

func (w window) words() (en, zh string) {
	side, sideZH := "first", "前"
	if w.last {
		side, sideZH = "last", "最后"
	}
	if w.turns > 0 {
		return fmt.Sprintf(" in the %s %d turns", side, w.turns), fmt.Sprintf("在%s %d 轮内", sideZH, w.turns)
	}
	return fmt.Sprintf(" in the %s %s", side, seconds(w.span.Milliseconds())),
		fmt.Sprintf("在%s %s内", sideZH, secondsZH(w.span.Milliseconds()))
}

func sortHits(hits []hit) {
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.startMS, b.startMS), cmp.Compare(a.end, b.end))
	})
}

func sortEvidence(ev []earshot.Evidence) {
	slices.SortStableFunc(ev, func(a, b earshot.Evidence) int {
		return cmp.Or(cmp.Compare(a.StartMS, b.StartMS), cmp.Compare(a.EndMS, b.EndMS))
	})
}
