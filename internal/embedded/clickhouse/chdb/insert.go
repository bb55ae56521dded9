package chdb

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"unsafe"
)

// insertChunk is how much of an INSERT's data is handed over at a time.
const insertChunk = 1 << 20

// Insert runs an INSERT statement, without its FORMAT clause, on the data that r
// yields in the given format. When r fails before io.EOF nothing that the engine
// still holds is committed; blocks it has already written stay, as in a server.
func (c *Conn) Insert(sql, format string, r io.Reader) (Stats, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handle == nil {
		return Stats{}, errClosed
	}
	q, f := []byte(sql), []byte(format)
	stream := c.lib.insert(c.connection(), pointer(q), uintptr(len(q)), pointer(f), uintptr(len(f)))
	runtime.KeepAlive(q)
	runtime.KeepAlive(f)
	if stream == nil {
		return Stats{}, errors.New("the ClickHouse engine opened no insert stream")
	}
	defer c.lib.destroyInsert(stream)
	if text := stringAt(c.lib.insertError(stream)); text != "" {
		return Stats{}, &Error{Text: text}
	}
	if err := c.feed(stream, r); err != nil {
		return Stats{}, err
	}
	return c.finish(stream)
}

// feed appends all of r to the stream.
func (c *Conn) feed(stream unsafe.Pointer, r io.Reader) error {
	buffer := make([]byte, insertChunk)
	for {
		n, err := fill(r, buffer)
		if n > 0 && c.lib.append(stream, pointer(buffer[:n]), uintptr(n)) != 0 {
			if text := stringAt(c.lib.insertError(stream)); text != "" {
				return &Error{Text: text}
			}
			return fmt.Errorf("cannot append %d bytes to the insert", n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			c.lib.cancelInsert(stream)
			return fmt.Errorf("cannot read the data of the insert: %w", err)
		}
	}
}

// fill reads until the buffer is full or r ends. Unlike io.ReadFull it keeps
// io.EOF (a whole body) apart from io.ErrUnexpectedEOF (a torn one).
func fill(r io.Reader, buffer []byte) (int, error) {
	n := 0
	for n < len(buffer) {
		m, err := r.Read(buffer[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (c *Conn) finish(stream unsafe.Pointer) (Stats, error) {
	result := c.lib.done(stream)
	if result == nil {
		return Stats{}, errors.New("the ClickHouse engine did not finish the insert")
	}
	defer c.lib.destroy(result)
	if err := c.failure(result); err != nil {
		return Stats{}, err
	}
	return c.stats(result), nil
}
