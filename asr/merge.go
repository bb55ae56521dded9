package asr

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"earshot"
)

// stall is how far a leg may be behind the others before they no longer wait
// for it: it is on hold, or its sender says nothing in silence.
const stall = 3 * time.Second

// leg is one participant's way through the engine.
type leg struct {
	id     earshot.LegID
	stream Stream
	// offset is the stream's beginning on the call's timeline.
	offset time.Duration
	// fed is the end of what the stream was fed; guarded by the merge.
	fed time.Duration
}

// merge puts the utterances of a call's legs into the order of their start, as
// soon as no leg can say anything that began earlier.
type merge struct {
	signal chan struct{}

	mu       sync.Mutex
	legs     []*leg
	held     []earshot.Utterance
	seen     map[earshot.UtteranceID]bool
	newest   time.Duration
	finished bool
}

func newMerge() *merge {
	return &merge{signal: make(chan struct{}, 1), seen: map[earshot.UtteranceID]bool{}}
}

func (m *merge) open(l *leg) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.legs = append(m.legs, l)
}

// heard notes how far a leg was fed.
func (m *merge) heard(l *leg, until time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.fed = until
	m.newest = max(m.newest, until)
}

func (m *merge) add(u earshot.Utterance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen[u.ID] {
		return
	}
	m.seen[u.ID] = true
	m.held = append(m.held, u)
	m.wake()
}

// finish says that all streams are finished.
func (m *merge) finish() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.finished = true
	m.wake()
}

// wake makes next look again.
func (m *merge) wake() {
	select {
	case m.signal <- struct{}{}:
	default: // it will
	}
}

// next waits for utterances whose turn has come. more is false after the last
// ones, and when ctx has ended.
func (m *merge) next(ctx context.Context) (ready []earshot.Utterance, more bool) {
	for {
		if ready, more = m.pop(); len(ready) > 0 || !more {
			return ready, more
		}
		select {
		case <-m.signal:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (m *merge) pop() (ready []earshot.Utterance, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.SortStableFunc(m.held, func(a, b earshot.Utterance) int {
		return cmp.Or(cmp.Compare(a.StartMS, b.StartMS), cmp.Compare(a.Leg, b.Leg))
	})
	n := 0
	for n < len(m.held) && (m.finished || m.turn(m.held[n])) {
		n++
	}
	ready = slices.Clone(m.held[:n])
	m.held = slices.Delete(m.held, 0, n)
	return ready, !m.finished
}

// turn reports whether no other leg can still say something earlier.
func (m *merge) turn(u earshot.Utterance) bool {
	for _, l := range m.legs {
		if l.id == u.Leg || l.fed < m.newest-stall {
			continue
		}
		if (l.offset + l.stream.Settled()).Milliseconds() < u.StartMS {
			return false
		}
	}
	return true
}

// totals counts the utterances and tells the time of the last sound.
func (m *merge) totals() (utterances int, length time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.seen), m.newest
}
