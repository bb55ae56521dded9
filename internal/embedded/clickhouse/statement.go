package clickhouse

import "strings"

// statement is a query text taken apart as far as running it needs.
type statement struct {
	// sql is the text to run; for an insert with data, without FORMAT and data.
	sql string
	// streams is set for a SELECT, whose result comes in pieces.
	streams bool
	// inserts is set for an INSERT whose data follows.
	inserts bool
	// format is the FORMAT clause's; empty if there is none.
	format string
	// data is where the data of an insert begins in the text.
	data int
}

// split takes a query text apart. The text of an INSERT may go on as its data.
func split(sql string) statement {
	l := lexer{sql: sql}
	first, ok := l.next()
	for ok && first.symbol('(') {
		first, ok = l.next()
	}
	switch {
	case !ok:
		return statement{sql: sql}
	case first.is("INSERT"):
		return splitInsert(sql, &l)
	case first.is("SELECT"), first.is("WITH"):
		s := statement{sql: sql, format: lastFormat(sql)}
		s.streams = !writesAfterWith(sql, first)
		return s
	}
	return statement{sql: sql, format: lastFormat(sql)}
}

// writesAfterWith tells WITH ... INSERT INTO from WITH ... SELECT.
func writesAfterWith(sql string, first token) bool {
	if !first.is("WITH") {
		return false
	}
	depth := 0
	for _, t := range tokens(sql) {
		depth += nesting(t)
		if depth == 0 && t.is("SELECT") {
			return false
		}
		if depth == 0 && t.is("INSERT") {
			return true
		}
	}
	return false
}

func nesting(t token) int {
	switch {
	case t.symbol('('), t.symbol('['):
		return 1
	case t.symbol(')'), t.symbol(']'):
		return -1
	}
	return 0
}

// splitInsert finds where the data of an INSERT begins: after FORMAT name or
// VALUES. An INSERT ... SELECT has none.
func splitInsert(sql string, l *lexer) statement {
	whole := statement{sql: sql}
	if !skipTarget(l) {
		return whole
	}
	depth, begun := 0, false
	for {
		t, ok := l.next()
		switch {
		case !ok:
			return statement{sql: trimEnd(sql), inserts: true, format: "Values", data: len(sql)}
		case depth == 0 && t.is("VALUES"):
			return statement{sql: sql[:t.start], inserts: true, format: "Values", data: t.end}
		case depth == 0 && t.is("FORMAT"):
			return afterFormat(sql, t, l)
		case t.is("SELECT") && (depth == 0 || begun), depth == 0 && (t.is("WITH") || t.is("FROM") || t.is("WATCH")):
			return whole
		}
		begun = t.symbol('(')
		depth += nesting(t)
	}
}

// skipTarget passes INTO [TABLE] name[.name] or INTO FUNCTION name, so that a
// table called format or values is not taken for the clause.
func skipTarget(l *lexer) bool {
	t, ok := l.next()
	if ok && t.is("INTO") {
		t, ok = l.next()
	}
	for ok && (t.is("TABLE") || t.is("FUNCTION")) {
		saved := *l
		if next, more := l.next(); !more || !next.name() {
			*l = saved // the table is called table
			break
		} else {
			t = next
		}
	}
	if !ok || !t.name() {
		return false
	}
	for {
		saved := *l
		if dot, more := l.next(); !more || !dot.symbol('.') {
			*l = saved
			return true
		}
		if _, more := l.next(); !more {
			return false
		}
	}
}

// afterFormat reads the format's name. One line end or blanks up to it separate
// the name from the data.
func afterFormat(sql string, clause token, l *lexer) statement {
	name, ok := l.next()
	if !ok || !name.name() {
		return statement{sql: sql}
	}
	s := statement{sql: sql[:clause.start], inserts: true, format: name.text, data: name.end}
	rest := strings.TrimLeft(sql[name.end:], " \t;")
	if trimmed, ok := strings.CutPrefix(rest, "\r\n"); ok {
		rest = trimmed
	} else {
		rest = strings.TrimPrefix(rest, "\n")
	}
	if strings.HasPrefix(strings.ToUpper(rest), "SETTINGS ") {
		return statement{sql: sql} // INSERT ... FORMAT x SETTINGS: the engine's own parser
	}
	s.data = len(sql) - len(rest)
	return s
}

func trimEnd(sql string) string { return strings.TrimRight(sql, " \t\r\n;") }

// lastFormat returns the name in the FORMAT clause that ends a query, before an
// optional SETTINGS clause.
func lastFormat(sql string) string {
	format, depth := "", 0
	var previous token
	for _, t := range tokens(sql) {
		depth += nesting(t)
		switch {
		case depth == 0 && previous.is("FORMAT") && t.name():
			format = t.text
		case depth == 0 && format != "" && clauseStart(t):
			format = "" // a column or alias called format
		}
		previous = t
	}
	return format
}

// clauseStart says whether t cannot follow a query's FORMAT clause.
func clauseStart(t token) bool {
	for _, keyword := range []string{"FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "UNION", "HAVING"} {
		if t.is(keyword) {
			return true
		}
	}
	return false
}
