package bus_test

import (
	"context"
	"testing"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

type handlerFunc func(context.Context, *bus.Record) error

func (f handlerFunc) Handle(ctx context.Context, r *bus.Record) error { return f(ctx, r) }
func (handlerFunc) Revoked([]int32)                                   {}

type writerFunc func(context.Context, bus.Batch) error

func (f writerFunc) Write(ctx context.Context, b bus.Batch) error { return f(ctx, b) }

func TestConsume_HandsOutWhatWasProduced(t *testing.T) {
	c := bustest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	for _, id := range []string{"a", "b", "c"} {
		if err := c.Produce(ctx, bus.Message{Topic: earshot.TopicEvents, Interaction: earshot.InteractionID(id), Type: earshot.TypeEvent, ID: "1", Value: []byte(id)}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan string, 3)
	done := make(chan error)
	go func() {
		done <- c.Consume(ctx, bus.Group{Name: "g", Topics: []string{earshot.TopicEvents}}, handlerFunc(func(_ context.Context, r *bus.Record) error {
			got <- string(r.Value)
			r.Done()
			return nil
		}))
	}()
	seen := map[string]bool{}
	for range 3 {
		seen[<-got] = true
	}
	cancel()
	if err := <-done; err != nil || len(seen) != 3 {
		t.Fatal(err, seen)
	}
}

func TestConsumeBatches_HandsOutWhatWasProduced(t *testing.T) {
	c := bustest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 10 {
		if err := c.Produce(ctx, bus.Message{Topic: earshot.TopicEvents, Interaction: "a", Value: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan bus.Batch, 10)
	done := make(chan error)
	go func() {
		done <- c.ConsumeBatches(ctx, bus.Group{Name: "g", Topics: []string{earshot.TopicEvents}}, writerFunc(func(_ context.Context, b bus.Batch) error {
			got <- b
			return nil
		}))
	}()
	for n := 0; n < 10; {
		b := <-got
		n += len(b.Records)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if rs := bustest.ReadAll(t, c, earshot.TopicEvents, 10); len(rs) != 10 {
		t.Fatal(len(rs))
	}
}
