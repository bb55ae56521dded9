package media_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/media"
	"earshot/media/src"
)

// config is one that tests can run side by side with.
func config(t *testing.T, low int) media.Config {
	t.Helper()
	c := media.DefaultConfig()
	c.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}
	c.RTPPortMin, c.RTPPortMax = low, low+199
	c.PortCooldown = 0
	c.Dir = t.TempDir()
	c.AddressKey = []byte("0123456789abcdef0123456789abcdef")
	return c
}

// start runs a service until the test ends.
func start(t *testing.T, c media.Config, b media.Bus) *media.Service {
	t.Helper()
	s, stop := startStop(t, c, b)
	t.Cleanup(stop)
	return s
}

func startStop(t *testing.T, c media.Config, b media.Bus) (*media.Service, func()) {
	t.Helper()
	s, err := media.New(c, b, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	select {
	case <-s.Ready():
	case err := <-done:
		t.Fatalf("Run ended: %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("the service is not ready after 10 s")
	}
	return s, stop
}

// tone is d of a sine at 8 kHz.
func tone(hz float64, d time.Duration) src.Source {
	pcm := make([]int16, int(d.Seconds()*8000))
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return src.PCM(8000, pcm)
}

func options(s *media.Service, network string) src.Options {
	target := ""
	if s != nil {
		target = "sip:" + s.Addr(network).String() + ";transport=" + network
	}
	return src.Options{
		Target: target,
		Agent:  tone(400, 500*time.Millisecond), Customer: tone(700, 500*time.Millisecond),
		AgentName: "Alice", AgentAoR: "sip:alice@agents.example.com",
		CustomerTel: "+1 555 010-0123", CustomerName: "Bob", Queue: "billing", Language: "en",
		Attributes: map[string]string{"campaign": "spring"},
	}
}

// topic is what an interaction left in the audio topic.
type topic struct {
	kinds   []earshot.AudioKind
	packets map[earshot.LegID]int
	next    map[earshot.LegID]uint16 // sequence number that must follow
	codecs  map[earshot.Codec]bool
	last    earshot.AudioMark
	ends    map[earshot.LegID]earshot.AudioMark
}

// collector keeps what a group reads.
type collector struct {
	mu      sync.Mutex
	records []bus.Record
	more    chan struct{}
}

func (c *collector) Handle(_ context.Context, r *bus.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = append(c.records, *r)
	close(c.more)
	c.more = make(chan struct{})
	return nil
}

func (c *collector) Revoked([]int32) {}

// read returns an interaction's records of a topic, from the first to the one
// that ends it.
func read(t *testing.T, client *bus.Client, topic string, id earshot.InteractionID, last func(bus.Record) bool) []bus.Record {
	t.Helper()
	c := &collector{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	// It is cancelled, and what was read until then is what counts.
	wg.Go(func() { _ = client.Consume(ctx, bus.Group{Name: "read-" + string(id), Topics: []string{topic}}, c) })
	defer wg.Wait()
	defer cancel()
	deadline := time.After(bustest.Timeout)
	for {
		c.mu.Lock()
		var out []bus.Record
		ended := false
		for _, r := range c.records {
			if r.Interaction == id {
				out = append(out, r)
				ended = ended || last(r)
			}
		}
		more := c.more
		c.mu.Unlock()
		if ended {
			return out
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s has %d records of the interaction, and not its last", topic, len(out))
		}
	}
}

// readAudio reads until the interaction's call-end mark.
func readAudio(t *testing.T, c *bus.Client, id earshot.InteractionID) topic {
	t.Helper()
	out := topic{
		packets: map[earshot.LegID]int{}, next: map[earshot.LegID]uint16{},
		codecs: map[earshot.Codec]bool{}, ends: map[earshot.LegID]earshot.AudioMark{},
	}
	isEnd := func(r bus.Record) bool { return bundle(t, r).Kind == earshot.AudioCallEnd }
	for _, r := range read(t, c, earshot.TopicAudio, id, isEnd) {
		out.add(t, r)
	}
	return out
}

func bundle(t *testing.T, r bus.Record) *earshot.AudioBundle {
	t.Helper()
	b := &earshot.AudioBundle{}
	if err := b.UnmarshalBinary(r.Value); err != nil {
		t.Fatal(err)
	}
	return b
}

func (o *topic) add(t *testing.T, r bus.Record) {
	t.Helper()
	b := bundle(t, r)
	o.kinds = append(o.kinds, b.Kind)
	if b.Mark != nil {
		o.last = *b.Mark
	}
	if b.Kind == earshot.AudioLegEnd {
		o.ends[b.Leg] = *b.Mark
	}
	for _, p := range b.Packets {
		var h rtp.Header
		if _, err := h.Unmarshal(p.RTP); err != nil {
			t.Fatal(err)
		}
		if o.packets[b.Leg] > 0 && h.SequenceNumber != o.next[b.Leg] {
			t.Fatalf("packet %d of leg %s, want %d", h.SequenceNumber, b.Leg, o.next[b.Leg])
		}
		o.next[b.Leg] = h.SequenceNumber + 1
		o.packets[b.Leg]++
		o.codecs[b.Codec] = true
	}
}

func TestService_MirrorsACallOfEveryCodecAndTransport(t *testing.T) {
	client := bustest.New(t)
	s := start(t, config(t, 31000), client)
	for _, codec := range []earshot.Codec{earshot.PCMU, earshot.PCMA, earshot.G722} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(string(codec)+" "+network, func(t *testing.T) {
				o := options(s, network)
				o.Codec = codec
				res, err := src.Call(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				got := readAudio(t, client, res.InteractionID)
				checkCall(t, got, res, codec)
			})
		}
	}
}

func checkCall(t *testing.T, got topic, res src.Result, codec earshot.Codec) {
	t.Helper()
	if n := len(got.kinds); n < 5 || got.kinds[0] != earshot.AudioLegStart || got.kinds[1] != earshot.AudioLegStart || got.kinds[n-1] != earshot.AudioCallEnd {
		t.Fatalf("records: %v", got.kinds)
	}
	sum := 0
	for _, n := range got.packets {
		sum += n
	}
	if len(got.packets) != 2 || sum != res.Packets || !got.codecs[codec] {
		t.Fatalf("packets %v of codecs %v, %d were sent", got.packets, got.codecs, res.Packets)
	}
	i := got.last.Interaction
	if got.last.Reason != "bye" || i.Agent != "alice" || i.AgentName != "Alice" || i.Queue != "billing" ||
		i.Direction != earshot.Inbound || i.Language != "en" || i.Attributes["campaign"] != "spring" || len(i.CustomerHash) != 64 || i.EndedAt.IsZero() {
		t.Fatalf("facts: %+v, reason %q", i, got.last.Reason)
	}
	if len(i.Legs) != 2 || i.Legs[0].Role != earshot.Agent || i.Legs[1].Role != earshot.Customer || i.Legs[1].AoR != "" || i.Legs[0].RoleSource != "metadata" {
		t.Fatalf("legs: %+v", i.Legs)
	}
}

func event(t *testing.T, r bus.Record) earshot.Event {
	t.Helper()
	var e earshot.Event
	if err := json.Unmarshal(r.Value, &e); err != nil {
		t.Fatal(err)
	}
	return e
}
