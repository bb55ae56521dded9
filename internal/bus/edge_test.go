package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/internal/embedded/kafka"
)

// commitAs stores an offset as an earlier consumer would have left it.
func commitAs(t *testing.T, adm *kadm.Client, g bus.Group, partition int32, at int64, meta string) {
	t.Helper()
	os := kadm.Offsets{}
	os.Add(kadm.Offset{Topic: g.Topics[0], Partition: partition, At: at, LeaderEpoch: -1, Metadata: meta})
	if err := adm.CommitAllOffsets(t.Context(), g.Name, os); err != nil {
		t.Fatal(err)
	}
}

func admin(t *testing.T, c *bus.Client) *kadm.Client {
	t.Helper()
	kc, err := kgo.NewClient(kgo.SeedBrokers(c.Config().Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kc.Close)
	return kadm.NewClient(kc)
}

func batchesOf(c *bus.Client, g bus.Group) (<-chan bus.Batch, *running) {
	out := make(chan bus.Batch)
	return out, start(func(ctx context.Context) error {
		return c.ConsumeBatches(ctx, g, writerFunc(func(ctx context.Context, b bus.Batch) error {
			select {
			case out <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}))
	})
}

func TestConsumeBatches_ReplaysTheOpenIntentFirst(t *testing.T) {
	c, g := bustest.New(t), group(earshot.TopicEvents)
	for i := range 10 {
		produce(t, c, message(earshot.TopicEvents, "i", fmt.Sprint(i)))
	}
	p := c.Partition("i")
	commitAs(t, admin(t, c), g, p, 2, "I:5")
	out, consumer := batchesOf(c, g)
	first, second := receive(t, out), receive(t, out)
	if want := fmt.Sprintf("%s-%d-2-5", earshot.TopicEvents, p); first.Token != want || len(first.Records) != 4 || string(first.Records[0].Value) != "2" {
		t.Fatalf("first came %s with %d records, want %s", first.Token, len(first.Records), want)
	}
	if second.First != 6 || second.Last != 9 {
		t.Fatalf("then came %s", second.Token)
	}
	await.That(t, "the end is committed without an intent", func() bool {
		at, meta := committed(t, c, g.Name, earshot.TopicEvents, p)
		return at == 10 && meta == ""
	})
	consumer.stop(t)
}

func TestConsumeBatches_HandsTheSameBatchOutUntilItIsWritten(t *testing.T) {
	c, g := bustest.New(t), group(earshot.TopicEvents)
	produce(t, c, message(earshot.TopicEvents, "i", "x"), message(earshot.TopicEvents, "i", "y"))
	tokens := make(chan string, 10)
	tries := 0
	consumer := start(func(ctx context.Context) error {
		return c.ConsumeBatches(ctx, g, writerFunc(func(_ context.Context, b bus.Batch) error {
			tokens <- b.Token
			switch tries++; tries {
			case 1:
				return earshot.Errorf(earshot.Unavailable, "away")
			case 2:
				panic("boom")
			}
			return nil
		}))
	})
	first := receive(t, tokens)
	if at, meta := committed(t, c, g.Name, earshot.TopicEvents, c.Partition("i")); at != 0 || meta == "" {
		t.Errorf("before the batch is written, %d is committed with %q", at, meta)
	}
	for range 2 {
		if again := receive(t, tokens); again != first {
			t.Fatalf("first %s, then %s", first, again)
		}
	}
	consumer.stop(t)
}

func TestConsumeBatches_PassesAnIntentWhoseRecordsExpired(t *testing.T) {
	c, g := bustest.New(t), group(earshot.TopicEvents)
	for i := range 4 {
		produce(t, c, message(earshot.TopicEvents, "i", fmt.Sprint(i)))
	}
	adm, p := admin(t, c), c.Partition("i")
	commitAs(t, adm, g, p, 0, "I:1")
	gone := kadm.Offsets{}
	gone.Add(kadm.Offset{Topic: earshot.TopicEvents, Partition: p, At: 3})
	if _, err := adm.DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	out, consumer := batchesOf(c, g)
	if b := receive(t, out); b.First != 3 || b.Last != 3 {
		t.Fatalf("got %s, want the one that is left", b.Token)
	}
	consumer.stop(t)
}

// A power cut may take records that were acknowledged but not synced, and leave
// the offsets that were committed after them.
func TestConsume_ReadsOnWhenTheLogIsCutOff(t *testing.T) {
	for name, meta := range map[string]string{"offset": "", "intent": "I:120"} {
		t.Run(name, func(t *testing.T) {
			c, g := bustest.New(t), group(earshot.TopicEvents)
			produce(t, c, message(earshot.TopicEvents, "i", "old"))
			commitAs(t, admin(t, c), g, c.Partition("i"), 100, meta)
			out, consumer := batchesOf(c, g)
			await.That(t, "it reads from the end", func() bool {
				produce(t, c, message(earshot.TopicEvents, "i", "new"))
				select {
				case b := <-out:
					return b.First < 100 && string(b.Records[0].Value) == "new"
				default:
					return false
				}
			})
			consumer.stop(t)
		})
	}
}

func TestConsume_GoesOnAfterTheBrokerRestarts(t *testing.T) {
	dir := t.TempDir()
	broker, err := kafka.Start(kafka.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c, g := bustest.Dial(t, bustest.Config(broker.Addr())), group(earshot.TopicEvents)
	produce(t, c, message(earshot.TopicEvents, "i", "before"))
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error { return c.Consume(ctx, g, keeper(out)) })
	receive(t, out).Done()
	var port int
	if _, err := fmt.Sscanf(broker.Addr(), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := kafka.Start(kafka.Config{Dir: dir, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	produce(t, c, message(earshot.TopicEvents, "i", "after"))
	r := receive(t, out)
	if string(r.Value) != "after" {
		t.Fatalf("got %q", r.Value)
	}
	r.Done()
	await.That(t, "both are committed", func() bool {
		at, _ := committed(t, c, g.Name, earshot.TopicEvents, c.Partition("i"))
		return at == 2
	})
	consumer.stop(t)
}
