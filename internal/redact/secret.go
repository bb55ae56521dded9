package redact

import "strings"

// maxToSecret is how many bytes may stand between "CVV" and the digits.
const maxToSecret = 40

// secrets finds short numbers after a word that makes them secret, and resident
// ids that end in X, which are no run of digits alone.
func (t *text) secrets(out []finding, runs []run) []finding {
	for i := range runs {
		out = t.residentX(out, &runs[i])
	}
	if len(runs) == 0 {
		return out
	}
	for _, s := range compiled().secrets {
		if !containsAny(t.folded, s.hints...) {
			continue
		}
		for _, at := range s.word.FindAllStringIndex(t.folded, -1) {
			out = t.secretAfter(out, &s, at[1], runs)
		}
	}
	return out
}

// secretAfter finds the first number of the secret's length after its word, in
// the same sentence. A year is none.
func (t *text) secretAfter(out []finding, s *secret, from int, runs []run) []finding {
	for i := range runs {
		r := &runs[i]
		first, last := r.pieces[0], r.pieces[len(r.pieces)-1]
		if first.start < from {
			continue
		}
		if first.start-from > maxToSecret || strings.ContainsAny(t.folded[from:first.start], ".!?\n") {
			break
		}
		d := r.digits(0, len(r.pieces))
		isYear := s.kind == code && len(d) == 4 && len(r.pieces) == 1 && (d[:2] == "19" || d[:2] == "20")
		if len(d) >= s.least && len(d) <= s.most && !isYear {
			return append(out, finding{first.start, last.end, s.kind})
		}
	}
	return out
}

// residentX masks 17 digits and an X that is their check character.
func (t *text) residentX(out []finding, r *run) []finding {
	for i := range r.pieces {
		for j := i + 1; j <= len(r.pieces) && j-i <= maxPieces; j++ {
			d := r.digits(i, j)
			if len(d) > 17 {
				break
			}
			if len(d) < 17 || d[0] < '1' || d[0] > '8' || !isDate(d[6:14]) {
				continue
			}
			if n := t.xAfter(r.pieces[j-1].end); n > 0 && checkMod11(d) == 'x' {
				out = append(out, finding{r.pieces[i].start, r.pieces[j-1].end + n, id})
			}
		}
	}
	return out
}

// xAfter returns how many bytes from i on are an X, written or spoken.
func (t *text) xAfter(i int) int {
	at := compiled().x.FindStringIndex(t.folded[i:])
	if at == nil {
		return 0
	}
	if end := i + at[1]; end < len(t.folded) && (isLetter(t.folded[end]) || isDigit(t.folded[end])) {
		return 0
	}
	return at[1]
}
