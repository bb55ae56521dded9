package chdb

import (
	"errors"
	"runtime"
	"unsafe"
)

// Class says what a statement does to state that outlives it; the values are
// those of chdb_query_class and ascend by how restricted the statement is.
type Class uint32

// The classes.
const (
	// ReadOnly: SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK.
	ReadOnly Class = iota
	// Mutating: INSERT, CREATE, ALTER, DROP and such, inside a database.
	Mutating
	// MutatingGlobal: functions, named collections, the system database.
	MutatingGlobal
	// Control: USE, SET, ATTACH, SYSTEM, BACKUP, KILL, INTO OUTFILE.
	Control
	// Unknown: text that does not parse.
	Unknown
)

// Analysis is what the engine's parser says of a text.
type Analysis struct {
	// Statements is their number, 0 for text that does not parse.
	Statements int
	Class      Class
}

// Classify parses sql with the session's parser and runs nothing.
func (c *Conn) Classify(sql string) (Analysis, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil {
		return Analysis{}, errClosed
	}
	report := struct{ size, statements, flags, class uint32 }{size: 16}
	q := []byte(sql)
	rc := c.lib.classify(c.connection(), pointer(q), uintptr(len(q)), nil, 0, unsafe.Pointer(&report))
	runtime.KeepAlive(q)
	if rc != 0 {
		return Analysis{}, errors.New("cannot classify the statement: the engine refused to parse it")
	}
	return Analysis{Statements: int(report.statements), Class: Class(report.class)}, nil
}
