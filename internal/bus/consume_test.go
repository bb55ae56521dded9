package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

// keeper hands records on and leaves Done to the test.
func keeper(out chan<- *bus.Record) bus.Handler {
	return handlerFunc(func(ctx context.Context, r *bus.Record) error {
		select {
		case out <- r:
		case <-ctx.Done():
		}
		return nil
	})
}

func TestConsume_CommitsOnlyWhatIsDone(t *testing.T) {
	c := bustest.New(t)
	id, g := interactionOn(c, 1), group(earshot.TopicEvents)
	for i := range 5 {
		produce(t, c, message(earshot.TopicEvents, id, fmt.Sprint(i)))
	}
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error { return c.Consume(ctx, g, keeper(out)) })
	var got []*bus.Record
	for range 5 {
		got = append(got, receive(t, out))
	}
	at := func(want int64) func() bool {
		return func() bool { low, _ := committed(t, c, g.Name, earshot.TopicEvents, 1); return low == want }
	}
	got[1].Done()
	got[4].Done()
	got[0].Done()
	got[0].Done()
	await.That(t, "the two that are done are committed", at(2))
	consumer.stop(t)
	if !at(2)() {
		t.Fatal("the end of the consumer moved the watermark")
	}

	consumer = start(func(ctx context.Context) error { return c.Consume(ctx, g, keeper(out)) })
	for want := 2; want < 5; want++ {
		if r := receive(t, out); string(r.Value) != fmt.Sprint(want) {
			t.Fatalf("after the restart came %s, want %d", r.Value, want)
		} else {
			r.Done()
		}
	}
	consumer.stop(t)
	if !at(5)() {
		t.Fatal("the end of the consumer did not commit what was done")
	}
}

func TestConsume_ErrorKindDecides(t *testing.T) {
	tests := map[string]struct {
		err   error
		tries int
		dead  bool
	}{
		"invalid is dead at once":          {earshot.Errorf(earshot.Invalid, "no JSON"), 1, true},
		"denied is dead at once":           {earshot.Errorf(earshot.Denied, "other tenant"), 1, true},
		"internal is dead after retries":   {errors.New("nobody knows"), 4, true},
		"not found is dead after retries":  {earshot.Errorf(earshot.NotFound, "no call"), 4, true},
		"conflict is done":                 {earshot.Errorf(earshot.Conflict, "there already"), 1, false},
		"unavailable waits until it works": {earshot.Errorf(earshot.Unavailable, "away"), 30, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := bustest.Config(bustest.Broker(t).Addr())
			cfg.Retries, cfg.RetryMax = 3, 2*time.Millisecond
			c, g := bustest.Dial(t, cfg), group(earshot.TopicUtterances)
			m := message(earshot.TopicUtterances, "i", "bad")
			m.Source, m.Time = "test", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
			produce(t, c, m, message(earshot.TopicUtterances, "i", "next"))
			tries, next := 0, make(chan struct{})
			consumer := start(func(ctx context.Context) error {
				return c.Consume(ctx, g, handlerFunc(func(_ context.Context, r *bus.Record) error {
					if string(r.Value) == "next" {
						close(next)
						r.Done()
						return nil
					}
					if tries++; tries == 30 {
						r.Done()
						return nil
					}
					return tt.err
				}))
			})
			receive(t, next)
			await.That(t, "both are committed", func() bool {
				low, _ := committed(t, c, g.Name, earshot.TopicUtterances, c.Partition("i"))
				return low == 2
			})
			consumer.stop(t)
			if tries != tt.tries {
				t.Errorf("%d tries, want %d", tries, tt.tries)
			}
			produce(t, c, message(earshot.TopicDead, "i", "mark"))
			first := bustest.ReadAll(t, c, earshot.TopicDead, 1)[0]
			if got := string(first.Value) == "bad"; got != tt.dead {
				t.Fatalf("dead letter: %v, want %v", got, tt.dead)
			}
			if tt.dead && (first.Type != m.Type || first.ID != m.ID || first.Source != m.Source || !first.Time.Equal(m.Time) || first.Interaction != "i") {
				t.Fatalf("dead letter lost what it was: %+v", first.Message)
			}
		})
	}
}

func TestConsume_PanicIsAnErrorOfOneRecord(t *testing.T) {
	c := bustest.New(t)
	produce(t, c, message(earshot.TopicEvents, "i", "boom"), message(earshot.TopicEvents, "i", "next"))
	next := make(chan struct{})
	consumer := start(func(ctx context.Context) error {
		return c.Consume(ctx, group(earshot.TopicEvents), handlerFunc(func(_ context.Context, r *bus.Record) error {
			if string(r.Value) == "boom" {
				panic("boom")
			}
			close(next)
			r.Done()
			return nil
		}))
	})
	receive(t, next)
	consumer.stop(t)
	letters := deadLetters(t, c, 1)
	if got := letters[0]["dead_error"]; !strings.Contains(got, "panic: boom") || letters[0]["dead_kind"] != "internal" {
		t.Fatalf("dead letter says %q", got)
	}
}

func TestConsume_OtherPartitionsGoOnWhileOneWaits(t *testing.T) {
	c := bustest.New(t)
	stuck, free := interactionOn(c, 0), interactionOn(c, 1)
	produce(t, c, message(earshot.TopicEvents, stuck, "stuck"))
	for i := range 2000 {
		produce(t, c, message(earshot.TopicEvents, free, fmt.Sprint(i)))
	}
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error {
		return c.Consume(ctx, group(earshot.TopicEvents), handlerFunc(func(ctx context.Context, r *bus.Record) error {
			if r.Partition == 0 {
				return earshot.Errorf(earshot.Unavailable, "away")
			}
			return keeper(out).Handle(ctx, r)
		}))
	})
	for i := range 2000 {
		if r := receive(t, out); string(r.Value) != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", r.Value, i)
		}
	}
	consumer.stop(t)
}

func TestConsume_HandlesAPartitionNumberOneByOneAcrossTopics(t *testing.T) {
	c := bustest.New(t)
	for i := range 50 {
		produce(t, c, message(earshot.TopicEvents, "i", fmt.Sprint(i)), message(earshot.TopicUtterances, "i", fmt.Sprint(i)))
	}
	var mu sync.Mutex
	seen := make(chan struct{}, 100)
	consumer := start(func(ctx context.Context) error {
		return c.Consume(ctx, group(earshot.TopicEvents, earshot.TopicUtterances), handlerFunc(func(_ context.Context, r *bus.Record) error {
			if !mu.TryLock() {
				t.Error("two records of one partition number at a time")
				return nil
			}
			defer mu.Unlock()
			seen <- struct{}{}
			r.Done()
			return nil
		}))
	})
	for range 100 {
		receive(t, seen)
	}
	consumer.stop(t)
}

func TestConsume_BoundsWhatWaits(t *testing.T) {
	cfg := bustest.Config(bustest.Broker(t).Addr())
	cfg.BufferRecords = 10
	c := bustest.Dial(t, cfg)
	const n = 5000
	var msgs []bus.Message
	for i := range n {
		msgs = append(msgs, message(earshot.TopicEvents, "i", fmt.Sprint(i)))
	}
	produce(t, c, msgs...)
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error { return c.Consume(ctx, group(earshot.TopicEvents), keeper(out)) })
	for i := range n { // pausing and resuming lose nothing and keep the order
		if r := receive(t, out); string(r.Value) != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", r.Value, i)
		}
	}
	consumer.stop(t)
}

func TestConsume_RefusesWhatNoWaitingMends(t *testing.T) {
	c := bustest.New(t)
	for name, g := range map[string]bus.Group{
		"no name":       {Topics: []string{earshot.TopicEvents}},
		"no topics":     {Name: "g"},
		"unknown topic": {Name: "g", Topics: []string{"earshot.nothing"}},
	} {
		if err := c.Consume(t.Context(), g, handlerFunc(nil)); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// partitionsHandler notes what is handed out and given up.
type partitionsHandler struct {
	mu      sync.Mutex
	seen    map[string]int32 // topic + interaction: partition
	revoked []int32
	records int
	done    bool
}

func (h *partitionsHandler) Handle(_ context.Context, r *bus.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records++
	h.seen[r.Topic+"/"+string(r.Interaction)] = r.Partition
	if h.done {
		r.Done()
	}
	return nil
}

func (h *partitionsHandler) Revoked(ps []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.revoked = append(h.revoked, ps...)
}

func (h *partitionsHandler) numbers(topic string) []int32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []int32
	for key, p := range h.seen {
		if strings.HasPrefix(key, topic) && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

func TestConsume_MembersShareAndTakeOver(t *testing.T) {
	onEachKafka(t, func(t *testing.T, cfg bus.Config) {
		c, err := bus.Dial(t.Context(), cfg, quiet())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		g := group(earshot.TopicEvents, earshot.TopicUtterances)
		join := func(done bool) (*partitionsHandler, *running) {
			h := &partitionsHandler{seen: map[string]int32{}, done: done}
			return h, start(func(ctx context.Context) error { return c.Consume(ctx, g, h) })
		}
		feed := func() {
			for p := range int32(cfg.Partitions) {
				id := interactionOn(c, p)
				produce(t, c, message(earshot.TopicEvents, id, "x"), message(earshot.TopicUtterances, id, "x"))
			}
		}
		all := []int32{0, 1, 2, 3}
		one, first := join(false)
		feed()
		await.That(t, "one member has all partitions", func() bool {
			return slices.Equal(one.numbers(earshot.TopicEvents), all) && slices.Equal(one.numbers(earshot.TopicUtterances), all)
		})

		two, second := join(true)
		await.That(t, "the second member got its share, from the first record that was not done", func() bool {
			return len(two.numbers(earshot.TopicEvents)) == 2 && len(two.numbers(earshot.TopicUtterances)) == 2
		})
		if a, b := two.numbers(earshot.TopicEvents), two.numbers(earshot.TopicUtterances); !slices.Equal(a, b) {
			t.Errorf("one member has partitions %v of one topic and %v of another", a, b)
		}
		one.mu.Lock()
		if slices.Sort(one.revoked); !slices.Equal(slices.Compact(one.revoked), all) {
			t.Errorf("the first member was told to give up %v", one.revoked)
		}
		one.mu.Unlock()

		first.stop(t)
		await.That(t, "the second member takes over what the first did not do", func() bool {
			return slices.Equal(two.numbers(earshot.TopicEvents), all) && slices.Equal(two.numbers(earshot.TopicUtterances), all)
		})
		await.That(t, "nothing is left", func() bool {
			lag, err := c.Lag(t.Context(), g)
			return err == nil && lag[earshot.TopicEvents]+lag[earshot.TopicUtterances] == 0
		})
		second.stop(t)
	})
}

func TestConsume_PassesARecordWhoseDeadLetterIsTooLarge(t *testing.T) {
	c, g := bustest.New(t), group(earshot.TopicUtterances)
	m := message(earshot.TopicUtterances, "i", "")
	m.ID, m.Value = "id", []byte(strings.Repeat("x", 999_500))
	produce(t, c, m)
	cause := earshot.Errorf(earshot.Invalid, "%s", strings.Repeat("y", 2000))
	consumer := start(func(ctx context.Context) error {
		return c.Consume(ctx, g, handlerFunc(func(context.Context, *bus.Record) error { return cause }))
	})
	await.That(t, "the record is passed", func() bool {
		low, _ := committed(t, c, g.Name, earshot.TopicUtterances, c.Partition("i"))
		return low == 1
	})
	consumer.stop(t)
	dead := bustest.ReadAll(t, c, earshot.TopicDead, 1)[0]
	if n := len(dead.Value); n == 0 || n >= 999_500 || dead.Interaction != "i" || dead.ID != m.ID {
		t.Fatalf("the letter has %d bytes of interaction %s, id %s", n, dead.Interaction, dead.ID)
	}
}
