package rule

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// token is one word or one Han character in the form in which it is compared.
type token struct {
	text string
	// start and end are bytes of the text it came from.
	start, end int
}

// tokenize cuts s into words and Han characters: case and width folded, no
// punctuation, English contractions written out. A mask such as "[CARD]" is one
// token. Traditional and simplified characters stay different.
func tokenize(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		if n := maskLen(s[i:]); n > 0 {
			out = append(out, token{strings.ToLower(s[i : i+n]), i, i + n})
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.Is(unicode.Han, r):
			out = append(out, token{s[i : i+size], i, i + size})
			i += size
		case inWord(fold(r)):
			n := wordLen(s[i:])
			out = appendWord(out, foldString(s[i:i+n]), i, i+n)
			i += n
		default:
			i += size
		}
	}
	return out
}

// maskLen returns the length of a mask such as "[CARD]" at the start of s, or 0.
func maskLen(s string) int {
	if len(s) < 3 || s[0] != '[' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == ']' && i > 1 {
			return i + 1
		}
		if (c < 'A' || c > 'Z') && c != '_' {
			return 0
		}
	}
	return 0
}

// wordLen returns how many bytes of s belong to the word that s begins with; an
// apostrophe belongs to it when a letter follows.
func wordLen(s string) int {
	i := 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if isApostrophe(r) {
			next, _ := utf8.DecodeRuneInString(s[i+size:])
			if !unicode.IsLetter(fold(next)) || unicode.Is(unicode.Han, next) {
				return i
			}
		} else if !inWord(fold(r)) || unicode.Is(unicode.Han, r) {
			return i
		}
		i += size
	}
	return i
}

func inWord(r rune) bool {
	return r < utf8.RuneSelf && isASCIIWord(byte(r)) ||
		r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func isASCIIWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z'
}

func isApostrophe(r rune) bool { return r == '\'' || r == '’' || r == '＇' }

// fold returns the rune in half width and lower case.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	if f := width.LookupRune(r).Folded(); f != 0 {
		r = f
	}
	return unicode.ToLower(r)
}

func foldString(s string) string {
	return strings.Map(func(r rune) rune {
		if isApostrophe(r) {
			return '\''
		}
		return fold(r)
	}, s)
}

// appendWord appends the word with contractions written out; the parts share
// the place of the whole.
func appendWord(out []token, w string, start, end int) []token {
	parts := expand(w)
	if parts == "" {
		return append(out, token{w, start, end})
	}
	for _, p := range strings.Fields(parts) {
		out = append(out, token{p, start, end})
	}
	return out
}

// expand writes an English contraction or its sloppy spelling out in full; it
// returns "" for a word that is none.
func expand(w string) string {
	if full := irregular(w); full != "" {
		return full
	}
	i := strings.IndexByte(w, '\'')
	if i <= 0 {
		return ""
	}
	if base, ok := strings.CutSuffix(w, "n't"); ok {
		return base + " not"
	}
	base := w[:i]
	switch w[i+1:] {
	case "m":
		return base + " am"
	case "re":
		return base + " are"
	case "ve":
		return base + " have"
	case "ll":
		return base + " will"
	case "d":
		return base + " would"
	case "s":
		return possessive(base)
	default:
		return strings.ReplaceAll(w, "'", " ")
	}
}

// possessive tells "it's", which is "it is", from "customer's", which is no
// contraction and loses its ending.
func possessive(base string) string {
	switch base {
	case "it", "that", "what", "there", "here", "he", "she", "who", "where", "how", "when", "everything":
		return base + " is"
	case "let":
		return "let us"
	default:
		return base
	}
}

func irregular(w string) string {
	switch w {
	case "won't", "wont":
		return "will not"
	case "can't", "cant", "cannot":
		return "can not"
	case "ain't":
		return "is not"
	case "dont":
		return "do not"
	case "didnt":
		return "did not"
	case "doesnt":
		return "does not"
	case "isnt":
		return "is not"
	case "im":
		return "i am"
	case "ive":
		return "i have"
	case "thats":
		return "that is"
	case "whats":
		return "what is"
	case "gonna":
		return "going to"
	case "wanna":
		return "want to"
	case "okay":
		return "ok"
	default:
		return ""
	}
}

// isHan says whether the token is a Han character.
func isHan(text string) bool {
	r, size := utf8.DecodeRuneInString(text)
	return size == len(text) && unicode.Is(unicode.Han, r)
}
