package qa

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"earshot"
	"earshot/internal/bus"
	"earshot/qa/review"
)

// reviewer takes people's reviews and writes the evaluations that follow.
type reviewer struct{ s *Service }

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
	r.Done()
	return nil
}

// Revoked has nothing to drop: what is remembered helps whoever asks.
func (h *reviewer) Revoked([]int32) {}

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
