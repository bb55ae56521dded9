package redact

import (
	"strings"
	"unicode/utf8"
)

// piece is some digits in one place: written together, or one spoken word.
type piece struct {
	digits     string
	start, end int
	spoken     bool
	// gap is what stands before it, since the piece before, in the folded text.
	gap string
}

// run is a row of pieces with nothing but separators between them.
type run struct {
	pieces []piece
	// plus is set when a "+" stands before the first piece.
	plus bool
}

func (r *run) digits(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(r.pieces[i].digits)
	}
	return b.String()
}

func (r *run) isSpoken() bool {
	for i := range r.pieces {
		if r.pieces[i].spoken {
			return true
		}
	}
	return false
}

// maxSeparators is how many bytes may stand between two written pieces.
const maxSeparators = 3

// maxFillers is how many fillers may stand between two spoken pieces.
const maxFillers = 3

// lexer cuts the folded text into runs.
type lexer struct {
	t        *text
	harmless []bool
	// taken are the bytes that were found already.
	taken []finding
	pos   int
	now   run
	// fillers since the last piece, and where that ended.
	fillers, last int
	plus          bool
	runs          []run
}

func (t *text) runs(taken []finding) []run {
	l := &lexer{t: t, harmless: t.harmless(), taken: taken}
	for l.pos < len(t.folded) {
		l.next()
	}
	l.flush()
	return l.runs
}

func (l *lexer) flush() {
	if len(l.now.pieces) > 0 {
		l.runs = append(l.runs, l.now)
	}
	l.now, l.fillers, l.plus = run{}, 0, false
}

// next takes one token.
func (l *lexer) next() {
	s := l.t.folded
	c := s[l.pos]
	switch {
	case l.isTaken():
		l.flush()
		l.pos++
	case isDigit(c):
		end := l.pos
		for end < len(s) && isDigit(s[end]) && !l.isHarmless(end) {
			end++
		}
		l.add(s[l.pos:end], end, false)
	case isLetter(c):
		l.word(wordEnd(s, l.pos))
	case c >= utf8.RuneSelf:
		l.han()
	case c == '+':
		l.flush()
		l.plus = true
		l.pos++
	case strings.IndexByte(" -.()", c) >= 0:
		l.pos++
	case c == ',' && len(l.now.pieces) > 0 && l.now.pieces[len(l.now.pieces)-1].spoken:
		l.pos++
	default:
		l.flush()
		l.pos++
	}
}

func (l *lexer) isHarmless(i int) bool { return l.harmless != nil && l.harmless[i] }

func (l *lexer) isTaken() bool {
	if l.isHarmless(l.pos) {
		return true
	}
	for _, f := range l.taken {
		if l.pos >= f.start && l.pos < f.end {
			return true
		}
	}
	return false
}

// add appends a piece that ends at end, to the run or to a new one.
func (l *lexer) add(digits string, end int, spoken bool) {
	gap := ""
	if n := len(l.now.pieces); n > 0 {
		gap = l.t.folded[l.last:l.pos]
		if !spoken && !l.now.pieces[n-1].spoken && len(gap) > maxSeparators || l.fillers > maxFillers {
			l.flush()
			gap = ""
		}
	}
	if len(l.now.pieces) == 0 {
		l.now.plus = l.plus
	}
	l.now.pieces = append(l.now.pieces, piece{digits, l.pos, end, spoken, gap})
	l.pos, l.last, l.fillers, l.plus = end, end, 0, false
}

// word takes an English word: digits, a filler, or the end of the run.
func (l *lexer) word(end int) {
	w := l.t.folded[l.pos:end]
	if n := repeats(w); n > 0 {
		if d, to := l.digitAfter(end); d != "" {
			l.add(strings.Repeat(d, n), to, true)
			return
		}
	}
	if first := tens(w); first != "" {
		if d, to := l.unitAfter(end); d != "" && d != "0" {
			l.add(first+d, to, true)
			return
		}
	}
	if d, ok := digitWord(w); ok {
		l.add(d, end, true)
		return
	}
	switch {
	case w == "hundred" && l.lastIsUnit():
		l.add("00", end, true)
	case l.misheard(w, end):
		l.add(soundsLike(w), end, true)
	case isFiller(w) && len(l.now.pieces) > 0:
		l.fillers++
		l.pos = end
	default:
		l.flush()
		l.pos = end
	}
}

// misheard says whether a word that sounds like a digit stands between two
// plain digits of a number that has begun.
func (l *lexer) misheard(w string, end int) bool {
	if l.t.chinese || soundsLike(w) == "" || len(l.now.pieces) < 3 || !l.lastIsUnit() {
		return false
	}
	d, _ := l.unitAfter(end)
	return d != ""
}

func (l *lexer) lastIsUnit() bool {
	n := len(l.now.pieces)
	return n > 0 && l.now.pieces[n-1].spoken && len(l.now.pieces[n-1].digits) == 1
}

// unitAfter returns the digit word that follows i after a space or a hyphen.
func (l *lexer) unitAfter(i int) (string, int) {
	s := l.t.folded
	if i >= len(s) || s[i] != ' ' && s[i] != '-' {
		return "", 0
	}
	end := wordEnd(s, i+1)
	return unit(s[i+1 : end]), end
}

// digitAfter is unitAfter that also takes a written digit and "o".
func (l *lexer) digitAfter(i int) (string, int) {
	if d, to := l.unitAfter(i); d != "" {
		return d, to
	}
	s := l.t.folded
	if i+1 < len(s) && s[i] == ' ' {
		alone := i+2 >= len(s) || !isDigit(s[i+2]) && !isLetter(s[i+2])
		switch {
		case alone && isDigit(s[i+1]):
			return s[i+1 : i+2], i + 2
		case alone && s[i+1] == 'o':
			return "0", i + 2
		}
	}
	return "", 0
}

// han takes a character that is not ASCII.
func (l *lexer) han() {
	s := l.t.folded
	r, size := utf8.DecodeRuneInString(s[l.pos:])
	switch {
	case isHanDigit(r):
		if n, d, to := l.manyOf(r, l.pos+size); n > 0 {
			l.add(strings.Repeat(d, n), to, true)
			return
		}
		l.add(string(hanDigit(r)), l.pos+size, true)
	case isHanFiller(r) && len(l.now.pieces) > 0:
		l.fillers++
		l.pos += size
	case r == '\u3000' || r == '\u00a0' || r == '‑' || r == '–':
		l.pos += size
	default:
		l.flush()
		l.pos += size
	}
}

// manyOf reads "两个八" and "三个八".
func (l *lexer) manyOf(r rune, next int) (n int, digit string, to int) {
	s := l.t.folded
	if r != '两' && r != '三' && r != '四' || !strings.HasPrefix(s[next:], "个") {
		return 0, "", 0
	}
	next += len("个")
	d, size := utf8.DecodeRuneInString(s[next:])
	if c := hanDigit(d); c != 0 {
		return int(hanDigit(r) - '0'), string(c), next + size
	}
	return 0, "", 0
}
