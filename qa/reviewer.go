package qa

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/qa/review"
)

// reviewer takes people's reviews and writes the evaluations that follow. A
// review's record is done when the store has the review: until then only our
// memory has it, and after a restart the next review of the same interaction
// would be laid over the evaluation without it.
type reviewer struct {
	s *Service

	mu sync.Mutex
	// unseen are reviews that the store does not show yet, oldest first.
	unseen []unseen
}

// unseen is a review that is not done yet.
type unseen struct {
	record      *bus.Record
	interaction earshot.InteractionID
	id          earshot.ReviewID
	since       time.Time
}

// Bounds on what waits for the store.
const (
	maxUnseen = 10_000
	// longUnseen is how long a review waits that the store never shows, as when
	// it refused the record.
	longUnseen = time.Hour
)

// Handle lays the review, with all earlier ones, over the rule track's
// evaluation. While that is not there yet the error is NotFound, and the bus
// tries again.
func (h *reviewer) Handle(ctx context.Context, r *bus.Record) error {
	if len(r.Value) == 0 {
		r.Done() // the tombstone of a compacted key
		return nil
	}
	var v earshot.Review
	if err := decode(r, &v); err != nil {
		return err
	}
	if v.ID == "" || v.Interaction == "" {
		return earshot.InvalidField("id", "set id and interaction", "review %q of interaction %q", v.ID, v.Interaction)
	}
	// Before all else: an interaction that is scored meanwhile is scored with it.
	h.s.recent.add(v)
	machine, err := h.s.machine(ctx, v)
	if err != nil {
		return err
	}
	if err := review.Check(machine, v); err != nil {
		return err
	}
	earlier, err := h.s.reviews(ctx, v.Interaction)
	if err != nil {
		return err
	}
	evaluations, err := fuse(machine, earlier)
	if err != nil {
		return err
	}
	if err := h.s.produce(ctx, evaluations); err != nil {
		return fmt.Errorf("cannot write reviewed evaluation of %s: %w", v.Interaction, err)
	}
	h.s.stats.reviews.WithLabelValues(string(v.Action)).Inc()
	h.wait(r, v)
	return nil
}

// wait leaves the record undone until the store has the review.
func (h *reviewer) wait(r *bus.Record, v earshot.Review) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unseen = append(h.unseen, unseen{record: r, interaction: v.Interaction, id: v.ID, since: time.Now()})
	if len(h.unseen) > maxUnseen {
		h.unseen[0].record.Done()
		h.unseen = h.unseen[1:]
	}
}

// settleUntil is done with reviews as the store shows them, until ctx ends.
func (h *reviewer) settleUntil(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			h.settle(ctx)
		}
	}
}

// settle asks the store, once for each interaction.
func (h *reviewer) settle(ctx context.Context) {
	h.mu.Lock()
	waiting := slices.Clone(h.unseen)
	h.mu.Unlock()
	stored := map[earshot.InteractionID][]earshot.Review{}
	done := map[*bus.Record]bool{}
	for _, w := range waiting {
		if _, asked := stored[w.interaction]; !asked {
			found, err := h.s.history.Reviews(ctx, w.interaction)
			if err != nil {
				break // the store is away
			}
			stored[w.interaction] = found
		}
		seen := slices.ContainsFunc(stored[w.interaction], func(v earshot.Review) bool { return v.ID == w.id })
		if !seen && time.Since(w.since) > longUnseen {
			h.s.log.Warn("the store does not show a review", "interaction", w.interaction, "review", w.id)
			seen = true
		}
		if seen {
			w.record.Done()
			done[w.record] = true
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unseen = slices.DeleteFunc(h.unseen, func(w unseen) bool { return done[w.record] })
}

// Revoked leaves what waits to who has the partitions now. What is remembered
// helps whoever asks.
func (h *reviewer) Revoked(numbers []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unseen = slices.DeleteFunc(h.unseen, func(w unseen) bool { return slices.Contains(numbers, w.record.Partition) })
}

// machine returns the rule track's current evaluation of the review's
// interaction.
func (s *Service) machine(ctx context.Context, v earshot.Review) (earshot.Evaluation, error) {
	if s.history == nil {
		return earshot.Evaluation{}, earshot.Errorf(earshot.NotFound, "no store to look up the evaluation of %s in", v.Interaction)
	}
	all, err := s.known(ctx, v.Interaction)
	if err != nil {
		return earshot.Evaluation{}, err
	}
	for _, e := range all {
		if e.Track == earshot.TrackRule {
			return e, nil
		}
	}
	return earshot.Evaluation{}, earshot.Errorf(earshot.NotFound, "interaction %s has no evaluation yet", v.Interaction)
}

// maxRecent is how many reviews are remembered; the store lags by seconds, and
// people make far fewer in that time.
const maxRecent = 10_000

// recent remembers the last reviews. It is safe for concurrent use.
type recent struct {
	mu sync.Mutex
	// ring holds the reviews' interactions in the order in which they came.
	ring []earshot.InteractionID
	next int
	by   map[earshot.InteractionID][]earshot.Review
}

func newRecent(n int) *recent {
	return &recent{ring: make([]earshot.InteractionID, n), by: map[earshot.InteractionID][]earshot.Review{}}
}

// add remembers a review once.
func (m *recent) add(r earshot.Review) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.by[r.Interaction], func(o earshot.Review) bool { return o.ID == r.ID }) {
		return // it is tried again
	}
	if old := m.ring[m.next]; old != "" {
		// The interaction's oldest review is the one that stood here.
		if m.by[old] = m.by[old][1:]; len(m.by[old]) == 0 {
			delete(m.by, old)
		}
	}
	m.ring[m.next] = r.Interaction
	m.next = (m.next + 1) % len(m.ring)
	m.by[r.Interaction] = append(m.by[r.Interaction], r)
}

func (m *recent) of(id earshot.InteractionID) []earshot.Review {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]earshot.Review(nil), m.by[id]...)
}
