// Package redact finds personal data in text, in English and Chinese, written
// or spoken aloud, and masks it.
package redact

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/width"

	"earshot"
)

// The types of what is masked; "[" + type + "]" stands in its place.
const (
	email  = "EMAIL"
	phone  = "PHONE"
	card   = "CARD"
	cvv    = "CVV"
	code   = "CODE" // PIN, password, verification code
	iban   = "IBAN"
	id     = "ID" // Chinese resident id, US social security number
	ip     = "IP"
	number = "NUMBER" // a long number that no format tells
)

// Text masks the personal data in s and returns the masked text with the places
// that stand for something removed. language is a BCP 47 tag or ""; both
// languages are always looked for, since people mix them, but words that only
// sound like an English digit ("to", "for") are left alone in Chinese text.
//
// Masked are: e-mail addresses; telephone numbers; payment cards (Luhn); codes
// after words such as "CVV" and "PIN"; IBANs; Chinese resident ids (GB 11643);
// US social security numbers; IP addresses; seven digits or more that are
// spoken; and written numbers of nine digits or more in one piece. Amounts,
// dates, times, percentages and numbers with letters in them stay.
func Text(s, language string) (string, []earshot.Span) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !mayHold(s) {
		return s, nil
	}
	t := foldText(s)
	t.chinese = strings.HasPrefix(strings.ToLower(language), "zh")
	found := t.findWritten()
	found = append(found, t.findNumbers(found)...)
	return t.mask(found)
}

// mayHold is a quick look: text without a digit, a digit word or an @ holds
// nothing to mask.
func mayHold(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isDigit(c) || c == '@':
			return true
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r >= '０' && r <= '９' || r == '＠' || isHanDigit(r) {
				return true
			}
			i += size
		case isLetter(c):
			end := wordEnd(s, i)
			if _, ok := digitWord(strings.ToLower(s[i:end])); ok || s[i:end] == "at" {
				return true
			}
			i = end
		default:
			i++
		}
	}
	return false
}

// text is the input in half width and lower case, with the way back.
type text struct {
	original string
	folded   string
	// at leads from a byte of folded to the byte of original; it has one more.
	at []int
	// chinese is what the caller says; hasDigit is set for written digits.
	chinese, hasDigit bool
}

func foldText(s string) *text {
	t := &text{original: s}
	var b strings.Builder
	b.Grow(len(s))
	t.at = make([]int, 0, len(s)+1)
	for i, r := range s {
		if r >= utf8.RuneSelf {
			if f := width.LookupRune(r).Folded(); f != 0 && f < utf8.RuneSelf {
				r = f
			}
		}
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		t.hasDigit = t.hasDigit || r >= '0' && r <= '9'
		n, _ := b.WriteRune(r)
		for k := range n {
			t.at = append(t.at, i+k)
		}
	}
	t.at = append(t.at, len(s))
	t.folded = b.String()
	return t
}

// finding is something to mask: bytes [start, end) of the folded text.
type finding struct {
	start, end int
	kind       string
}

// mask replaces what was found; of two findings over each other the first by
// place, then the longer one stands, and is drawn out to the end of both, so
// that nothing is left of either.
func (t *text) mask(found []finding) (string, []earshot.Span) {
	if len(found) == 0 {
		return t.original, nil
	}
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end), cmp.Compare(a.kind, b.kind))
	})
	merged := found[:1]
	for _, f := range found[1:] {
		if last := &merged[len(merged)-1]; f.start < last.end {
			last.end = max(last.end, f.end)
		} else {
			merged = append(merged, f)
		}
	}
	var b strings.Builder
	spans := make([]earshot.Span, 0, len(merged))
	from := 0
	for _, f := range merged {
		b.WriteString(t.original[from:t.at[f.start]])
		start := b.Len()
		b.WriteString("[" + f.kind + "]")
		spans = append(spans, earshot.Span{Start: start, End: b.Len(), Type: f.kind})
		from = t.at[f.end]
	}
	b.WriteString(t.original[from:])
	return b.String(), spans
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func wordEnd(s string, i int) int {
	for i < len(s) && isLetter(s[i]) {
		i++
	}
	return i
}
