package bus_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/internal/embedded/kafka"
)

// benchBus is a bus on the embedded broker with its data on the disk, or on
// EARSHOT_KAFKA where that is set.
func benchBus(b *testing.B) *bus.Client {
	b.Helper()
	addr := os.Getenv(kafkaEnv)
	direct := addr == ""
	if direct {
		broker, err := kafka.Start(kafka.Config{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := broker.Close(); err != nil {
				b.Error(err)
			}
		})
		addr = broker.Addr()
	}
	cfg := bus.EmbeddedConfig(addr)
	cfg.Direct = direct
	c, err := bus.Dial(b.Context(), cfg, quiet())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

// feedBench produces b.N messages of 1 kB and returns the last error.
func feedBench(ctx context.Context, b *testing.B, c *bus.Client) error {
	value := make([]byte, 1000)
	var pending sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for i := range b.N {
		pending.Add(1)
		m := bus.Message{Topic: earshot.TopicEvents, Interaction: earshot.InteractionID(fmt.Sprint(i % 1000)), Type: earshot.TypeEvent, ID: "id", Source: "bench", Value: value}
		c.ProduceAsync(ctx, m, func(err error) {
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
			pending.Done()
		})
	}
	pending.Wait()
	return failed
}

// measure feeds and waits until n records, counted by seen, came through.
func measure(b *testing.B, c *bus.Client, consume func(context.Context, func(int)) error) {
	lag, err := c.Lag(b.Context(), bus.Group{Name: group().Name, Topics: []string{earshot.TopicEvents}})
	if err != nil {
		b.Fatal(err)
	}
	left, all := b.N+int(lag[earshot.TopicEvents]), make(chan struct{})
	var mu sync.Mutex
	consumer := start(func(ctx context.Context) error {
		return consume(ctx, func(n int) {
			mu.Lock()
			defer mu.Unlock()
			if left -= n; left == 0 {
				close(all)
			}
		})
	})
	b.SetBytes(1000)
	b.ReportAllocs()
	b.ResetTimer()
	if err := feedBench(b.Context(), b, c); err != nil {
		b.Fatal(err)
	}
	<-all
	b.StopTimer()
	consumer.stop(b)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkConsume(b *testing.B) {
	c := benchBus(b)
	measure(b, c, func(ctx context.Context, seen func(int)) error {
		return c.Consume(ctx, group(earshot.TopicEvents), handlerFunc(func(_ context.Context, r *bus.Record) error {
			r.Done()
			seen(1)
			return nil
		}))
	})
}

func BenchmarkConsumeBatches(b *testing.B) {
	c := benchBus(b)
	measure(b, c, func(ctx context.Context, seen func(int)) error {
		return c.ConsumeBatches(ctx, group(earshot.TopicEvents), writerFunc(func(_ context.Context, batch bus.Batch) error {
			seen(len(batch.Records))
			return nil
		}))
	})
}

func BenchmarkProduce_OneByOne(b *testing.B) {
	c := bustest.New(b)
	m := message(earshot.TopicEvents, "i", "x")
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Produce(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
