package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
)

// Mirror writes calls into Kafka.
type Mirror struct {
	cfg      Config
	producer Producer
	log      *slog.Logger
	stats    *stats
	outlet   *outlet
	journal  *journal

	mu    sync.Mutex
	calls map[earshot.InteractionID]*Call
}

// New makes a mirror on its folder. The registerer may be nil.
func New(cfg Config, p Producer, log *slog.Logger, r prometheus.Registerer) (*Mirror, error) {
	st := newStats(r)
	o, err := newOutlet(cfg, p, log, st)
	if err != nil {
		return nil, err
	}
	j, err := openJournal(cfg.Dir + "/journal")
	if err != nil {
		return nil, err
	}
	return &Mirror{
		cfg: cfg, producer: p, log: log, stats: st, outlet: o, journal: j,
		calls: map[earshot.InteractionID]*Call{},
	}, nil
}

// Run hands records on until ctx ends and then drains within the bound. Calls
// that are still open then stay in the journal.
func (m *Mirror) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { m.outlet.run(ctx) })
	wg.Go(func() { m.sweep(ctx) })
	wg.Wait()
	return nil
}

// sweep flushes bundles that no further packet completes.
func (m *Mirror) sweep(ctx context.Context) {
	tick := time.NewTicker(m.cfg.Bundle / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, c := range m.open() {
				c.flushOld(now)
				c.keepAlive(now)
			}
		}
	}
}

func (m *Mirror) open() []*Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*Call, 0, len(m.calls))
	for _, c := range m.calls {
		out = append(out, c)
	}
	return out
}

// Recover ends the calls that a killed process left open, with reason
// "interrupted", and returns how many there were. Run must be under way. It
// returns when the ends are in Kafka or on disk.
func (m *Mirror) Recover() (int, error) {
	notes, err := m.journal.open()
	if err != nil {
		return 0, err
	}
	for _, n := range notes {
		if n.Reason == "" {
			n.Reason = "interrupted"
			n.Facts.EndedAt = time.Now().UTC()
			if n.Facts.Disposition == "" {
				n.Facts.Disposition = "interrupted"
			}
		}
		if err := m.putEnd(n); err != nil {
			return 0, err
		}
	}
	return len(notes), nil
}

// Open begins a call: facts name the interaction and its legs. It returns when
// Kafka has the legs' start marks; the error is Unavailable when Kafka does
// not answer before ctx ends, Conflict when the interaction is open already.
func (m *Mirror) Open(ctx context.Context, facts earshot.Interaction) (*Call, error) {
	c := &Call{m: m, facts: facts, legs: map[earshot.LegID]*Leg{}, told: time.Now()}
	for _, l := range facts.Legs {
		c.legs[l.ID] = newLeg(c, l)
	}
	m.mu.Lock() // from here on the sweep sees the call
	if m.calls[facts.ID] != nil {
		m.mu.Unlock()
		return nil, earshot.Errorf(earshot.Conflict, "interaction %s is open already", facts.ID)
	}
	m.calls[facts.ID] = c
	m.mu.Unlock()
	if err := m.awaitEnd(ctx, facts.ID); err != nil {
		m.forget(c)
		return nil, err
	}
	if err := m.journal.write(note{Facts: facts}); err != nil {
		m.forget(c)
		return nil, err
	}
	m.stats.calls.Inc()
	if err := c.produceStarts(ctx, facts.Legs); err != nil {
		// Some of the marks may be there: an end closes them.
		return nil, fmt.Errorf("cannot begin call: %w", withEnd(err, c.End("interrupted")))
	}
	c.Event(earshot.InteractionStarted, nil)
	return c, nil
}

// awaitEnd waits until Kafka has all of an earlier call of the interaction, such
// as one that could not begin, or that a killed process left open: its end must
// not come after the beginning of this one, and end it.
func (m *Mirror) awaitEnd(ctx context.Context, id earshot.InteractionID) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for m.outlet.holds(id) {
		select {
		case <-ctx.Done():
			return earshot.Errorf(earshot.Unavailable, "cannot begin call: Kafka does not have the end of the one before: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func withEnd(err, end error) error {
	if end != nil {
		return fmt.Errorf("%w (and cannot end it: %w)", err, end)
	}
	return err
}

func (m *Mirror) forget(c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.calls, c.facts.ID)
}

// markMessage makes a mark of the audio topic.
func (m *Mirror) markMessage(kind earshot.AudioKind, leg earshot.Leg, mark *earshot.AudioMark, at time.Time) (bus.Message, error) {
	names := [...]string{earshot.AudioLegStart: "leg_start", earshot.AudioLegEnd: "leg_end", earshot.AudioCallEnd: "call_end"}
	i := mark.Interaction.ID
	id := earshot.Derive("mark", string(i), string(leg.ID), names[kind])
	return m.audio(i, id, &earshot.AudioBundle{
		Kind: kind, Leg: leg.ID, Codec: leg.Codec, ClockRate: leg.ClockRate, ReceivedAt: at, Mark: mark,
	})
}

func (m *Mirror) eventMessage(e earshot.Event) (bus.Message, error) {
	e.Source = m.cfg.Source
	value, err := json.Marshal(e)
	if err != nil {
		return bus.Message{}, fmt.Errorf("cannot write event: %w", err)
	}
	return bus.Message{
		Topic: earshot.TopicEvents, Interaction: e.Facts.ID, Type: earshot.TypeEvent,
		ID: string(e.ID), Source: m.cfg.Source, Time: e.At, Value: value,
	}, nil
}

// putEnd puts the marks and the event of a call's end, and forgets the call in
// the journal once they are in Kafka or on disk.
func (m *Mirror) putEnd(n note) error {
	at := n.Facts.EndedAt
	var msgs []bus.Message
	lost := 0
	for _, l := range n.Facts.Legs {
		lost += n.Lost[l.ID]
		if n.Gone[l.ID] {
			continue
		}
		msg, err := m.markMessage(earshot.AudioLegEnd, l, &earshot.AudioMark{Interaction: n.Facts, Reason: n.Reason, Lost: n.Lost[l.ID]}, at)
		if err != nil {
			return err
		}
		msgs = append(msgs, msg)
	}
	msg, err := m.markMessage(earshot.AudioCallEnd, earshot.Leg{}, &earshot.AudioMark{Interaction: n.Facts, Reason: n.Reason, Lost: lost}, at)
	if err != nil {
		return err
	}
	msgs = append(msgs, msg)
	ended := earshot.Event{
		ID:   earshot.EventID(earshot.Derive("event", string(n.Facts.ID), string(earshot.InteractionEnded))),
		Type: earshot.InteractionEnded, At: at, Facts: n.Facts, Data: map[string]string{"reason": n.Reason},
	}
	if msg, err = m.eventMessage(ended); err != nil {
		return err
	}
	msgs = append(msgs, msg)
	left := len(msgs)
	var mu sync.Mutex
	for _, msg := range msgs {
		err := m.outlet.put(msg, true, func() {
			mu.Lock()
			left--
			last := left == 0
			mu.Unlock()
			if !last {
				return
			}
			if err := m.journal.remove(n.Facts.ID); err != nil {
				m.log.Error("cannot close call in the journal", "error", err, "interaction", n.Facts.ID)
			}
		})
		if err != nil {
			return fmt.Errorf("cannot write the end of interaction %s: %w", n.Facts.ID, err)
		}
	}
	return nil
}
