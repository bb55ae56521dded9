package mediatest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// Patience bounds every wait of the tests: none passes or fails by it unless
// something hangs.
const Patience = 20 * time.Second

// Kafka is a bus in memory that can be away, or keep its answers.
type Kafka struct {
	mu      sync.Mutex
	msgs    []bus.Message
	away    bool
	hold    bool
	held    []func()
	changed chan struct{}
}

// NewKafka returns one that is empty and there.
func NewKafka() *Kafka { return &Kafka{changed: make(chan struct{})} }

// Produce returns when all are answered; its error is Unavailable.
func (k *Kafka) Produce(ctx context.Context, msgs ...bus.Message) error {
	answers := make(chan error, len(msgs))
	for _, m := range msgs {
		k.ProduceAsync(ctx, m, func(err error) { answers <- err })
	}
	var all error
	for range msgs {
		all = errors.Join(all, <-answers)
	}
	if all != nil {
		return earshot.Errorf(earshot.Unavailable, "cannot produce: %w", all)
	}
	return nil
}

// ProduceAsync calls done once the message is answered.
func (k *Kafka) ProduceAsync(_ context.Context, m bus.Message, done func(error)) {
	k.mu.Lock()
	answer := k.take(m, done)
	if k.hold {
		k.held = append(k.held, answer)
		k.mu.Unlock()
		return
	}
	k.mu.Unlock()
	answer()
}

// take returns what answers a message, at a time of the test's choosing.
func (k *Kafka) take(m bus.Message, done func(error)) func() {
	return func() {
		k.mu.Lock()
		if k.away {
			k.mu.Unlock()
			done(earshot.Errorf(earshot.Unavailable, "Kafka is away"))
			return
		}
		k.msgs = append(k.msgs, m)
		close(k.changed)
		k.changed = make(chan struct{})
		k.mu.Unlock()
		done(nil)
	}
}

// Set says whether it is away and whether it holds answers back, and gives those
// that it held.
func (k *Kafka) Set(away, hold bool) {
	k.mu.Lock()
	k.away, k.hold = away, hold
	held := k.held
	k.held = nil
	k.mu.Unlock()
	for _, f := range held {
		f()
	}
}

// Wait returns the messages once they satisfy ok.
func (k *Kafka) Wait(t testing.TB, what string, ok func([]bus.Message) bool) []bus.Message {
	t.Helper()
	deadline := time.After(Patience)
	for {
		k.mu.Lock()
		msgs, changed := k.msgs[:len(k.msgs):len(k.msgs)], k.changed
		k.mu.Unlock()
		if ok(msgs) {
			return msgs
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("Kafka has %d records but not %s", len(msgs), what)
		}
	}
}
