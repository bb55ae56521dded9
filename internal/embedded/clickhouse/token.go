package clickhouse

import "strings"

// kind is what a token is.
type kind uint8

const (
	word   kind = iota // a bare identifier or keyword
	quoted             // a `quoted` or "quoted" identifier, text without the quotes
	text               // a 'string' literal
	number
	symbol // one byte, such as ( or =
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
func (t token) symbol(b byte) bool { return t.kind == symbol && t.text[0] == b }

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
		l.pos = l.run(start, func(c byte) bool { return letter(c) || digit(c) || c == '.' })
		return token{number, l.sql[start:l.pos], start, l.pos}, true
	case letter(c):
		l.pos = l.run(start, func(c byte) bool { return letter(c) || digit(c) || c == '$' })
		return token{word, l.sql[start:l.pos], start, l.pos}, true
	}
	l.pos++
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
		case strings.HasPrefix(rest, "\u00a0"), strings.HasPrefix(rest, "\u3000"), strings.HasPrefix(rest, "\ufeff"):
			l.pos += len(firstRune(rest))
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			l.line(rest)
		case strings.HasPrefix(rest, "/*"):
			l.block()
		default:
			return
		}
	}
}

func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
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
// doubled quotes and backslash escapes undone as far as a check needs.
func (l *lexer) quotation(quote byte) string {
	var b strings.Builder
	l.pos++
	for l.pos < len(l.sql) {
		c := l.sql[l.pos]
		l.pos++
		switch {
		case c == '\\' && l.pos < len(l.sql):
			b.WriteString(l.escape())
		case c == quote && l.pos < len(l.sql) && l.sql[l.pos] == quote:
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

// escape reads what follows a backslash.
func (l *lexer) escape() string {
	c := l.sql[l.pos]
	l.pos++
	if c == 'x' && l.pos+2 <= len(l.sql) {
		hi, lo := hex(l.sql[l.pos]), hex(l.sql[l.pos+1])
		if hi >= 0 && lo >= 0 {
			l.pos += 2
			return string([]byte{byte(hi<<4 | lo)})
		}
	}
	if i := strings.IndexByte("abefnrtv0", c); i >= 0 {
		return "\a\b\x1b\f\n\r\t\v\x00"[i : i+1]
	}
	return string([]byte{c})
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

func hex(c byte) int {
	switch {
	case digit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

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
