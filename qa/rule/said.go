package rule

import (
	"fmt"
	"regexp"

	"earshot"
)

// maxHits bounds how many places one phrase is looked for.
const maxHits = 50

// said looks for phrases in turns; a phrase may go over two utterances of one
// turn, since a recogniser cuts where people breathe.
type said struct {
	scope   scope
	phrases []*Phrase
	unless  []*Phrase
	lexicon lexicon
	need    int
}

func (s *said) decide(e *env) Result {
	v := s.scope.view(e)
	if v.outcome != Yes {
		return Result{Outcome: v.outcome, Reason: v.reason, ReasonZH: v.reasonZH, Confidence: 1}
	}
	var sure, unsure []hit
	found, doubtful := 0, 0
	var missing []*Phrase
	for i, hits := range s.scan(&v, e.t) {
		good, bad := split(hits, e.opts.MinConfidence)
		switch {
		case len(good) > 0:
			found++
		case len(bad) > 0:
			doubtful++
		default:
			missing = append(missing, s.phrases[i])
		}
		sure, unsure = append(sure, good...), append(unsure, bad...)
	}
	switch {
	case found >= s.need && !s.scope.provisional(e):
		return saidResult(Yes, sure)
	case found+doubtful >= s.need:
		r := saidResult(Unsure, append(sure, unsure...))
		r.Reason = "the recogniser is not sure of the words: " + r.Reason
		r.ReasonZH = "识别置信度低，不作判断：" + r.ReasonZH
		return r
	}
	return e.notFound(&s.scope, &v, s.missed(missing, sure))
}

// notFound is the answer where nothing was found: No, unless the transcript is
// too poor to tell or may still change.
func (e *env) notFound(s *scope, v *view, r Result) Result {
	r.Confidence = heardWith(v)
	if r.Confidence < e.opts.MinTranscript {
		r.Outcome = Unsure
		r.Reason = "the recogniser was not sure enough of the whole: " + r.Reason
		r.ReasonZH = "整体识别置信度过低，不作判断：" + r.ReasonZH
	}
	if s.mayChange(e, v) {
		r.Outcome = Unsure
	}
	return r
}

// split tells hits over words that the recogniser was sure of from the others.
func split(hits []hit, least float64) (sure, unsure []hit) {
	for _, h := range hits {
		if h.confidence < least {
			unsure = append(unsure, h)
		} else {
			sure = append(sure, h)
		}
	}
	return sure, unsure
}

// lexicon finds the phrases that a word can begin, so that the cost of a word
// does not grow with the number of phrases.
type lexicon struct {
	exact map[string][]int
	// wild are the phrases that begin with a part of a word.
	wild []int
}

func newLexicon(phrases []*Phrase) lexicon {
	l := lexicon{exact: map[string][]int{}}
	for i, p := range phrases {
		isWild := false
		for _, h := range p.heads {
			if h.prefix || h.suffix {
				isWild = true
			} else if list := l.exact[h.word]; len(list) == 0 || list[len(list)-1] != i {
				l.exact[h.word] = append(list, i)
			}
		}
		if isWild {
			l.wild = append(l.wild, i)
		}
	}
	return l
}

// scanner looks for all phrases of one condition in one view.
type scanner struct {
	said       *said
	view       *view
	transcript *Transcript
	// next is, for each phrase, the word of the turn at which it may match again.
	next []int
	hits [][]hit
}

// scan returns the hits of each phrase in the view; those of one phrase do not
// lie over each other.
func (s *said) scan(v *view, tr *Transcript) [][]hit {
	sc := scanner{said: s, view: v, transcript: tr, hits: make([][]hit, len(s.phrases)), next: make([]int, len(s.phrases))}
	for _, t := range v.turns {
		clear(sc.next)
		for i := range t.words {
			if t.base+i < v.from || !v.holds(&t.words[i]) {
				continue
			}
			for _, k := range s.lexicon.exact[t.words[i].text] {
				sc.try(k, t, i)
			}
			for _, k := range s.lexicon.wild {
				sc.try(k, t, i)
			}
		}
	}
	return sc.hits
}

func (sc *scanner) try(phrase int, t *turn, at int) {
	if at < sc.next[phrase] || len(sc.hits[phrase]) >= maxHits {
		return
	}
	end := sc.said.phrases[phrase].matchAt(t.words, at)
	if end < 0 || t.base+end > sc.view.to || sc.said.takenBack(t, at, end) {
		return
	}
	sc.next[phrase] = end
	sc.hits[phrase] = append(sc.hits[phrase], wordHit(sc.transcript, t, at, end))
}

// takenBack says whether a phrase of "unless" stands over the words [start, end).
func (s *said) takenBack(t *turn, start, end int) bool {
	for _, p := range s.unless {
		for from := max(0, start-maxGap); from < end; {
			at, to := p.find(t.words, from)
			if at < 0 || at >= end {
				break
			}
			if to > start {
				return true
			}
			from = at + 1
		}
	}
	return false
}

// wordHit makes a hit of the words [start, end) of a turn.
func wordHit(tr *Transcript, t *turn, start, end int) hit {
	words := t.words[start:end]
	first, last := &words[0], &words[len(words)-1]
	h := hit{start: t.base + start, end: t.base + end, startMS: first.startMS, endMS: last.endMS, confidence: meanConfidence(words)}
	u := &tr.Utterances[first.utterance]
	quote := u.Text[first.start:]
	if last.utterance == first.utterance {
		quote = u.Text[first.start:last.end]
	} else {
		quote += " " + tr.Utterances[last.utterance].Text[:last.end]
	}
	h.evidence = earshot.Evidence{Utterance: u.ID, Role: u.Role, Quote: quote, StartMS: h.startMS, EndMS: h.endMS}
	return h
}

// meanConfidence is 1 where no confidence is known.
func meanConfidence(words []spoken) float64 {
	sum, n := 0.0, 0
	for i := range words {
		if words[i].confidence > 0 {
			sum += words[i].confidence
			n++
		}
	}
	if n == 0 {
		return 1
	}
	return sum / float64(n)
}

// heardWith is how sure the recogniser was of all that was looked at.
func heardWith(v *view) float64 {
	sum, n := 0.0, 0
	for _, t := range v.turns {
		sum += meanConfidence(t.words) * float64(len(t.words))
		n += len(t.words)
	}
	if n == 0 {
		return 1
	}
	return sum / float64(n)
}

func saidResult(o Outcome, hits []hit) Result {
	sortHits(hits)
	hits = distinct(hits)
	r := Result{Outcome: o, hits: hits, Confidence: 1}
	for i, h := range hits {
		r.Confidence = min(r.Confidence, h.confidence)
		if i < MaxEvidence {
			r.Evidence = append(r.Evidence, h.evidence)
		}
	}
	if len(hits) > 0 {
		ev := &hits[0].evidence
		r.Reason = fmt.Sprintf("%s said %q at %s", roleEN(ev.Role), ev.Quote, clock(ev.StartMS))
		r.ReasonZH = fmt.Sprintf("%s在 %s 说了“%s”", roleZH(ev.Role), clock(ev.StartMS), ev.Quote)
		if n := len(hits) - 1; n > 0 {
			r.Reason += fmt.Sprintf(" and %d more", n)
			r.ReasonZH += fmt.Sprintf("，另有 %d 处", n)
		}
	}
	return r
}

func (s *said) missed(missing []*Phrase, hits []hit) Result {
	r := saidResult(No, hits)
	en, zh := s.scope.words()
	quoted := `"` + sample(missing, false).Example() + `"`
	quotedZH := "“" + sample(missing, true).Example() + "”"
	r.Reason = quoted + " not said" + en
	switch n := len(missing); {
	case n > 1 && s.need > 1:
		r.Reason = fmt.Sprintf("too few of %s and %d other wordings said%s", quoted, n-1, en)
		quotedZH += fmt.Sprintf("等 %d 种说法中足够的部分", n)
	case n > 1:
		r.Reason = fmt.Sprintf("neither %s nor %d other wordings said%s", quoted, n-1, en)
		quotedZH += fmt.Sprintf("等 %d 种说法", n)
	}
	r.ReasonZH = zh + "没有说" + quotedZH
	return r
}

// sample returns the first phrase in the wanted script, else the first.
func sample(phrases []*Phrase, han bool) *Phrase {
	for _, p := range phrases {
		if p.hasHan() == han {
			return p
		}
	}
	return phrases[0]
}

// distinct leaves out hits that lie over the one before, which two wordings of
// the same thing give; the longer one stays.
func distinct(hits []hit) []hit {
	var out []hit
	for _, h := range hits {
		last := len(out) - 1
		switch {
		case last < 0 || h.start >= out[last].end:
			out = append(out, h)
		case h.start == out[last].start && h.end > out[last].end:
			out[last] = h
		}
	}
	return out
}

// matches looks for a regular expression in utterances.
type matches struct {
	scope scope
	re    *regexp.Regexp
	src   string
}

func (m *matches) decide(e *env) Result {
	v := m.scope.view(e)
	if v.outcome != Yes {
		return Result{Outcome: v.outcome, Reason: v.reason, ReasonZH: v.reasonZH, Confidence: 1}
	}
	sure, unsure := split(m.hits(&v, e), e.opts.MinConfidence)
	switch {
	case len(sure) > 0 && !m.scope.provisional(e):
		return saidResult(Yes, sure)
	case len(sure)+len(unsure) > 0:
		return saidResult(Unsure, append(sure, unsure...))
	}
	en, zh := m.scope.words()
	return e.notFound(&m.scope, &v, Result{Outcome: No,
		Reason:   fmt.Sprintf("nothing like %q said%s", short(m.src, 60), en),
		ReasonZH: fmt.Sprintf("%s没有说符合“%s”的内容", zh, short(m.src, 60))})
}

func (m *matches) hits(v *view, e *env) []hit {
	var out []hit
	for _, t := range v.turns {
		for i := t.first; i <= t.last && len(out) < maxHits; i++ {
			text := foldString(e.t.Utterances[i].Text)
			for _, at := range m.re.FindAllStringIndex(text, maxHits) {
				if h, ok := m.hit(e, t, i, text[at[0]:at[1]], at); ok && h.start >= v.from && h.end <= v.to &&
					h.startMS >= v.fromMS && h.startMS < v.toMS {
					out = append(out, h)
				}
			}
		}
	}
	return out
}

// hit finds the words under a match. Folding to half width shortens bytes, so
// places are only told word by word where the text kept its length.
func (m *matches) hit(e *env, t *turn, utterance int, quote string, at []int) (hit, bool) {
	u := &e.t.Utterances[utterance]
	first, last := -1, -1
	sameLength := len(foldString(u.Text)) == len(u.Text)
	for k := range t.words {
		w := &t.words[k]
		if w.utterance == utterance && (!sameLength || w.start < at[1] && w.end > at[0]) {
			if first < 0 {
				first = k
			}
			last = k
		}
	}
	if first < 0 {
		return hit{}, false
	}
	h := wordHit(e.t, t, first, last+1)
	h.evidence.Quote = quote
	return h, true
}
