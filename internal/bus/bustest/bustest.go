// Package bustest gives tests a bus on a broker in memory.
package bustest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"earshot/internal/bus"
	"earshot/internal/embedded/kafka"
)

// Timeout bounds every wait of this package, far above what a busy machine
// needs: no test passes or fails by it unless something hangs.
const Timeout = time.Minute

// New starts a broker in memory and returns a client that is connected to it in
// Direct mode. Both end with the test.
func New(t testing.TB) *bus.Client {
	t.Helper()
	return Dial(t, Config(Broker(t).Addr()))
}

// Broker starts a broker in memory, which ends with the test.
func Broker(t testing.TB) *kafka.Broker {
	t.Helper()
	b, err := kafka.Start(kafka.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Config is the embedded broker's, with waits that are short enough for tests.
func Config(addr string) bus.Config {
	c := bus.EmbeddedConfig(addr)
	c.CommitEvery = 20 * time.Millisecond
	c.RetryMin, c.RetryMax = time.Millisecond, 20*time.Millisecond
	c.BatchEvery = 20 * time.Millisecond
	return c
}

// Dial connects; the client is closed with the test.
func Dial(t testing.TB, c bus.Config) *bus.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	client, err := bus.Dial(ctx, c, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// ReadAll returns the first n records of a topic, from the start of each
// partition, in order within each. It commits nothing and fails the test when
// they do not come.
func ReadAll(t testing.TB, c *bus.Client, topic string, n int) []bus.Record {
	t.Helper()
	kc, err := kgo.NewClient(kgo.SeedBrokers(c.Config().Brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer kc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	var out []bus.Record
	for len(out) < n {
		fetches := kc.PollRecords(ctx, n-len(out))
		if ctx.Err() != nil {
			t.Fatalf("%s has %d records, want %d", topic, len(out), n)
		}
		fetches.EachRecord(func(r *kgo.Record) { out = append(out, *bus.Decode(r)) })
	}
	return out
}
