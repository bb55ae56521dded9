package bus

import (
	"context"
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// limits bound a set of records; last is the highest offset that belongs to it.
type limits struct {
	records, bytes int
	last           int64
}

// queue holds the records of a lane between the poll loop, which never waits,
// and the lane's goroutine. Past its limits fetching pauses, so that it holds
// at most its limits and one poll; at half of them fetching resumes.
type queue struct {
	limits        limits
	pause, resume func()
	ready         chan struct{} // has one element when something came in

	mu     sync.Mutex
	items  []*kgo.Record
	bytes  int
	paused bool
}

func newQueue(l limits, pause, resume func()) *queue {
	return &queue{limits: l, pause: pause, resume: resume, ready: make(chan struct{}, 1)}
}

func (q *queue) push(records []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, records...)
	for _, r := range records {
		q.bytes += size(r)
	}
	if !q.paused && (len(q.items) >= q.limits.records || q.bytes >= q.limits.bytes) {
		q.paused = true
		q.pause()
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// next waits for one record; nil when ctx has ended.
func (q *queue) next(ctx context.Context) *kgo.Record {
	for ctx.Err() == nil {
		if out, _ := q.take(limits{records: 1, bytes: math.MaxInt, last: math.MaxInt64}); len(out) == 1 {
			return out[0]
		}
		select {
		case <-ctx.Done():
		case <-q.ready:
		}
	}
	return nil
}

// take removes the records that are there within l, and says whether nothing
// that may follow belongs to them.
func (q *queue) take(l limits) (out []*kgo.Record, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.items) && !full {
		r := q.items[n]
		if r.Offset > l.last {
			full = true
			break
		}
		n++
		q.bytes -= size(r)
		l.records--
		l.bytes -= size(r)
		full = l.records <= 0 || l.bytes <= 0 || r.Offset == l.last
	}
	out = append(out, q.items[:n]...)
	clear(q.items[:n])
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil
	}
	if q.paused && len(q.items) <= q.limits.records/2 && q.bytes <= q.limits.bytes/2 {
		q.paused = false
		q.resume()
	}
	return out, full
}

// idle says whether nothing waits.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// close drops what waits; the partitions may be fetched again by who owns them.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items, q.bytes = nil, 0
	if q.paused {
		q.paused = false
		q.resume()
	}
}

// size estimates what a record takes in memory, in bytes.
func size(r *kgo.Record) int { return len(r.Value) + len(r.Key) + 400 }
