package bus_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/internal/embedded/kafka"
)

func TestProduce_OneInteractionIsOnePartitionEverywhere(t *testing.T) {
	c := bustest.New(t)
	const n = 40
	topics := []string{earshot.TopicEvents, earshot.TopicResults, earshot.TopicReviews}
	for _, topic := range topics {
		for i := range n {
			m := message(topic, fmt.Sprint(i), "x")
			if topic == earshot.TopicReviews {
				m.Key = fmt.Sprint(i, "/review-", i)
			}
			produce(t, c, m)
		}
	}
	where := map[earshot.InteractionID]int32{}
	for _, topic := range topics {
		for _, r := range bustest.ReadAll(t, c, topic, n) {
			if p, ok := where[r.Interaction]; ok && p != r.Partition {
				t.Errorf("interaction %s is in partition %d and %d", r.Interaction, p, r.Partition)
			}
			where[r.Interaction] = r.Partition
		}
	}
	if len(where) != n {
		t.Fatalf("%d interactions came back, want %d", len(where), n)
	}
}

func TestProduce_RefusesWhatHasNoPlace(t *testing.T) {
	c := bustest.New(t)
	for name, m := range map[string]bus.Message{
		"unknown topic":  {Topic: "nothing", Interaction: "i"},
		"no interaction": {Topic: earshot.TopicEvents},
		"too large":      {Topic: earshot.TopicEvents, Interaction: "i", Value: make([]byte, 4<<20)},
	} {
		if err := c.Produce(t.Context(), m); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("%s: got %v", name, err)
		}
		done := make(chan error, 1)
		c.ProduceAsync(t.Context(), m, func(err error) { done <- err })
		if err := receive(t, done); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("%s, async: got %v", name, err)
		}
	}
}

func TestProduce_SaysThatKafkaIsAwayAndWorksWhenItIsBack(t *testing.T) {
	dir := t.TempDir()
	broker, err := kafka.Start(kafka.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cfg := bustest.Config(broker.Addr())
	cfg.ProduceTimeout = time.Second
	c := bustest.Dial(t, cfg)
	produce(t, c, message(earshot.TopicEvents, "i", "before"))
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	err = c.Produce(t.Context(), message(earshot.TopicEvents, "i", "lost"))
	if earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("got %v", err)
	}
	if _, err := bus.Dial(shortly(t), cfg, quiet()); earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("Dial: got %v", err)
	}
	var port int
	if _, err := fmt.Sscanf(broker.Addr(), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	again, err := kafka.Start(kafka.Config{Dir: dir, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	await.That(t, "the same client produces again", func() bool {
		return c.Produce(t.Context(), message(earshot.TopicEvents, "i", "after")) == nil
	})
	rs := bustest.ReadAll(t, c, earshot.TopicEvents, 2)
	if got := string(rs[0].Value) + " " + string(rs[1].Value); !strings.HasPrefix(got, "before ") {
		t.Fatalf("read %q", got)
	}
}

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestDial_RefusesAnotherPartitionCount(t *testing.T) {
	cfg := bustest.Config(bustest.Broker(t).Addr())
	bustest.Dial(t, cfg)
	cfg.Partitions = 7
	_, err := bus.Dial(t.Context(), cfg, quiet())
	if earshot.KindOf(err) != earshot.Invalid || !strings.Contains(err.Error(), "kafka.partitions") || !strings.Contains(err.Error(), "4 partitions") {
		t.Fatalf("got %v", err)
	}
}

func TestDial_SetsTheRetentionOfEachTopic(t *testing.T) {
	onEachKafka(t, func(t *testing.T, cfg bus.Config) {
		bustest.Dial(t, cfg)
		kc, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer kc.Close()
		want := map[string]string{
			earshot.TopicAudio:      "86400000",
			earshot.TopicUtterances: "604800000",
			earshot.TopicEvents:     "604800000",
			earshot.TopicResults:    "604800000",
			earshot.TopicDead:       "2592000000",
		}
		for topic, ms := range want {
			if got := topicConfig(t, kc, topic, "retention.ms"); got != ms {
				t.Errorf("%s is kept for %s ms, want %s", topic, got, ms)
			}
			if got := topicConfig(t, kc, topic, "cleanup.policy"); got != "delete" {
				t.Errorf("%s has clean-up policy %q", topic, got)
			}
		}
		if got := topicConfig(t, kc, earshot.TopicReviews, "cleanup.policy"); got != "compact" {
			t.Errorf("reviews have clean-up policy %q", got)
		}
		if got := topicConfig(t, kc, earshot.TopicReviews, "retention.ms"); got != "-1" {
			t.Errorf("reviews expire after %s ms", got)
		}
	})
}

func topicConfig(t *testing.T, kc *kgo.Client, topic, key string) string {
	t.Helper()
	rs, err := kadm.NewClient(kc).DescribeTopicConfigs(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rs[0].Configs {
		if c.Key == key {
			return c.MaybeValue()
		}
	}
	return ""
}

// deadLetters returns the headers of the first n dead letters.
func deadLetters(t *testing.T, c *bus.Client, n int) []map[string]string {
	t.Helper()
	kc, err := kgo.NewClient(kgo.SeedBrokers(c.Config().Brokers...), kgo.ConsumeTopics(earshot.TopicDead),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer kc.Close()
	var out []map[string]string
	for len(out) < n {
		ctx, cancel := context.WithTimeout(t.Context(), bustest.Timeout)
		fetches := kc.PollRecords(ctx, n)
		cancel()
		if fetches.Err0() != nil {
			t.Fatal(fetches.Err0())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			m := map[string]string{"value": string(r.Value)}
			for _, h := range r.Headers {
				m[h.Key] = string(h.Value)
			}
			out = append(out, m)
		})
	}
	return out
}

func TestDeadLetter_SaysWhereItStoodAndWhy(t *testing.T) {
	c := bustest.New(t)
	m := message(earshot.TopicReviews, "i", "odd")
	m.Key = "i/r1"
	produce(t, c, m)
	r := bustest.ReadAll(t, c, earshot.TopicReviews, 1)[0]
	if err := c.DeadLetter(t.Context(), &r, earshot.InvalidField("action", "use a known one", "odd")); err != nil {
		t.Fatal(err)
	}
	got := deadLetters(t, c, 1)[0]
	for key, want := range map[string]string{
		"value": "odd", "dead_topic": earshot.TopicReviews, "dead_partition": fmt.Sprint(c.Partition("i")), "dead_offset": "0",
		"dead_kind": "invalid", "dead_error": "action: odd; use a known one", "dead_attempt": "1", "dead_group": "",
		"ce_specversion": "1.0", "ce_id": "odd", "ce_type": earshot.TypeEvent, "ce_partitionkey": "i",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	if seen, err := time.Parse(time.RFC3339Nano, got["dead_first_seen"]); err != nil || seen.IsZero() {
		t.Errorf("first seen at %q: %v", got["dead_first_seen"], err)
	}
}

func TestLag_CountsWhatIsNotDone(t *testing.T) {
	c := bustest.New(t)
	g := group(earshot.TopicEvents, earshot.TopicResults)
	for range 3 {
		produce(t, c, message(earshot.TopicEvents, "i", "x"))
	}
	lag, err := c.Lag(t.Context(), g)
	if err != nil || lag[earshot.TopicEvents] != 3 || lag[earshot.TopicResults] != 0 {
		t.Fatal(lag, err)
	}
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error { return c.Consume(ctx, g, keeper(out)) })
	receive(t, out).Done()
	await.That(t, "one is done", func() bool {
		lag, err := c.Lag(t.Context(), g)
		return err == nil && lag[earshot.TopicEvents] == 2
	})
	consumer.stop(t)
}
