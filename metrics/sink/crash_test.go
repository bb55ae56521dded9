package sink_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/metrics/metricstest"
	"earshot/metrics/sink"
)

const crowd = 20

// mortal passes batches on and dies between the insert and the commit of one.
type mortal struct {
	*sink.Service
	mu    sync.Mutex
	lives int
	kill  context.CancelFunc
}

// Write stores the batch, and then, in its last life, does not come back.
func (m *mortal) Write(ctx context.Context, b bus.Batch) error {
	if err := m.Service.Write(ctx, b); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lives--; m.lives <= 0 {
		m.kill()
		return errors.New("killed between insert and commit")
	}
	return nil
}

// crashing consumes with a sink that dies once for each of lives, after so many
// batches, and then with one that lives until all facts are there.
func crashing(t *testing.T, conn driver.Conn, lives []int, change func(*sink.Service)) {
	t.Helper()
	client := bustest.New(t)
	var messages []bus.Message
	for n := range crowd {
		for _, v := range contact(n) {
			messages = append(messages, metricstest.Message(t, v))
		}
	}
	if err := client.Produce(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
	cfg := sink.DefaultConfig()
	s, err := sink.New(cfg, client, conn, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	group := bus.Group{Name: cfg.Group, Topics: []string{earshot.TopicUtterances, earshot.TopicEvents, earshot.TopicResults, earshot.TopicReviews}}
	for _, n := range lives {
		ctx, cancel := context.WithTimeout(t.Context(), bustest.Timeout)
		if err := client.ConsumeBatches(ctx, group, &mortal{Service: s, lives: n, kill: cancel}); err != nil {
			t.Fatal(err)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Fatal("the sink that was to die lives")
		}
		cancel()
	}
	runUntil(t, s, func() bool {
		for name, n := range raw() {
			if metricstest.Count(t, conn, name) < crowd*n {
				return false
			}
		}
		return true
	})
}

// runUntil runs the sink until done says so.
func runUntil(t *testing.T, s *sink.Service, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bustest.Timeout)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for tick := time.NewTicker(10 * time.Millisecond); !done() && ctx.Err() == nil; <-tick.C {
	}
	if ctx.Err() != nil {
		t.Error("the sink did not store everything in time")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestRun_CrashBetweenInsertAndCommitStoresOnce(t *testing.T) {
	conn := metricstest.Open(t)
	stopMerges(t, conn)
	crashing(t, conn, []int{1, 1, 3, 2}, func(*sink.Service) {})
	for name, n := range raw() {
		if got := metricstest.Count(t, conn, name); got != crowd*n {
			t.Errorf("%s has %d rows, want %d", name, got, crowd*n)
		}
	}
	if got := metricstest.Count(t, conn, "interactions"); got != crowd {
		t.Errorf("%d interactions, want %d", got, crowd)
	}
}

// The control of the test above.
func TestRun_CrashWithoutTokensDoubles(t *testing.T) {
	conn := metricstest.Open(t)
	stopMerges(t, conn)
	crashing(t, conn, []int{1, 1, 3, 2}, (*sink.Service).WithoutTokens)
	doubled := 0
	for name, n := range raw() {
		doubled += metricstest.Count(t, conn, name) - crowd*n
	}
	if doubled == 0 {
		t.Error("no row is doubled: the crash test proves nothing")
	}
	if got := metricstest.Count(t, conn, "interactions"); got != crowd {
		t.Errorf("%d interactions, want %d even so", got, crowd)
	}
}

func TestRun_UnreadableRecordIsADeadLetter(t *testing.T) {
	conn := metricstest.Open(t)
	client := bustest.New(t)
	good := metricstest.Contact{}.Utterances()[0]
	bad := metricstest.Message(t, good)
	bad.Value = []byte("{")
	if err := client.Produce(t.Context(), bad, metricstest.Message(t, good)); err != nil {
		t.Fatal(err)
	}
	s, err := sink.New(sink.DefaultConfig(), client, conn, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	runUntil(t, s, func() bool {
		dead := bustest.ReadAll(t, client, earshot.TopicDead, 1)
		if string(dead[0].Value) != "{" {
			t.Errorf("dead letter %q", dead[0].Value)
		}
		return metricstest.Count(t, conn, "utterances") == 1
	})
}
