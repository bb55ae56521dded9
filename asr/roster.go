package asr

import (
	"context"
	"slices"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// blockedLong is how long a partition may wait for a full queue before the time
// no longer counts as silence of its other calls.
const blockedLong = time.Second

// roster hands each record of the audio topic to its call.
//
// The first record of a call is the only one that is kept undone until the
// call's transcript is durable. The group's committed offset cannot pass it, so
// that after a crash the whole call is read again; all later records are done
// at once, and a call costs the same to hold however long it is.
//
// That replay also brings the later records of calls that had ended before the
// crash. Their transcripts stand, and a part of a call would be cut elsewhere
// and get other ids: a call is only begun at its first record.
type roster struct {
	ctx     context.Context
	service *Service
	calls   sync.WaitGroup

	mu   sync.Mutex
	open map[earshot.InteractionID]*call
}

var _ bus.Handler = (*roster)(nil)

func newRoster(ctx context.Context, s *Service) *roster {
	return &roster{ctx: ctx, service: s, open: map[earshot.InteractionID]*call{}}
}

// Handle implements [bus.Handler].
func (r *roster) Handle(ctx context.Context, rec *bus.Record) error {
	b := &earshot.AudioBundle{}
	if err := b.UnmarshalBinary(rec.Value); err != nil {
		return earshot.Errorf(earshot.Invalid, "cannot read a record of %s: %w", earshot.TopicAudio, err)
	}
	c, begun, err := r.find(ctx, rec, b)
	if err != nil {
		return err
	}
	if c == nil {
		r.service.stats.headless.Inc()
		rec.Done()
		return nil
	}
	if err := r.push(ctx, c, b); err != nil {
		return err
	}
	if !begun {
		rec.Done()
	}
	return nil
}

// find returns the record's call; begun says that this record began it. It
// returns nil for a record of a call whose beginning was not seen.
func (r *roster) find(ctx context.Context, rec *bus.Record, b *earshot.AudioBundle) (c *call, begun bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		c = r.open[rec.Interaction]
		if c != nil && !c.closing {
			c.closing = b.Kind == earshot.AudioCallEnd
			return c, false, nil
		}
		if !beginsCall(b) {
			return nil, false, nil
		}
		if c == nil {
			break
		}
		// The same call was sent again, as an import that is repeated: its
		// second transcript comes after the first.
		if err := r.await(ctx, c); err != nil {
			return nil, false, err
		}
	}
	c = newCall(r.ctx, r.service, rec)
	r.open[c.id] = c
	r.service.stats.open.Inc()
	r.calls.Go(func() {
		c.run(b)
		r.forget(c)
	})
	return c, true, nil
}

// beginsCall reports whether a record is the first one of its call: the start of
// the leg that every mark lists first.
func beginsCall(b *earshot.AudioBundle) bool {
	if b.Kind != earshot.AudioLegStart || b.Mark == nil {
		return false
	}
	legs := b.Mark.Interaction.Legs
	return len(legs) == 0 || legs[0].ID == b.Leg
}

// await waits for a call to be put down; it lets go of the lock meanwhile.
func (r *roster) await(ctx context.Context, c *call) error {
	r.mu.Unlock()
	defer r.mu.Lock()
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *roster) forget(c *call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[c.id] == c {
		delete(r.open, c.id)
	}
	r.service.stats.open.Dec()
	close(c.ended)
}

// push queues the record and waits while the queue is full.
func (r *roster) push(ctx context.Context, c *call, b *earshot.AudioBundle) error {
	began := time.Now()
	select {
	case c.queue <- b:
	case <-c.ended: // it was idle for too long, or revoked
	case <-ctx.Done():
		return ctx.Err()
	}
	now := time.Now()
	blocked := now.Sub(began)
	r.service.stats.blocked.Add(blocked.Seconds())
	r.mu.Lock()
	defer r.mu.Unlock()
	c.heard = now
	if blocked > blockedLong {
		// The others could not be heard meanwhile.
		for _, o := range r.open {
			if o.partition == c.partition {
				o.heard = now
			}
		}
	}
	return nil
}

// endIdle ends the calls that have sent nothing for too long.
func (r *roster) endIdle(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.open {
		if c.closing || len(c.queue) > 0 || now.Sub(c.heard) < r.service.cfg.IdleEnd {
			continue
		}
		r.service.log.Warn("a call has sent nothing for too long and is taken to have ended", "interaction", c.id, "idle", now.Sub(c.heard))
		c.closing = true
		close(c.idle)
	}
}

// Revoked implements [bus.Handler].
func (r *roster) Revoked(partitions []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, c := range r.open {
		if slices.Contains(partitions, c.partition) {
			c.cancel()
			delete(r.open, id)
		}
	}
}
