package bus_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
)

// logLines keeps what is logged.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

func watched(t *testing.T) (*kfake.Cluster, *bus.Client, *logLines) {
	t.Helper()
	broker, log := memoryBroker(t), &logLines{}
	cfg := groupConfig(broker.ListenAddrs()[0])
	cfg.StallTimeout = 100 * time.Millisecond
	c, err := bus.Dial(t.Context(), cfg, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return broker, c, log
}

const startsAgain = "connection is built anew"

func TestConsume_BuildsAStalledConnectionAnew(t *testing.T) {
	broker, c, log := watched(t)
	release := make(chan struct{})
	defer close(release)
	var held atomic.Bool
	broker.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		if held.CompareAndSwap(false, true) {
			broker.SleepControl(func() { <-release })
		}
		return nil, nil, false
	})
	produce(t, c, message(earshot.TopicEvents, "i", "x"))
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error { return c.Consume(ctx, group(earshot.TopicEvents), keeper(out)) })
	receive(t, out)
	consumer.stop(t)
	if !log.has(startsAgain) {
		t.Fatal("the record came, but over the connection that had stalled")
	}
}

func TestConsume_LeavesAQuietConnectionAlone(t *testing.T) {
	broker, c, log := watched(t)
	var asked atomic.Int32
	broker.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		asked.Add(1)
		return nil, nil, false
	})
	produce(t, c, message(earshot.TopicEvents, "i", "x"))
	out := make(chan *bus.Record)
	consumer := start(func(ctx context.Context) error { return c.Consume(ctx, group(earshot.TopicEvents), keeper(out)) })
	receive(t, out)
	asked.Store(0)
	await.That(t, "the watch has looked at the lag some times", func() bool { return asked.Load() >= 8 })
	consumer.stop(t)
	if log.has(startsAgain) {
		t.Fatal("a connection without lag was built anew")
	}
}
