package bus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
)

// childEnv makes the test binary a consumer; its value is a childConfig.
const childEnv = "EARSHOT_BUS_CHILD"

type childConfig struct {
	Config bus.Config
	Group  bus.Group
	// Store is the URL that batches are posted to.
	Store string
	Name  string
}

// block is a batch on its way to the store.
type block struct {
	Child     string
	Token     string
	Topic     string
	Partition int32
	Offsets   []int64
}

// runChild consumes batches until it is killed.
func runChild(text string) error {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	client, err := bus.Dial(context.Background(), c.Config, quiet())
	for earshot.KindOf(err) == earshot.Unavailable {
		client, err = bus.Dial(context.Background(), c.Config, quiet())
	}
	if err != nil {
		return err
	}
	return client.ConsumeBatches(context.Background(), c.Group, writerFunc(func(ctx context.Context, b bus.Batch) error {
		out := block{Child: c.Name, Token: b.Token, Topic: b.Topic, Partition: b.Partition}
		for _, r := range b.Records {
			out.Offsets = append(out.Offsets, r.Offset)
		}
		body, err := json.Marshal(out)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Store, bytes.NewReader(body))
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("store answers %s", resp.Status)
		}
		return nil
	}))
}

// store is a table that drops blocks whose token it has, unless it is told not
// to look. It kills who writes to it, every so often: before the block is
// stored, or after, when the writer does not know that it is.
type store struct {
	useTokens bool
	kill      func(child string)

	mu     sync.Mutex
	tokens map[string]bool
	rows   map[string]int // by topic/partition/offset
	kills  int            // still to do
	writes int
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b block
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	fatal := s.kills > 0 && s.writes%5 == 0
	after := s.writes%2 == 0
	if !fatal || after {
		s.apply(b)
	}
	if fatal {
		s.kills--
		s.kill(b.Child)
		http.Error(w, "killed", http.StatusServiceUnavailable)
	}
}

func (s *store) apply(b block) {
	if s.useTokens && s.tokens[b.Token] {
		return
	}
	s.tokens[b.Token] = true
	for _, o := range b.Offsets {
		s.rows[fmt.Sprintf("%s/%d/%d", b.Topic, b.Partition, o)]++
	}
}

// count returns the rows, and how many of them are repeated.
func (s *store) count() (distinct, duplicates, kills int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.rows {
		duplicates += n - 1
	}
	return len(s.rows), duplicates, s.kills
}

// herd keeps children alive: one that is killed is followed by another, with
// batches of another size.
type herd struct {
	t      *testing.T
	config childConfig
	mu     sync.Mutex
	procs  map[string]*os.Process
	born   int
	ended  bool
	wait   sync.WaitGroup
}

func (h *herd) spawn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	c := h.config
	h.born++
	c.Name = fmt.Sprint("child-", h.born)
	c.Config.BatchRecords = 20 + 13*h.born%50
	text, err := json.Marshal(c)
	if err != nil {
		h.t.Error(err)
		return
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = h.t.Output()
	if err := cmd.Start(); err != nil {
		h.t.Error(err)
		return
	}
	h.procs[c.Name] = cmd.Process
	h.wait.Go(func() {
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			h.t.Errorf("%s ended by itself: %v", c.Name, err)
			return
		}
		h.spawn()
	})
}

func (h *herd) kill(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.procs[name]; p != nil {
		_ = p.Kill() // it may be dead by now: a second write of it was on its way
	}
}

func (h *herd) end() {
	h.mu.Lock()
	h.ended = true
	for _, p := range h.procs {
		_ = p.Kill()
	}
	h.mu.Unlock()
	h.wait.Wait()
}

// chaos consumes records that are produced meanwhile, kills consumers again and
// again, and returns how many records were stored twice. It ends when every
// record is stored at least once, and fails when one never is.
func chaos(t *testing.T, cfg bus.Config, useTokens bool, children int) (duplicates int) {
	t.Helper()
	const records, kills = 4000, 12
	client, err := bus.Dial(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s := &store{useTokens: useTokens, tokens: map[string]bool{}, rows: map[string]int{}, kills: kills}
	server := httptest.NewServer(s)
	defer server.Close()
	h := &herd{t: t, procs: map[string]*os.Process{}, config: childConfig{Config: cfg, Store: server.URL,
		Group: group(earshot.TopicEvents, earshot.TopicResults)}}
	s.kill = h.kill
	defer h.end()
	for range children {
		h.spawn()
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < records; {
		var msgs []bus.Message
		for range min(1+random.IntN(60), records-n) {
			topic := []string{earshot.TopicEvents, earshot.TopicResults}[random.IntN(2)]
			msgs = append(msgs, message(topic, fmt.Sprint(random.IntN(1000)), "x"))
		}
		produce(t, client, msgs...)
		n += len(msgs)
		distinct, _, _ := s.count()
		await.That(t, "the store keeps up", func() bool { distinct, _, _ = s.count(); return distinct >= n-1000 })
	}
	await.That(t, "every record is stored and every kill done", func() bool {
		distinct, _, left := s.count()
		if left > 0 { // kills need writes
			produce(t, client, message(earshot.TopicEvents, fmt.Sprint(random.IntN(1000)), "more"))
			return false
		}
		return distinct >= records
	})
	total := produced(t, client)
	await.That(t, "the last records are stored", func() bool { distinct, _, _ := s.count(); return distinct == total })
	_, duplicates, _ = s.count()
	h.mu.Lock()
	t.Logf("%d records, %d kills, %d children, %d duplicates", total, kills, h.born, duplicates)
	h.mu.Unlock()
	return duplicates
}

// produced returns how many records the topics of the chaos test hold.
func produced(t *testing.T, c *bus.Client) int {
	t.Helper()
	lag, err := c.Lag(t.Context(), group(earshot.TopicEvents, earshot.TopicResults))
	if err != nil {
		t.Fatal(err)
	}
	return int(lag[earshot.TopicEvents] + lag[earshot.TopicResults])
}

func TestConsumeBatches_NothingLostNothingTwiceUnderKills(t *testing.T) {
	onEachKafka(t, func(t *testing.T, cfg bus.Config) {
		if n := chaos(t, cfg, true, 2); n != 0 {
			t.Fatalf("%d records were stored twice", n)
		}
	})
	t.Run("without a group", func(t *testing.T) {
		cfg := groupConfig(memoryBroker(t).ListenAddrs()[0])
		cfg.Direct = true
		if n := chaos(t, cfg, true, 1); n != 0 {
			t.Fatalf("%d records were stored twice", n)
		}
	})
}

// A test that finds no duplicates says something only if it can find them.
func TestConsumeBatches_ControlWithoutTokensStoresTwice(t *testing.T) {
	onEachKafka(t, func(t *testing.T, cfg bus.Config) {
		if n := chaos(t, cfg, false, 2); n == 0 {
			t.Fatal("no record was stored twice though tokens are ignored: the chaos test proves nothing")
		}
	})
}

func TestConsumeBatches_ControlWithoutIntentsStoresTwice(t *testing.T) {
	broker := memoryBroker(t)
	forgetIntents(broker)
	if n := chaos(t, groupConfig(broker.ListenAddrs()[0]), true, 2); n == 0 {
		t.Fatal("no record was stored twice though intents are forgotten: the chaos test proves nothing")
	}
}

// forgetIntents makes the broker drop the metadata of offset commits.
func forgetIntents(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		empty := ""
		for _, t := range r.(*kmsg.OffsetCommitRequest).Topics {
			for i := range t.Partitions {
				t.Partitions[i].Metadata = &empty
			}
		}
		return nil, nil, false
	})
}
