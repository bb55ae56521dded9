package chdb

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Conn is one session of the engine. Its methods may be called by many
// goroutines; statements run one after the other.
type Conn struct {
	lib    *library
	mu     sync.Mutex
	handle unsafe.Pointer // chdb_connection *, nil after Close
	open   *atomic.Int64  // the engine's count of open connections
}

// Stats counts what a statement did.
type Stats struct {
	// ResultRows were returned.
	ResultRows uint64
	// ReadRows and ReadBytes came from tables.
	ReadRows, ReadBytes uint64
	// WrittenRows and WrittenBytes include those of materialized views.
	WrittenRows, WrittenBytes uint64
}

// errClosed is what a closed connection answers.
var errClosed = errors.New("the connection to the ClickHouse engine is closed")

// Error is an exception of the engine; its text begins "Code: 60. DB::Exception:".
type Error struct{ Text string }

// Error returns the engine's text.
func (e *Error) Error() string { return e.Text }

// Close ends the session; temporary tables go with it.
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle != nil {
		c.lib.closeConn(c.handle)
		c.handle = nil
		c.open.Add(-1)
	}
}

// connection dereferences the chdb_connection pointer.
func (c *Conn) connection() unsafe.Pointer { return *(*unsafe.Pointer)(c.handle) }

// Query runs one statement and returns its whole result in the given format.
func (c *Conn) Query(sql, format string) ([]byte, Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil {
		return nil, Stats{}, errClosed
	}
	q, f := []byte(sql), []byte(format)
	result := c.lib.query(c.connection(), pointer(q), uintptr(len(q)), pointer(f), uintptr(len(f)))
	runtime.KeepAlive(q)
	runtime.KeepAlive(f)
	if result == nil {
		return nil, Stats{}, errors.New("the ClickHouse engine returned no result")
	}
	defer c.lib.destroy(result)
	if err := c.failure(result); err != nil {
		return nil, Stats{}, err
	}
	return bytes.Clone(c.bytes(result)), c.stats(result), nil
}

// Stream runs one SELECT and hands its result to w in pieces. When w fails the
// query is cancelled and w's error returned.
func (c *Conn) Stream(sql, format string, w io.Writer) (Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil {
		return Stats{}, errClosed
	}
	q, f := []byte(sql), []byte(format)
	stream := c.lib.streamQuery(c.connection(), pointer(q), uintptr(len(q)), pointer(f), uintptr(len(f)))
	runtime.KeepAlive(q)
	runtime.KeepAlive(f)
	if stream == nil {
		return Stats{}, errors.New("the ClickHouse engine returned no stream")
	}
	defer c.lib.destroy(stream)
	if err := c.failure(stream); err != nil {
		return Stats{}, err
	}
	var sum Stats
	for {
		more, err := c.next(stream, w, &sum)
		if err != nil || !more {
			return sum, err
		}
	}
}

// next writes one piece of the stream to w; more is false at its end.
func (c *Conn) next(stream unsafe.Pointer, w io.Writer, sum *Stats) (more bool, err error) {
	result := c.lib.fetch(c.connection(), stream)
	if result == nil {
		return false, nil
	}
	defer c.lib.destroy(result)
	if err := c.failure(result); err != nil {
		return false, err
	}
	piece := c.stats(result)
	sum.ResultRows += piece.ResultRows
	sum.ReadRows = max(sum.ReadRows, piece.ReadRows)
	sum.ReadBytes = max(sum.ReadBytes, piece.ReadBytes)
	data := c.bytes(result)
	if len(data) == 0 {
		return false, nil
	}
	if _, err := w.Write(data); err != nil {
		c.lib.cancel(c.connection(), stream)
		return false, err
	}
	return true, nil
}

// failure returns the exception that a result or stream carries.
func (c *Conn) failure(result unsafe.Pointer) error {
	if text := stringAt(c.lib.resultError(result)); text != "" {
		return &Error{Text: text}
	}
	return nil
}

// bytes is the result's data, valid until it is destroyed.
func (c *Conn) bytes(result unsafe.Pointer) []byte {
	p, n := c.lib.buffer(result), c.lib.length(result)
	if p == nil || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(p), n)
}

func (c *Conn) stats(result unsafe.Pointer) Stats {
	return Stats{
		ResultRows:   c.lib.rowsRead(result),
		ReadRows:     c.lib.storageRows(result),
		ReadBytes:    c.lib.storageBytes(result),
		WrittenRows:  c.lib.rowsWritten(result),
		WrittenBytes: c.lib.bytesWritten(result),
	}
}
