package redact

import (
	"strings"
	"time"
)

const (
	// minSpoken is how many spoken digits in a row are masked whatever they are.
	minSpoken = 7
	// minWritten is how many written digits in one piece are.
	minWritten = 9
	// maxPieces bounds the search for a known number in a run; a longer run is
	// masked whole.
	maxPieces = 48
)

// findNumbers finds the numbers among the runs of digits outside of what was
// found already.
func (t *text) findNumbers(taken []finding) []finding {
	runs := t.runs(taken)
	var out []finding
	for i := range runs {
		r := &runs[i]
		if r.isSpoken() {
			out = t.spokenRun(out, r)
		} else {
			from, to := t.withoutCodes(r)
			out = t.writtenRun(out, r, from, to)
		}
	}
	return t.secrets(out, runs)
}

// spokenRun masks a spoken number as a whole: a part that happens to look like
// a card number must not leave the rest behind.
func (t *text) spokenRun(out []finding, r *run) []finding {
	digits := r.digits(0, len(r.pieces))
	if len(digits) < minSpoken || onlyYears(r, digits) {
		return out
	}
	kind := number
	if k, _, _ := r.known(0, len(r.pieces)); k != "" && k != cvv {
		kind = k
	}
	return append(out, finding{r.pieces[0].start, r.pieces[len(r.pieces)-1].end, kind})
}

// onlyYears says whether the words are years in a row, "nineteen ninety twenty
// ten", each said in two words.
func onlyYears(r *run, digits string) bool {
	if len(digits)%4 != 0 {
		return false
	}
	for i := range r.pieces {
		if len(r.pieces[i].digits) != 2 {
			return false
		}
	}
	for i := 0; i < len(digits); i += 4 {
		if century := digits[i : i+2]; century != "19" && century != "20" {
			return false
		}
	}
	return true
}

// writtenRun masks the longest known numbers among the pieces [from, to).
func (t *text) writtenRun(out []finding, r *run, from, to int) []finding {
	if from >= to {
		return out
	}
	if to-from > maxPieces {
		return append(out, finding{r.pieces[from].start, r.pieces[to-1].end, number})
	}
	if kind, i, j := r.known(from, to); kind != "" {
		out = t.writtenRun(out, r, from, i)
		f := finding{r.pieces[i].start, r.pieces[j-1].end, kind}
		return t.writtenRun(append(out, t.widen(f)), r, j, to)
	}
	for i := from; i < to; i++ {
		if len(r.pieces[i].digits) >= minWritten {
			out = append(out, finding{r.pieces[i].start, r.pieces[i].end, number})
		}
	}
	return out
}

// known returns the longest row of pieces within [from, to) that is a number of
// a known kind, the leftmost of the longest.
func (r *run) known(from, to int) (kind string, i, j int) {
	to = min(to, from+maxPieces)
	for n := to - from; n > 0; n-- {
		for i := from; i+n <= to; i++ {
			if kind := r.classify(i, i+n); kind != "" {
				return kind, i, i + n
			}
		}
	}
	return "", 0, 0
}

func (r *run) classify(i, j int) string {
	d := r.digits(i, j)
	switch {
	case len(d) < 7 || len(d) > 19:
		return ""
	case i == 0 && r.plus && r.isPhone(i, j, d):
		return phone
	case isResident(d), r.isSSN(i, j):
		return id
	case isCard(d):
		return card
	case r.isPhone(i, j, d):
		return phone
	case len(d) >= 15 && r.looksLikeCard(i, j):
		return card
	default:
		return ""
	}
}

// isCard checks the ISO/IEC 7812-1 length and Luhn's check digit.
func isCard(d string) bool {
	if len(d) < 13 || len(d) > 19 || strings.Count(d, d[:1]) == len(d) {
		return false
	}
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// looksLikeCard says whether the pieces are groups of four, as card numbers are
// written: one digit may be mistyped.
func (r *run) looksLikeCard(i, j int) bool {
	if j-i < 4 {
		return false
	}
	for k := i; k < j-1; k++ {
		p := r.pieces[k].digits
		if len(p) != 4 || strings.HasPrefix(p, "20") && k > i || strings.HasPrefix(p, "19") && k > i {
			return false
		}
	}
	return true
}

// isResident checks a Chinese resident id of 18 digits (GB 11643, check digit by
// ISO 7064 MOD 11-2), or of 15 digits as it was before 1999, by its date.
func isResident(d string) bool {
	if d[0] < '1' || d[0] > '8' {
		return false
	}
	switch len(d) {
	case 18:
		return isDate(d[6:14]) && checkMod11(d[:17]) == d[17]
	case 15:
		return !isCard(d) && isDate("19"+d[6:12])
	default:
		return false
	}
}

// isDate says whether yyyymmdd is a day on which somebody alive can be born.
func isDate(s string) bool {
	at, err := time.Parse("20060102", s)
	return err == nil && at.Year() >= 1880 && at.Year() <= 2100
}

// checkMod11 returns the check character of 17 digits, "0" to "9" or "x".
func checkMod11(d string) byte {
	sum := 0
	for i := range len(d) {
		sum = (sum + int(d[i]-'0')) * 2 % 11
	}
	return "0123456789x"[(12-sum)%11]
}

// isSSN checks the form and the areas never given out (US SSA, POMS RM 10201.035).
func (r *run) isSSN(i, j int) bool {
	if j-i != 3 || !r.shaped(i, 3, 2, 4) {
		return false
	}
	area := r.pieces[i].digits
	return area != "000" && area != "666" && area[0] != '9' &&
		r.pieces[i+1].digits != "00" && r.pieces[i+2].digits != "0000"
}

func (r *run) shaped(i int, lengths ...int) bool {
	for k, n := range lengths {
		if i+k >= len(r.pieces) || len(r.pieces[i+k].digits) != n {
			return false
		}
	}
	return true
}

// isPhone tells telephone numbers by how they begin and how long they are.
func (r *run) isPhone(i, j int, d string) bool {
	first := r.pieces[i].digits
	international := i == 0 && r.plus || strings.HasPrefix(first, "00")
	switch {
	case international:
		return len(d) >= 8 && len(d) <= 17
	case isMobile(d):
		return true
	case d[0] == '0':
		return len(d) >= 10 && len(d) <= 12
	case len(d) == 10 && (len(first) == 3 || len(first) == 10 || r.pieces[i].spoken):
		return isNorthAmerican(d)
	case len(d) == 11 && d[0] == '1' && (len(first) == 1 || len(first) == 11):
		return isNorthAmerican(d[1:])
	case len(d) == 7:
		return j-i == 2 && r.shaped(i, 3, 4) && r.pieces[i+1].gap == "-" && d[0] >= '2'
	default:
		return false
	}
}

// isMobile says whether it is a mainland Chinese mobile number, with or without
// the country code.
func isMobile(d string) bool {
	if len(d) == 13 {
		d = strings.TrimPrefix(d, "86")
	}
	return len(d) == 11 && d[0] == '1' && d[1] >= '3'
}

// isNorthAmerican checks area code and exchange (NANPA: both begin with 2 to 9).
func isNorthAmerican(d string) bool { return d[0] >= '2' && d[3] >= '2' }

// withoutCodes leaves out the pieces at the edges of a run that are a part of a
// code with letters, such as "AB-123456-789": orders, parcels, tickets.
func (t *text) withoutCodes(r *run) (from, to int) {
	to = len(r.pieces)
	if t.letterBefore(r.pieces[0].start) {
		for from = 1; from < to && r.pieces[from].gap == "-"; {
			from++
		}
	}
	if to > from && t.letterAfter(r.pieces[to-1].end) {
		for to--; to > from && r.pieces[to].gap == "-"; {
			to--
		}
	}
	return from, to
}

func (t *text) letterBefore(i int) bool {
	s := t.folded[:i]
	if n := len(s); n > 1 && (s[n-1] == '-' || s[n-1] == '_') {
		s = s[:n-1]
	}
	return s != "" && isLetter(s[len(s)-1]) && !isLabel(s)
}

// maxSuffix is how many letters end a code, as in "123456789CN"; more is the
// next word, with its space forgotten.
const maxSuffix = 3

func (t *text) letterAfter(i int) bool {
	s := t.folded
	if i < len(s) && (s[i] == '-' || s[i] == '_') {
		i++
	}
	n := wordEnd(s, i) - i
	return n > 0 && n <= maxSuffix
}

// isLabel says whether the text ends with a word that people put right before a
// telephone or card number.
func isLabel(s string) bool {
	for _, w := range []string{"tel", "phone", "mobile", "mob", "cell", "call", "fax", "card", "no", "ssn", "id", "is"} {
		if rest, ok := strings.CutSuffix(s, w); ok && (rest == "" || !isLetter(rest[len(rest)-1])) {
			return true
		}
	}
	return false
}

// widen takes in the "+" before a number, and a "(" that is closed within it.
func (t *text) widen(f finding) finding {
	for f.start > 0 {
		switch c := t.folded[f.start-1]; {
		case c == '+', c == '(' && strings.Contains(t.folded[f.start:f.end], ")"):
			f.start--
		default:
			return f
		}
	}
	return f
}
