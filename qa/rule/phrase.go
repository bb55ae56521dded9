package rule

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a phrase; they bound the time of a match.
const (
	maxPhraseBytes = 500
	maxPhraseDepth = 6
	maxGap         = 30
	defaultGap     = 4
)

// Phrase is words to look for, with room for how people really say them:
//
//	thank you for calling        words; case, width, punctuation and contractions do not matter
//	refund*                      a word that begins so; *fund ends so
//	thank you * calling          a gap of up to 4 words or characters; *8 is up to 8
//	how (can|may) i help (you)?  one of several; ? makes the group optional
//	cancel NEAR/5 account        both, in either order, at most 5 words between
//	您好*请问                     Chinese is compared character by character
//	[CARD]                       what redaction put for a card number
type Phrase struct {
	src   string
	items []item
	// heads are the words that a match can begin with.
	heads []item
}

type itemKind uint8

const (
	itemWord itemKind = iota
	itemGap
	itemGroup
)

type item struct {
	kind itemKind
	word string
	// prefix and suffix make word the beginning or the end of a longer one.
	prefix, suffix bool
	gap            int
	alternatives   [][]item
	optional       bool
}

// String returns the phrase as it was written.
func (p *Phrase) String() string { return p.src }

// Example returns the words of the phrase in their first wording, as one would
// read them to a person: "call … recorded".
func (p *Phrase) Example() string {
	var b strings.Builder
	example(&b, p.items)
	return b.String()
}

func example(b *strings.Builder, items []item) {
	for i := range items {
		switch it := &items[i]; {
		case it.kind == itemGroup && !it.optional:
			example(b, it.alternatives[0])
		case it.kind == itemGap && !strings.HasSuffix(b.String(), "…"):
			b.WriteString(" …")
		case it.kind == itemWord:
			before, _ := utf8.DecodeLastRuneInString(b.String())
			if b.Len() > 0 && (!isHan(it.word) || before == '…') {
				b.WriteByte(' ')
			}
			b.WriteString(it.word)
			if it.prefix {
				b.WriteString("…")
			}
		}
	}
}

// hasHan says whether the phrase is written in Chinese.
func (p *Phrase) hasHan() bool {
	return strings.ContainsFunc(p.src, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// ParsePhrase reads a phrase. The error names the column, counted in characters.
func ParsePhrase(s string) (*Phrase, error) {
	if len(s) > maxPhraseBytes {
		return nil, fmt.Errorf("phrase has %d bytes, at most %d are allowed", len(s), maxPhraseBytes)
	}
	p := &phraseParser{src: []rune(strings.ToValidUTF8(s, " "))}
	items, err := p.sequence(0)
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.src) {
		return nil, p.errorf("%q without a ( before it", p.src[p.pos])
	}
	if shortest(items) == 0 {
		return nil, fmt.Errorf("phrase %q has no word that must be there", s)
	}
	if items[0].kind == itemGap || items[len(items)-1].kind == itemGap {
		return nil, fmt.Errorf("phrase %q begins or ends with a gap, which means nothing there", s)
	}
	return &Phrase{src: s, items: items, heads: heads(items)}, nil
}

type phraseParser struct {
	src []rune
	pos int
}

func (p *phraseParser) errorf(format string, args ...any) error {
	return fmt.Errorf("column %d: %s", p.pos+1, fmt.Sprintf(format, args...))
}

// peek returns the rune at the position, its syntax folded to half width.
func (p *phraseParser) peek() rune {
	if p.pos >= len(p.src) {
		return -1
	}
	switch r := p.src[p.pos]; r {
	case '（':
		return '('
	case '）':
		return ')'
	case '｜':
		return '|'
	case '＊':
		return '*'
	default:
		return r
	}
}

// sequence reads items up to the end, "|" or ")".
func (p *phraseParser) sequence(depth int) ([]item, error) {
	if depth > maxPhraseDepth {
		return nil, p.errorf("groups are nested deeper than %d", maxPhraseDepth)
	}
	var items []item
	for {
		switch r := p.peek(); {
		case r == -1 || r == '|' && depth > 0 || r == ')':
			return items, nil
		case unicode.IsSpace(r):
			p.pos++
		case r == '|':
			return nil, p.errorf("| outside a group; write (a|b)")
		case r == '(':
			group, err := p.group(depth)
			if err != nil {
				return nil, err
			}
			items = append(items, group)
		case p.near() > 0:
			return p.nearItem(items, depth)
		default:
			more, err := p.words()
			if err != nil {
				return nil, err
			}
			items = append(items, more...)
		}
	}
}

func (p *phraseParser) group(depth int) (item, error) {
	p.pos++
	g := item{kind: itemGroup}
	for {
		alt, err := p.sequence(depth + 1)
		if err != nil {
			return item{}, err
		}
		if shortest(alt) == 0 {
			return item{}, p.errorf("an alternative of the group has no word")
		}
		g.alternatives = append(g.alternatives, alt)
		switch p.peek() {
		case '|':
			p.pos++
		case ')':
			p.pos++
			if p.peek() == '?' {
				p.pos++
				g.optional = true
			}
			return g, nil
		default:
			return item{}, p.errorf("group is not closed with )")
		}
	}
}

// near returns the length of "NEAR/" at the position, or 0.
func (p *phraseParser) near() int {
	const word = "NEAR/"
	if p.pos > 0 && !unicode.IsSpace(p.src[p.pos-1]) && p.src[p.pos-1] != ')' {
		return 0
	}
	if strings.HasPrefix(string(p.src[p.pos:min(len(p.src), p.pos+len(word))]), word) {
		return len(word)
	}
	return 0
}

// nearItem makes "left NEAR/n right" out of what was read and what follows: a
// group of both orders.
func (p *phraseParser) nearItem(left []item, depth int) ([]item, error) {
	if shortest(left) == 0 {
		return nil, p.errorf("NEAR has no word before it")
	}
	p.pos += p.near()
	n, ok := p.number()
	if !ok || n > maxGap {
		return nil, p.errorf("NEAR/ wants a number of words from 0 to %d", maxGap)
	}
	right, err := p.sequence(depth + 1)
	if err != nil {
		return nil, err
	}
	if shortest(right) == 0 {
		return nil, p.errorf("NEAR has no word after it")
	}
	gap := item{kind: itemGap, gap: n}
	return []item{{kind: itemGroup, alternatives: [][]item{
		slices.Concat(left, []item{gap}, right),
		slices.Concat(right, []item{gap}, left),
	}}}, nil
}

func (p *phraseParser) number() (int, bool) {
	n, digits := 0, 0
	for p.pos < len(p.src) && p.src[p.pos] >= '0' && p.src[p.pos] <= '9' && digits < 4 {
		n = n*10 + int(p.src[p.pos]-'0')
		p.pos++
		digits++
	}
	return n, digits > 0
}

// words reads one run without spaces: words, Han characters, wildcards, gaps.
func (p *phraseParser) words() ([]item, error) {
	if p.peek() == '*' && !p.wordFollows(p.pos+1) {
		return p.gapItem()
	}
	suffix := p.peek() == '*'
	if suffix {
		p.pos++
	}
	start := p.pos
	for r := p.peek(); r != -1 && !unicode.IsSpace(r) && !strings.ContainsRune("()|*", r); r = p.peek() {
		p.pos++
	}
	var items []item
	for _, t := range tokenize(string(p.src[start:p.pos])) {
		items = append(items, item{kind: itemWord, word: t.text})
	}
	if len(items) > 0 && suffix {
		items[0].suffix = true
	}
	last := len(items) - 1
	if p.peek() == '*' && last >= 0 && !isHan(items[last].word) && !p.hanOrDigitFollows(p.pos+1) {
		p.pos++
		items[last].prefix = true
	}
	return items, nil
}

// wordFollows says whether a word that is not Han begins at i.
func (p *phraseParser) wordFollows(i int) bool {
	return i < len(p.src) && unicode.IsLetter(p.src[i]) && !unicode.Is(unicode.Han, p.src[i]) &&
		(i < 2 || unicode.IsSpace(p.src[i-2]) || p.src[i-2] == '(' || p.src[i-2] == '|')
}

func (p *phraseParser) hanOrDigitFollows(i int) bool {
	return i < len(p.src) && (unicode.Is(unicode.Han, p.src[i]) || unicode.IsDigit(p.src[i]))
}

func (p *phraseParser) gapItem() ([]item, error) {
	p.pos++
	n, ok := p.number()
	if !ok {
		n = defaultGap
	}
	if n < 1 || n > maxGap {
		return nil, p.errorf("a gap is 1 to %d words, not %d", maxGap, n)
	}
	return []item{{kind: itemGap, gap: n}}, nil
}

// shortest returns the fewest tokens that the items can match.
func shortest(items []item) int {
	n := 0
	for _, it := range items {
		switch {
		case it.kind == itemWord:
			n++
		case it.kind == itemGroup && !it.optional:
			least := maxPhraseBytes
			for _, alt := range it.alternatives {
				least = min(least, shortest(alt))
			}
			n += least
		}
	}
	return n
}

// heads returns the words that a match of the items can begin with.
func heads(items []item) []item {
	var out []item
	for _, it := range items {
		if it.kind == itemWord {
			return append(out, it)
		}
		for _, alt := range it.alternatives {
			out = append(out, heads(alt)...)
		}
		if it.kind == itemGroup && !it.optional {
			return out
		}
	}
	return out
}

func (it *item) matches(word string) bool {
	switch {
	case it.prefix && it.suffix:
		return strings.Contains(word, it.word)
	case it.prefix:
		return strings.HasPrefix(word, it.word)
	case it.suffix:
		return strings.HasSuffix(word, it.word)
	default:
		return word == it.word
	}
}

// find returns the first match in toks that begins at from or later, as short
// as it can be, or -1, -1.
func (p *Phrase) find(toks []spoken, from int) (start, end int) {
	for i := from; i < len(toks); i++ {
		if p.mayBegin(toks[i].text) {
			if end := p.matchAt(toks, i); end >= 0 {
				return i, end
			}
		}
	}
	return -1, -1
}

// matchAt returns where the shortest match ends that begins at the word, or -1.
func (p *Phrase) matchAt(toks []spoken, at int) int {
	if ends := advance(p.items, toks, []int{at}); len(ends) > 0 {
		return slices.Min(ends)
	}
	return -1
}

func (p *Phrase) mayBegin(word string) bool {
	for i := range p.heads {
		if p.heads[i].matches(word) {
			return true
		}
	}
	return false
}

// advance returns where a match of the items can end that begins at one of the
// places; every place stands once, so the work is bounded by items x tokens.
func advance(items []item, toks []spoken, at []int) []int {
	for i := range items {
		var next []int
		for _, pos := range at {
			next = step(&items[i], toks, pos, next)
		}
		if len(next) == 0 {
			return nil
		}
		if len(next) > 1 {
			slices.Sort(next)
			next = slices.Compact(next)
		}
		at = next
	}
	return at
}

func step(it *item, toks []spoken, pos int, next []int) []int {
	switch it.kind {
	case itemWord:
		if pos < len(toks) && it.matches(toks[pos].text) {
			next = append(next, pos+1)
		}
	case itemGap:
		for n := 0; n <= it.gap && pos+n <= len(toks); n++ {
			next = append(next, pos+n)
		}
	case itemGroup:
		for _, alt := range it.alternatives {
			next = append(next, advance(alt, toks, []int{pos})...)
		}
		if it.optional {
			next = append(next, pos)
		}
	}
	return next
}

// short returns the text cut to n characters for a reason.
func short(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}
