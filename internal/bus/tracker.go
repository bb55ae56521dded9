package bus

import (
	"container/list"
	"sync"
)

// tracker knows which records of one topic and partition are done. It takes
// offsets in rising order; gaps, as compaction leaves them, count as done. What
// is done leaves it at once: a record that waits for hours costs the same
// however many are done behind it.
type tracker struct {
	mu        sync.Mutex
	open      list.List // of int64: the offsets not done, in their order
	next      int64     // the offset after the last one that was handed out
	low       int64     // what may be committed; -1 until something is known
	committed int64     // what was committed
}

// newTracker starts at the group's committed offset, -1 if there is none.
func newTracker(committed int64) *tracker {
	return &tracker{low: committed, committed: committed}
}

// add notes that a record was handed out and returns what marks it done.
func (t *tracker) add(offset int64) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.open.PushBack(offset)
	t.next = offset + 1
	return sync.OnceFunc(func() { t.finish(e) })
}

func (t *tracker) finish(e *list.Element) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lowest := e == t.open.Front()
	t.open.Remove(e)
	if !lowest {
		return
	}
	t.low = t.next
	if front := t.open.Front(); front != nil {
		t.low = front.Value.(int64)
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
