package clickhouse

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	word   kind = iota // a bare identifier or keyword
	quoted             // a `quoted` or "quoted" identifier, text without the quotes
	text               // a 'string' literal
	number
	symbol // one character, such as ( or =
)

// token is a piece of a statement at [start:end]; text is unquoted.
type token struct {
	kind       kind
	text       string
	start, end int
}

// is says whether the token is the bare word keyword, in any case.
func (t token) is(keyword string) bool {
	return t.kind == word && strings.EqualFold(t.text, keyword)
}

// symbol says whether the token is the one byte b.
func (t token) symbol(b byte) bool { return t.kind == symbol && t.text == string(b) }

// name says whether the token can name a table, function or setting.
func (t token) name() bool { return t.kind == word || t.kind == quoted }

// lexer splits a statement as ClickHouse's own lexer does, without comments.
type lexer struct {
	sql string
	pos int
}

// tokens returns all tokens of a statement.
func tokens(sql string) []token {
	l := lexer{sql: sql}
	var all []token
	for {
		t, ok := l.next()
		if !ok {
			return all
		}
		all = append(all, t)
	}
}

// next returns the next token; ok is false at the end.
func (l *lexer) next() (t token, ok bool) {
	l.skip()
	if l.pos >= len(l.sql) {
		return token{}, false
	}
	start := l.pos
	switch c := l.sql[start]; {
	case c == '\'':
		return token{text, l.quotation(c), start, l.pos}, true
	case c == '`' || c == '"':
		return token{quoted, l.quotation(c), start, l.pos}, true
	case c == '$' && l.heredoc():
		return token{text, l.sql[start:l.pos], start, l.pos}, true
	case digit(c):
		l.pos = l.run(start, func(c byte) bool { return letter(c) || digit(c) })
		return token{number, l.sql[start:l.pos], start, l.pos}, true
	case letter(c):
		l.pos = l.run(start, func(c byte) bool { return letter(c) || digit(c) || c == '$' })
		return token{word, l.sql[start:l.pos], start, l.pos}, true
	}
	_, size := utf8.DecodeRuneInString(l.sql[start:])
	l.pos += size
	return token{symbol, l.sql[start:l.pos], start, l.pos}, true
}

func (l *lexer) run(from int, in func(byte) bool) int {
	for from < len(l.sql) && in(l.sql[from]) {
		from++
	}
	return from
}

// skip passes white space and comments (-- and # to the end of the line, and
// /* */, which nest).
func (l *lexer) skip() {
	for l.pos < len(l.sql) {
		rest := l.sql[l.pos:]
		switch {
		case rest[0] <= ' ' || rest[0] == 0x7f:
			l.pos++
		case rest[0] >= 0x80 && !strings.ContainsRune(curly, firstRune(rest)):
			l.pos++ // exotic white space; names are ASCII
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			l.line(rest)
		case strings.HasPrefix(rest, "/*"):
			l.block()
		default:
			return
		}
	}
}

// curly are the typographic quotes, which ClickHouse reads as quotes; no
// statement needs them, so they are not read here but refused by the guard.
const curly = "\u2018\u2019\u201c\u201d"

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func (l *lexer) line(rest string) {
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		l.pos += end + 1
		return
	}
	l.pos = len(l.sql)
}

func (l *lexer) block() {
	depth := 0
	for l.pos < len(l.sql) {
		rest := l.sql[l.pos:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.pos += 2
			if depth == 0 {
				return
			}
		default:
			l.pos++
		}
	}
}

// quotation reads up to the closing quote and returns the text between, with
// doubled quotes undone and backslash escapes left as they are.
func (l *lexer) quotation(quote byte) string {
	var b strings.Builder
	l.pos++
	for l.pos < len(l.sql) {
		c := l.sql[l.pos]
		l.pos++
		next := l.pos < len(l.sql)
		switch {
		case c == '\\' && next:
			b.WriteString(l.sql[l.pos-1 : l.pos+1])
			l.pos++
		case c == quote && next && l.sql[l.pos] == quote:
			b.WriteByte(quote)
			l.pos++
		case c == quote:
			return b.String()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// heredoc reads $tag$ ... $tag$ if one begins here.
func (l *lexer) heredoc() bool {
	end := l.run(l.pos+1, func(c byte) bool { return letter(c) || digit(c) })
	if end >= len(l.sql) || l.sql[end] != '$' {
		return false
	}
	tag := l.sql[l.pos : end+1]
	closing := strings.Index(l.sql[end+1:], tag)
	if closing < 0 {
		return false
	}
	l.pos = end + 1 + closing + len(tag)
	return true
}

func letter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// identifier says whether s can stand unquoted as a name.
func identifier(s string) bool {
	if s == "" || digit(s[0]) {
		return false
	}
	for i := range len(s) {
		if !letter(s[i]) && !digit(s[i]) {
			return false
		}
	}
	return true
}
