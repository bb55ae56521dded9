package bus

import (
	"context"
	"time"

	"earshot"
)

// Consume hands the records of the group's topics to h until ctx ends, and
// returns nil then, after its last goroutine. Records come in the order of their
// partition, at least once: after a crash or a rebalance again from the lowest
// one that was not done. While Kafka is away it waits. An error is returned for
// what no waiting mends: a bad group, or topics that are not as configured.
//
// Memory is bounded for each partition number by Config.BufferRecords or 8 MiB, and one
// poll of 1,000 records, beside what h itself keeps.
func (c *Client) Consume(ctx context.Context, g Group, h Handler) error {
	return c.consume(ctx, g, &records{client: c, group: g, handler: h})
}

// bufferBytes bounds the same buffer, about.
const bufferBytes = 8 << 20

// records is the worker that hands out records one by one.
type records struct {
	client  *Client
	group   Group
	handler Handler
}

// key joins a partition number's topics: they are handled one after the other.
func (w *records) key(tp topicPartition) laneKey { return laneKey{number: tp.number} }

func (w *records) limits() limits {
	return limits{records: w.client.cfg.BufferRecords, bytes: bufferBytes}
}

func (w *records) run(ctx context.Context, _ *session, l *lane) {
	for {
		raw := l.queue.next(ctx)
		if raw == nil {
			return
		}
		r := Decode(raw)
		r.done = l.parts[raw.Topic].tracker.add(raw.Offset)
		w.handle(ctx, r)
	}
}

// handle tries a record until it is dealt with or ctx ends.
func (w *records) handle(ctx context.Context, r *Record) {
	seen, failures := time.Now(), 0
	for try := 1; ; try++ {
		err := guard(func() error { return w.handler.Handle(ctx, r) })
		if err == nil || ctx.Err() != nil {
			return
		}
		kind := earshot.KindOf(err)
		if kind == earshot.Conflict {
			r.Done()
			return
		}
		if kind != earshot.Unavailable {
			failures++
		}
		if kind == earshot.Invalid || kind == earshot.Denied || failures > w.client.cfg.Retries {
			w.bury(ctx, r, letter{group: w.group.Name, cause: err, attempt: try, seen: seen})
			return
		}
		d := w.client.cfg.backoff(try)
		w.client.stats.retries.WithLabelValues(w.group.Name, r.Topic).Inc()
		w.client.log.Warn("record failed and is tried again", "group", w.group.Name, "topic", r.Topic,
			"partition", r.Partition, "offset", r.Offset, "error", err, "try", try, "wait", d)
		if !wait(ctx, d) {
			return
		}
	}
}

// bury writes a dead letter, however long that takes, and passes the record.
func (w *records) bury(ctx context.Context, r *Record, l letter) {
	w.client.log.Error("record becomes a dead letter", "group", l.group, "topic", r.Topic,
		"partition", r.Partition, "offset", r.Offset, "error", l.cause, "try", l.attempt)
	if w.client.persist(ctx, "dead letter", func() error { return w.client.deadLetter(ctx, r, l) }) {
		w.client.stats.dead.WithLabelValues(w.group.Name, r.Topic).Inc()
		r.Done()
	}
}

func (w *records) tick(ctx context.Context, s *session) {
	lanes := make([]*lane, 0, len(s.lanes))
	for _, l := range s.lanes {
		lanes = append(lanes, l)
	}
	w.commit(ctx, s, lanes)
}

// commit stores the low watermarks that have moved.
func (w *records) commit(ctx context.Context, s *session, lanes []*lane) {
	ps := map[topicPartition]position{}
	moved := map[topicPartition]*tracker{}
	for _, l := range lanes {
		for _, p := range l.parts {
			if low, ok := p.tracker.pending(); ok {
				ps[p.topicPartition] = position{offset: low}
				moved[p.topicPartition] = p.tracker
			}
		}
	}
	if len(ps) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	if err := s.offsets.commit(ctx, lanes[0].gen, ps); err != nil {
		w.client.log.Warn("cannot commit the low watermark; it is tried again", "group", w.group.Name, "error", err)
		return
	}
	for tp, t := range moved {
		t.confirm(ps[tp].offset)
	}
}

func (w *records) released(ctx context.Context, s *session, lanes []*lane, lost bool) {
	if !lost {
		w.commit(ctx, s, lanes)
	}
	numbers := make([]int32, 0, len(lanes))
	for _, l := range lanes {
		numbers = append(numbers, l.key.number)
	}
	err := guard(func() error { w.handler.Revoked(numbers); return nil })
	if err != nil {
		w.client.log.Error("handler failed to give up partitions", "group", w.group.Name, "error", err)
	}
}
