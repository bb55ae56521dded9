package bus

import "sync"

// tracker knows which records of one topic and partition are done. It takes
// offsets in rising order; gaps, as compaction leaves them, count as done.
type tracker struct {
	mu        sync.Mutex
	open      []*mark // in the order of offsets, from the lowest not done
	low       int64   // what may be committed; -1 until something is known
	committed int64   // what was committed
}

type mark struct {
	offset int64
	done   bool
}

// newTracker starts at the group's committed offset, -1 if there is none.
func newTracker(committed int64) *tracker {
	return &tracker{low: committed, committed: committed}
}

// add notes that a record was handed out and returns what marks it done.
func (t *tracker) add(offset int64) func() {
	m := &mark{offset: offset}
	t.mu.Lock()
	t.open = append(t.open, m)
	t.mu.Unlock()
	return func() { t.finish(m) }
}

func (t *tracker) finish(m *mark) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.done {
		return
	}
	m.done = true
	n := 0
	for n < len(t.open) && t.open[n].done {
		t.low = t.open[n].offset + 1
		t.open[n] = nil
		n++
	}
	if t.open = t.open[n:]; len(t.open) == 0 {
		t.open = nil
	} else if n > 0 {
		t.low = t.open[0].offset
	}
}

// pending returns the low watermark and whether it is yet to be committed.
func (t *tracker) pending() (int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.low, t.low > t.committed
}

// confirm notes that low was committed.
func (t *tracker) confirm(low int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.committed = max(t.committed, low)
}
