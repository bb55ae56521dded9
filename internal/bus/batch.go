package bus

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ConsumeBatches hands the records of the group's topics to h in batches until
// ctx ends, and returns nil then, after its last goroutine. The range of a batch
// is committed as an intent before it is handed out, and after any crash or
// rebalance the very same range comes first again, under the same token: a
// store that drops what it has under a token holds every record exactly once.
//
// Memory is bounded for each topic and partition by three batches and one poll of
// 1,000 records: one that is written, and two that wait.
func (c *Client) ConsumeBatches(ctx context.Context, g Group, h BatchHandler) error {
	return c.consume(ctx, g, &batches{client: c, group: g, handler: h, slots: make(chan struct{}, c.cfg.BatchWriters)})
}

// batches is the worker that hands out batches.
type batches struct {
	client  *Client
	group   Group
	handler BatchHandler
	slots   chan struct{}
}

func (w *batches) key(tp topicPartition) laneKey { return laneKey(tp) }

// limits let the next batch come in while one is written.
func (w *batches) limits() limits {
	return limits{records: 2 * w.client.cfg.BatchRecords, bytes: 2 * w.client.cfg.BatchBytes}
}

// bound is that of a new batch.
func (w *batches) bound() limits {
	return limits{records: w.client.cfg.BatchRecords, bytes: w.client.cfg.BatchBytes, last: math.MaxInt64}
}

func (w *batches) tick(context.Context, *session) {}

func (w *batches) released(context.Context, *session, []*lane, bool) {}

// run does three steps for each batch: commit the intent, write, commit the end.
// When it is cut off in between, the intent stays for the next owner.
func (w *batches) run(ctx context.Context, s *session, l *lane) {
	p := l.parts[l.key.topic]
	open, isOpen := parseIntent(p.position)
	for {
		bound := w.bound()
		if isOpen {
			bound = limits{records: math.MaxInt, bytes: math.MaxInt, last: open.last}
		}
		raw := w.gather(ctx, l.queue, bound)
		if ctx.Err() != nil {
			return
		}
		if !isOpen {
			open = span{raw[0].Offset, raw[len(raw)-1].Offset}
		}
		if !w.settle(ctx, s.offsets, l.gen, newBatch(p.topicPartition, open, raw), isOpen) {
			return
		}
		isOpen = false
	}
}

// gather collects the records of one batch: until its bound, or until BatchEvery
// has passed since the first one. An open intent has no time bound: its range is
// whole or not at all.
func (w *batches) gather(ctx context.Context, q *queue, bound limits) []*kgo.Record {
	var out []*kgo.Record
	var due <-chan time.Time
	timed := bound.last == math.MaxInt64
	for {
		got, full := q.take(bound)
		out = append(out, got...)
		bound.records -= len(got)
		for _, r := range got {
			bound.bytes -= size(r)
		}
		if full {
			return out
		}
		if timed && due == nil && len(out) > 0 {
			due = time.After(w.client.cfg.BatchEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-due:
			return out
		case <-q.ready:
		}
	}
}

// settle brings one batch through; false when ctx ended before its end was
// committed.
func (w *batches) settle(ctx context.Context, o *offsets, gen generation, b Batch, isOpen bool) bool {
	select {
	case <-ctx.Done():
		return false
	case w.slots <- struct{}{}:
	}
	defer func() { <-w.slots }()
	tp := topicPartition{b.Topic, b.Partition}
	commit := func(at position) bool {
		return w.client.persist(ctx, "commit of "+b.Token, func() error {
			ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
			defer cancel()
			return o.commit(ctx, gen, map[topicPartition]position{tp: at})
		})
	}
	if !isOpen && !commit(position{b.First, formatIntent(b.Last)}) {
		return false
	}
	if len(b.Records) == 0 {
		w.client.log.Error("records of an open batch are gone; retention was shorter than the outage", "batch", b.Token)
	} else if !w.client.persist(ctx, "write of "+b.Token, func() error { return w.handler.Write(ctx, b) }) {
		return false
	}
	if !commit(position{offset: b.Last + 1}) {
		return false
	}
	w.client.stats.batches.WithLabelValues(w.group.Name, b.Topic).Inc()
	return true
}

// span is the offsets of a batch, both included.
type span struct{ first, last int64 }

func newBatch(tp topicPartition, at span, raw []*kgo.Record) Batch {
	b := Batch{
		Topic: tp.topic, Partition: tp.number, First: at.first, Last: at.last,
		Records: make([]*Record, len(raw)),
		Token:   fmt.Sprintf("%s-%d-%d-%d", tp.topic, tp.number, at.first, at.last),
	}
	for i, r := range raw {
		b.Records[i] = Decode(r)
	}
	return b
}

// intentMark begins the offset metadata that holds an intent, "I:last".
const intentMark = "I:"

func formatIntent(last int64) string { return intentMark + strconv.FormatInt(last, 10) }

// parseIntent reads an open intent from a committed position.
func parseIntent(at position) (span, bool) {
	text, ok := strings.CutPrefix(at.meta, intentMark)
	last, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || at.offset < 0 || last < at.offset {
		return span{}, false
	}
	return span{at.offset, last}, true
}
