package mirror

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// Call is one interaction that is being mirrored. Its methods may be called
// from several goroutines.
type Call struct {
	m *Mirror

	mu     sync.Mutex
	facts  earshot.Interaction
	legs   map[earshot.LegID]*Leg
	gone   map[earshot.LegID]bool // legs whose end mark has been put
	events int
	ended  bool
	told   time.Time // when the topic last heard of the call, at least
}

// Facts returns what is known of the call now.
func (c *Call) Facts() earshot.Interaction {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.facts
}

// Leg returns the leg of an id, nil when there is none.
func (c *Call) Leg(id earshot.LegID) *Leg {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.legs[id]
}

func (c *Call) produceStarts(ctx context.Context, legs []earshot.Leg) error {
	facts := c.Facts()
	msgs := make([]bus.Message, 0, len(legs))
	for _, l := range legs {
		msg, err := c.m.markMessage(earshot.AudioLegStart, l, &earshot.AudioMark{Interaction: facts}, time.Now().UTC())
		if err != nil {
			return err
		}
		msgs = append(msgs, msg)
	}
	return c.m.producer.Produce(ctx, msgs...)
}

// Update lays new facts over what is known, begins the legs that are new and
// publishes the change. It returns when Kafka has the new legs' start marks; a
// leg whose mark it does not have is none yet, and begins with the next Update.
func (c *Call) Update(ctx context.Context, more earshot.Interaction) error {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return earshot.Errorf(earshot.Conflict, "interaction %s has ended", c.facts.ID)
	}
	c.facts = c.facts.Merge(more)
	facts, gone := c.facts, maps.Clone(c.gone)
	var fresh []earshot.Leg
	for _, l := range more.Legs {
		if c.legs[l.ID] == nil || c.gone[l.ID] { // a new leg, or one that comes back
			fresh = append(fresh, l)
			delete(gone, l.ID)
		}
	}
	c.mu.Unlock()
	if err := c.m.journal.write(note{Facts: facts, Gone: gone}); err != nil {
		return err
	}
	if err := c.produceStarts(ctx, fresh); err != nil {
		return fmt.Errorf("cannot begin leg: %w", err)
	}
	c.mu.Lock()
	for _, l := range fresh {
		c.legs[l.ID] = newLeg(c, l).after(c.legs[l.ID])
		delete(c.gone, l.ID)
	}
	c.mu.Unlock()
	c.Event(earshot.InteractionUpdated, nil)
	return nil
}

// Event publishes something that happened to the call, with its own data.
func (c *Call) Event(t earshot.EventType, data map[string]string) {
	c.mu.Lock()
	n := c.events
	c.events++
	facts := c.facts
	c.mu.Unlock()
	parts := []string{"event", string(facts.ID), string(t)}
	if t != earshot.InteractionStarted {
		parts = append(parts, strconv.Itoa(n))
	}
	msg, err := c.m.eventMessage(earshot.Event{
		ID: earshot.EventID(earshot.Derive(parts...)), Type: t, At: time.Now().UTC(), Facts: facts, Data: data,
	})
	if err == nil {
		err = c.m.outlet.put(msg, true, nil)
	}
	if err != nil {
		c.m.log.Error("cannot publish event", "error", err, "interaction", facts.ID, "event", t)
	}
}

// EndLeg ends one leg of a call that goes on.
func (c *Call) EndLeg(id earshot.LegID, reason string) error {
	c.mu.Lock()
	l := c.legs[id]
	facts := c.facts
	if l == nil || c.gone[id] {
		c.mu.Unlock()
		return nil
	}
	if c.gone == nil {
		c.gone = map[earshot.LegID]bool{}
	}
	c.gone[id] = true
	gone := maps.Clone(c.gone)
	c.mu.Unlock()
	// Without the note a killed process only writes the leg's end again.
	if err := c.m.journal.write(note{Facts: facts, Gone: gone}); err != nil {
		c.m.log.Error("cannot note the end of a leg", "error", err, "interaction", facts.ID)
	}
	lost := l.close()
	for _, leg := range facts.Legs {
		if leg.ID != id {
			continue
		}
		msg, err := c.m.markMessage(earshot.AudioLegEnd, leg, &earshot.AudioMark{Interaction: facts, Reason: reason, Lost: lost}, time.Now().UTC())
		if err != nil {
			return err
		}
		return c.m.outlet.put(msg, true, nil)
	}
	return nil
}

// End ends the call: what the legs hold is flushed, then come the end marks
// and the event. A second End does nothing.
func (c *Call) End(reason string) error {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil
	}
	c.ended = true
	c.facts.EndedAt = time.Now().UTC()
	n := note{Facts: c.facts, Reason: reason, Lost: map[earshot.LegID]int{}, Gone: maps.Clone(c.gone)}
	legs := maps.Clone(c.legs)
	c.mu.Unlock()
	for id, l := range legs {
		n.Lost[id] = l.close()
	}
	defer c.m.stats.calls.Dec()
	defer c.m.forget(c)
	if err := c.m.journal.write(n); err != nil {
		c.m.log.Error("cannot note the end of a call", "error", err, "interaction", n.Facts.ID)
	}
	return c.m.putEnd(n)
}

// keepAlive writes a record without packets where there was none for long, as
// when a call is on hold: who reads the topic takes a call that is silent for too
// long to have ended. The lock keeps it before the call's end.
func (c *Call) keepAlive(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m.cfg.KeepAlive <= 0 || c.ended || len(c.facts.Legs) == 0 {
		return
	}
	for _, l := range c.legs {
		if at := l.lastBundle(); at.After(c.told) {
			c.told = at
		}
	}
	if now.Sub(c.told) < c.m.cfg.KeepAlive {
		return
	}
	c.told = now
	l := c.facts.Legs[0]
	b := earshot.AudioBundle{Leg: l.ID, Codec: l.Codec, ClockRate: l.ClockRate, ReceivedAt: now.UTC()}
	msg, err := c.m.audio(c.facts.ID, earshot.Derive("alive", string(c.facts.ID), strconv.FormatInt(now.UnixMilli(), 10)), &b)
	if err == nil {
		err = c.m.outlet.put(msg, true, nil)
	}
	if err != nil {
		c.m.log.Error("cannot say that a silent call goes on", "error", err, "interaction", c.facts.ID)
	}
}

func (c *Call) flushOld(now time.Time) {
	c.mu.Lock()
	legs := make([]*Leg, 0, len(c.legs))
	for _, l := range c.legs {
		legs = append(legs, l)
	}
	c.mu.Unlock()
	for _, l := range legs {
		l.flushOld(now)
	}
}
