// Package spool keeps records on disk, in order and within a bound, until they
// can be handed on.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ErrFull is the error of a record that the bound leaves no room for.
var ErrFull = errors.New("spool is full")

const (
	segmentBytes = 8 << 20
	recordHead   = 8 // length and CRC-32C, 32 bits each, big endian
	maxRecord    = 16 << 20
	suffix       = ".spool"
	positionFile = "position"
)

// Record is one record with its number; numbers rise by one.
type Record struct {
	ID   uint64
	Data []byte
}

// Spool is a queue on disk: segment files that are named after the number of
// their first record, and a position file that holds the number of the first
// record not handed on yet. It may be used from several goroutines. What was
// appended survives the end of the process, by any signal; it is not synced,
// so the end of the machine may cost the last seconds.
type Spool struct {
	mu    sync.Mutex
	dir   string
	bound int64

	segments []segment
	tail     *os.File // the last segment, open for appending
	next     uint64   // the number of the next record
	position uint64   // the first record not committed
	skip     map[uint64]bool
	bytes    int64
}

type segment struct {
	first uint64
	count uint64
	bytes int64
}

// Open opens or makes a spool of at most bound bytes in a folder of its own.
func Open(dir string, bound int64) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("cannot make spool folder: %w", err)
	}
	s := &Spool{dir: dir, bound: bound, skip: map[uint64]bool{}}
	if raw, err := os.ReadFile(filepath.Join(dir, positionFile)); err == nil {
		// A position that can't be read is 0: everything is handed on again.
		position, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 62)
		if err == nil {
			s.position = position
		}
	}
	if err := s.scan(); err != nil {
		return nil, err
	}
	s.next = max(s.next, s.position)
	s.dropDone()
	return s, nil
}

// scan finds the segments, and cuts off what a killed process left half written.
func (s *Spool) scan() error {
	names, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix))
	if err != nil {
		return fmt.Errorf("cannot list spool: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		first, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), suffix), 10, 64)
		if err != nil {
			continue
		}
		count, size, err := measure(name)
		if err != nil {
			return err
		}
		s.segments = append(s.segments, segment{first, count, size})
		s.next, s.bytes = first+count, s.bytes+size
	}
	return nil
}

// measure counts the whole records of a segment and truncates it after them.
func measure(name string) (count uint64, size int64, err error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, fmt.Errorf("cannot open spool segment: %w", err)
	}
	defer f.Close()
	for {
		data, err := readRecord(f, size)
		if err != nil {
			break
		}
		count++
		size += recordHead + int64(len(data))
	}
	if err := f.Truncate(size); err != nil {
		return 0, 0, fmt.Errorf("cannot truncate spool segment: %w", err)
	}
	return count, size, nil
}

func readRecord(f io.ReaderAt, at int64) ([]byte, error) {
	var head [recordHead]byte
	if _, err := f.ReadAt(head[:], at); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxRecord {
		return nil, fmt.Errorf("spool record of %d bytes at %d", n, at)
	}
	data := make([]byte, n)
	if _, err := f.ReadAt(data, at+recordHead); err != nil {
		return nil, err
	}
	if crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(head[4:]) {
		return nil, fmt.Errorf("spool record at %d is damaged", at)
	}
	return data, nil
}

// Append writes a record and returns its number. It fails with [ErrFull] when
// the bound is reached, unless force is set.
func (s *Spool) Append(data []byte, force bool) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(recordHead + len(data))
	if !force && s.bytes+size > s.bound {
		return 0, ErrFull
	}
	if err := s.roll(); err != nil {
		return 0, err
	}
	out := make([]byte, 0, size)
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	out = append(out, data...)
	last := &s.segments[len(s.segments)-1]
	if _, err := s.tail.WriteAt(out, last.bytes); err != nil {
		return 0, fmt.Errorf("cannot write spool record: %w", err)
	}
	id := s.next
	s.next++
	last.count++
	last.bytes += size
	s.bytes += size
	return id, nil
}

// roll makes sure that there is a segment with room to append to.
func (s *Spool) roll() error {
	if s.tail != nil && s.segments[len(s.segments)-1].bytes < segmentBytes {
		return nil
	}
	if s.tail != nil {
		s.tail.Close()
		s.tail = nil
	}
	f, err := os.OpenFile(s.path(s.next), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("cannot make spool segment: %w", err)
	}
	s.tail = f
	// A segment without a whole record has the name that the new one gets.
	s.segments = slices.DeleteFunc(s.segments, func(g segment) bool { return g.first == s.next })
	s.segments = append(s.segments, segment{first: s.next})
	return nil
}

func (s *Spool) path(first uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%020d%s", first, suffix))
}

// Skip takes a record out of what Next will return: it arrived by another way.
func (s *Spool) Skip(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id >= s.position {
		s.skip[id] = true
	}
}

// Next returns the first records not committed yet, at most max, and the
// number to commit after them. It returns the same ones until Commit.
func (s *Spool) Next(max int) (records []Record, upTo uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	upTo = s.position
	for _, g := range s.segments {
		if upTo >= g.first+g.count || len(records) >= max {
			continue
		}
		if records, upTo, err = s.readSegment(g, upTo, records, max); err != nil {
			return nil, s.position, err
		}
	}
	return records, upTo, nil
}

func (s *Spool) readSegment(g segment, from uint64, records []Record, max int) ([]Record, uint64, error) {
	f, err := os.Open(s.path(g.first))
	if err != nil {
		return nil, from, fmt.Errorf("cannot read spool: %w", err)
	}
	defer f.Close()
	at := int64(0)
	for id := g.first; id < g.first+g.count && len(records) < max; id++ {
		data, err := readRecord(f, at)
		if err != nil {
			return nil, from, fmt.Errorf("cannot read spool record %d: %w", id, err)
		}
		at += recordHead + int64(len(data))
		if id < from {
			continue
		}
		if !s.skip[id] {
			records = append(records, Record{ID: id, Data: data})
		}
		from = id + 1
	}
	return records, from, nil
}

// Each calls f with every record that is not committed yet.
func (s *Spool) Each(f func(Record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.segments {
		for from := max(s.position, g.first); from < g.first+g.count; {
			records, next, err := s.readSegment(g, from, nil, eachBatch)
			if err != nil {
				return err
			}
			for _, r := range records {
				f(r)
			}
			from = next
		}
	}
	return nil
}

// eachBatch is how many records Each holds in memory.
const eachBatch = 1024

// Position returns the number of the first record that is not committed yet.
func (s *Spool) Position() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

// Commit says that all records below upTo have been handed on.
func (s *Spool) Commit(upTo uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if upTo <= s.position {
		return nil
	}
	s.position = upTo
	for id := range s.skip {
		if id < upTo {
			delete(s.skip, id)
		}
	}
	tmp := filepath.Join(s.dir, positionFile+".new")
	if err := os.WriteFile(tmp, strconv.AppendUint(nil, upTo, 10), 0o640); err != nil {
		return fmt.Errorf("cannot write spool position: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(s.dir, positionFile)); err != nil {
		return fmt.Errorf("cannot write spool position: %w", err)
	}
	s.dropDone()
	return nil
}

// dropDone removes the segments of which every record is committed.
func (s *Spool) dropDone() {
	for len(s.segments) > 0 {
		g := s.segments[0]
		if g.first+g.count > s.position {
			return
		}
		if len(s.segments) == 1 && s.tail != nil {
			s.tail.Close()
			s.tail = nil
		}
		// A segment that stays is committed: it is dropped at the next start.
		_ = os.Remove(s.path(g.first))
		s.bytes -= g.bytes
		s.segments = s.segments[1:]
	}
}

// Len returns how many records are not committed yet.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.next - s.position)
}

// Bytes returns the room that the segments take on disk.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Close closes the files; records stay for the next Open.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tail == nil {
		return nil
	}
	err := s.tail.Close()
	s.tail = nil
	return err
}
