package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

// TestMain runs as the consumer of the chaos test when it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := runChild(os.Getenv(childEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// The loops of the broker in memory end a moment after its Close.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).run"))
}

type handlerFunc func(context.Context, *bus.Record) error

func (f handlerFunc) Handle(ctx context.Context, r *bus.Record) error { return f(ctx, r) }
func (handlerFunc) Revoked([]int32)                                   {}

type writerFunc func(context.Context, bus.Batch) error

func (f writerFunc) Write(ctx context.Context, b bus.Batch) error { return f(ctx, b) }

// running is a consumer that runs until stop.
type running struct {
	cancel context.CancelFunc
	done   chan error
}

func start(f func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel, make(chan error, 1)}
	go func() { r.done <- f(ctx) }()
	return r
}

func (r *running) stop(t testing.TB) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			t.Fatalf("consumer ended with %v", err)
		}
	case <-time.After(bustest.Timeout):
		t.Fatal("consumer does not end")
	}
}

func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(bustest.Timeout):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func message(topic, interaction, value string) bus.Message {
	return bus.Message{Topic: topic, Interaction: earshot.InteractionID(interaction), Type: earshot.TypeEvent, ID: value, Value: []byte(value)}
}

func produce(t testing.TB, c *bus.Client, msgs ...bus.Message) {
	t.Helper()
	if err := c.Produce(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

// interactionOn returns an interaction of the given partition.
func interactionOn(c *bus.Client, partition int32) string {
	for i := 0; ; i++ {
		if id := strconv.Itoa(i); c.Partition(earshot.InteractionID(id)) == partition {
			return id
		}
	}
}

// committed returns the offset and metadata that a group has committed.
func committed(t testing.TB, c *bus.Client, group, topic string, partition int32) (int64, string) {
	t.Helper()
	kc, err := kgo.NewClient(kgo.SeedBrokers(c.Config().Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer kc.Close()
	got, err := kadm.NewClient(kc).FetchOffsets(t.Context(), group)
	if err != nil {
		return -1, ""
	}
	o, ok := got.Lookup(topic, partition)
	if !ok {
		return -1, ""
	}
	return o.At, o.Metadata
}

// kafkaEnv names a real broker for tests, host:port. Its Earshot topics are
// deleted: it is one of scripts/kafka.sh.
const kafkaEnv = "EARSHOT_KAFKA"

// onEachKafka runs a test against a broker in memory and, where there is one,
// against Apache Kafka, both with consumer groups.
func onEachKafka(t *testing.T, f func(t *testing.T, cfg bus.Config)) {
	t.Run("in memory", func(t *testing.T) { f(t, groupConfig(memoryBroker(t).ListenAddrs()[0])) })
	t.Run("Apache Kafka", func(t *testing.T) { f(t, groupConfig(realKafka(t))) })
}

func memoryBroker(t *testing.T) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func groupConfig(addr string) bus.Config {
	c := bustest.Config(addr)
	c.Direct = false
	c.SessionTimeout = time.Second
	return c
}

func realKafka(t *testing.T) string {
	t.Helper()
	addr := os.Getenv(kafkaEnv)
	if addr == "" {
		t.Skipf("%s is not set; 'make test-kafka' starts a broker and runs this", kafkaEnv)
	}
	if host, _, err := net.SplitHostPort(addr); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Fatalf("%s is %q, which is no loopback address: the topics there would be deleted", kafkaEnv, addr)
	}
	kc, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer kc.Close()
	adm := kadm.NewClient(kc)
	names := []string{earshot.TopicAudio, earshot.TopicUtterances, earshot.TopicEvents, earshot.TopicResults, earshot.TopicReviews, earshot.TopicDead}
	if _, err := adm.DeleteTopics(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
	await.That(t, "old topics are gone", func() bool {
		there, err := adm.ListTopics(t.Context())
		if err != nil {
			return false
		}
		for _, n := range names {
			if there.Has(n) {
				return false
			}
		}
		return true
	})
	return addr
}

var groups atomic.Int64

// group returns a group that no test has used on the broker.
func group(topics ...string) bus.Group {
	return bus.Group{Name: fmt.Sprintf("test-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), groups.Add(1)), Topics: topics}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
