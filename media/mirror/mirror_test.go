package mirror_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/mediatest"
	"earshot/media/mirror"
)

// calls returns the records of the audio topic as short words, in order.
func words(t *testing.T, msgs []bus.Message) (out []string) {
	t.Helper()
	for _, m := range msgs {
		if m.Topic == earshot.TopicEvents {
			var e earshot.Event
			if err := json.Unmarshal(m.Value, &e); err != nil {
				t.Fatal(err)
			}
			out = append(out, string(e.Type))
			continue
		}
		b := bundleOf(t, m)
		switch b.Kind {
		case earshot.AudioMedia:
			for _, p := range b.Packets {
				out = append(out, "p"+string(p.RTP))
			}
		case earshot.AudioLegStart:
			out = append(out, "start")
		case earshot.AudioLegEnd:
			out = append(out, "end "+b.Mark.Reason)
		case earshot.AudioCallEnd:
			out = append(out, "call-end "+b.Mark.Reason)
		}
	}
	return out
}

func bundleOf(t *testing.T, m bus.Message) *earshot.AudioBundle {
	t.Helper()
	b := &earshot.AudioBundle{}
	if err := b.UnmarshalBinary(m.Value); err != nil {
		t.Fatal(err)
	}
	return b
}

func hasEnd(msgs []bus.Message) bool {
	for _, m := range msgs {
		var e earshot.Event
		if m.Topic == earshot.TopicEvents && json.Unmarshal(m.Value, &e) == nil && e.Type == earshot.InteractionEnded {
			return true
		}
	}
	return false
}

func config(dir string) mirror.Config {
	return mirror.Config{
		Dir: dir, Source: "media/test", Bundle: 100 * time.Millisecond, InFlight: 1 << 20,
		Patience: mediatest.Patience, SpoolBytes: 1 << 20, Drain: mediatest.Patience,
	}
}

// run starts a mirror and returns what stops it.
func run(t *testing.T, c mirror.Config, k mirror.Producer) (*mirror.Mirror, func()) {
	t.Helper()
	m, err := mirror.New(c, k, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return m, stop
}

func facts(id string) earshot.Interaction {
	return earshot.Interaction{
		ID: earshot.InteractionID(id), Channel: earshot.Voice, StartedAt: time.Now().UTC(),
		Legs: []earshot.Leg{{ID: "leg", Role: earshot.Agent, Codec: earshot.PCMU, ClockRate: 8000}},
	}
}

func begin(t *testing.T, m *mirror.Mirror, id string) *mirror.Call {
	t.Helper()
	c, err := m.Open(t.Context(), facts(id))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// packets sends the numbers [from, to), each a bundle of its own.
func packets(c *mirror.Call, from, to int) {
	base := time.Now()
	for i := from; i < to; i++ {
		c.Leg("leg").Packet(base.Add(time.Duration(i)*time.Second), earshot.PCMU, 8000, fmt.Appendf(nil, "%03d", i))
	}
}

// want is the records of a whole call with n packets.
func want(n int, reason string) []string {
	out := []string{"start", "interaction.started"}
	for i := range n {
		out = append(out, fmt.Sprintf("p%03d", i))
	}
	return append(out, "end "+reason, "call-end "+reason, "interaction.ended")
}

func check(t *testing.T, k *mediatest.Kafka, expected []string) {
	t.Helper()
	msgs := k.Wait(t, "the end", hasEnd)
	if got := words(t, msgs); fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Fatalf("got  %v\nwant %v", got, expected)
	}
}

func end(t *testing.T, c *mirror.Call, reason string) {
	t.Helper()
	if err := c.End(reason); err != nil {
		t.Fatal(err)
	}
}

func TestMirror_WritesACallInOrder(t *testing.T) {
	k := mediatest.NewKafka()
	dir := t.TempDir()
	m, stop := run(t, config(dir), k)
	c := begin(t, m, "i")
	packets(c, 0, 20)
	end(t, c, "bye")
	check(t, k, want(20, "bye"))
	stop()
	if left, _ := filepath.Glob(filepath.Join(dir, "journal", "*")); len(left) != 0 {
		t.Fatalf("the journal still has %v", left)
	}
}

func TestMirror_BundlesByTime(t *testing.T) {
	k := mediatest.NewKafka()
	m, _ := run(t, config(t.TempDir()), k)
	c := begin(t, m, "i")
	at := time.Now()
	for i := range 10 { // 20 ms apart: five to a bundle of 100 ms
		c.Leg("leg").Packet(at.Add(time.Duration(i)*20*time.Millisecond), earshot.PCMU, 8000, []byte{byte(i)})
	}
	end(t, c, "bye")
	var sizes []int
	for _, msg := range k.Wait(t, "the end", hasEnd) {
		if msg.Topic == earshot.TopicAudio {
			if b := bundleOf(t, msg); b.Kind == earshot.AudioMedia {
				sizes = append(sizes, len(b.Packets))
				if b.Packets[len(b.Packets)-1].After != 80*time.Millisecond {
					t.Fatalf("last packet after %v", b.Packets[len(b.Packets)-1].After)
				}
			}
		}
	}
	if fmt.Sprint(sizes) != "[5 5]" {
		t.Fatalf("bundles of %v packets", sizes)
	}
}

func TestMirror_FlushesABundleThatNothingFollows(t *testing.T) {
	k := mediatest.NewKafka()
	m, _ := run(t, config(t.TempDir()), k)
	c := begin(t, m, "i")
	c.Leg("leg").Packet(time.Now(), earshot.PCMU, 8000, []byte("x"))
	k.Wait(t, "the packet", func(msgs []bus.Message) bool { return len(msgs) == 3 })
}

func TestMirror_KeepsOrderWhenKafkaGoesAndComesBack(t *testing.T) {
	tests := map[string]struct{ away, hold bool }{
		"it fails":                      {true, false},
		"it is silent, then fails":      {true, true},
		"it is silent, then has it all": {false, true},
	}
	for name, is := range tests {
		t.Run(name, func(t *testing.T) {
			k := mediatest.NewKafka()
			cfg := config(t.TempDir())
			cfg.Patience = time.Millisecond
			m, _ := run(t, cfg, k)
			c := begin(t, m, "i")
			packets(c, 0, 10)
			k.Wait(t, "the first packets", func(msgs []bus.Message) bool { return len(msgs) >= 11 })
			k.Set(is.away, is.hold)
			packets(c, 10, 60)
			waitSpool(t, cfg.Dir)
			end(t, c, "bye")
			k.Set(is.away && is.hold, false) // what was held is answered as it was promised
			k.Set(false, false)
			check(t, k, want(60, "bye"))
		})
	}
}

func waitSpool(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(mediatest.Patience)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		names, err := filepath.Glob(filepath.Join(dir, "spool", "*.spool"))
		if err != nil {
			t.Fatal(err)
		}
		if len(names) > 0 {
			tick.Stop()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing has come to the spool")
		}
	}
}

func TestMirror_HandsTheSpoolOnAfterARestart(t *testing.T) {
	k := mediatest.NewKafka()
	cfg := config(t.TempDir())
	cfg.Patience, cfg.Drain = time.Millisecond, time.Millisecond
	m, stop := run(t, cfg, k)
	c := begin(t, m, "i")
	packets(c, 0, 5)
	k.Wait(t, "the first packets", func(msgs []bus.Message) bool { return len(msgs) >= 6 })
	k.Set(true, false)
	packets(c, 5, 30)
	end(t, c, "bye")
	stop()
	k.Set(false, false)
	m, _ = run(t, cfg, k)
	if n, err := m.Recover(); err != nil || n != 0 {
		t.Fatalf("recovered %d calls, %v", n, err)
	}
	check(t, k, want(30, "bye"))
}

func TestMirror_CountsWhatAFullSpoolDrops(t *testing.T) {
	k := mediatest.NewKafka()
	cfg := config(t.TempDir())
	cfg.Patience, cfg.SpoolBytes = time.Millisecond, 4<<10
	m, _ := run(t, cfg, k)
	c := begin(t, m, "i")
	k.Wait(t, "the start", func(msgs []bus.Message) bool { return len(msgs) == 2 })
	k.Set(true, false)
	packets(c, 0, 2)
	waitSpool(t, cfg.Dir)
	packets(c, 2, 200)
	end(t, c, "bye")
	k.Set(false, false)
	msgs := k.Wait(t, "the end", hasEnd)
	got, lost := 0, 0
	for _, msg := range msgs {
		if msg.Topic != earshot.TopicAudio {
			continue
		}
		switch b := bundleOf(t, msg); b.Kind {
		case earshot.AudioMedia:
			got++
		case earshot.AudioLegEnd:
			lost = b.Mark.Lost
		}
	}
	if lost == 0 || got+lost != 200 {
		t.Fatalf("%d bundles came, %d are said to be lost, of 200", got, lost)
	}
}

func TestMirror_DropsWhatKafkaRefusesForGood(t *testing.T) {
	k := mediatest.NewKafka()
	m, _ := run(t, config(t.TempDir()), refusing{k})
	c := begin(t, m, "i")
	packets(c, 0, 5)
	end(t, c, "bye")
	expected := want(5, "bye")
	check(t, k, append(expected[:4:4], expected[5:]...))
}

// refusing takes everything but packet 002.
type refusing struct{ *mediatest.Kafka }

func (r refusing) ProduceAsync(ctx context.Context, m bus.Message, done func(error)) {
	var b earshot.AudioBundle
	if b.UnmarshalBinary(m.Value) == nil && len(b.Packets) > 0 && string(b.Packets[0].RTP) == "002" {
		done(earshot.Errorf(earshot.Invalid, "too large"))
		return
	}
	r.Kafka.ProduceAsync(ctx, m, done)
}

func TestMirror_EndsWhatAKilledProcessLeftOpen(t *testing.T) {
	k := mediatest.NewKafka()
	dir := t.TempDir()
	m, err := mirror.New(config(dir), k, slog.New(slog.DiscardHandler), nil) // never runs on: killed
	if err != nil {
		t.Fatal(err)
	}
	begin(t, m, "i")
	if err := os.WriteFile(filepath.Join(dir, "journal", "x.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, _ = run(t, config(dir), k)
	if n, err := m.Recover(); err != nil || n != 1 {
		t.Fatalf("recovered %d calls, %v", n, err)
	}
	msgs := k.Wait(t, "the end", hasEnd)
	if got := fmt.Sprint(words(t, msgs)); got != "[start end interrupted call-end interrupted interaction.ended]" {
		t.Fatalf("got %v", got)
	}
}

func TestMirror_RefusesASecondCallOfOneInteraction(t *testing.T) {
	m, _ := run(t, config(t.TempDir()), mediatest.NewKafka())
	begin(t, m, "i")
	if _, err := m.Open(t.Context(), facts("i")); earshot.KindOf(err) != earshot.Conflict {
		t.Fatalf("got %v", err)
	}
}

func TestMirror_ClosesWhatItCouldNotBegin(t *testing.T) {
	k := mediatest.NewKafka()
	k.Set(true, false)
	m, _ := run(t, config(t.TempDir()), k)
	if _, err := m.Open(t.Context(), facts("i")); earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("got %v", err)
	}
	k.Set(false, false)
	msgs := k.Wait(t, "the end", hasEnd)
	if got := fmt.Sprint(words(t, msgs)); got != "[end interrupted call-end interrupted interaction.ended]" {
		t.Fatalf("got %v", got)
	}
	begin(t, m, "i") // a retry makes the same interaction
}

func TestCall_BeginsALegAgainThatItCouldNotBegin(t *testing.T) {
	k := mediatest.NewKafka()
	m, _ := run(t, config(t.TempDir()), k)
	c := begin(t, m, "i")
	more := facts("i")
	more.Legs = append(more.Legs, earshot.Leg{ID: "second", Role: earshot.Customer, Codec: earshot.PCMU, ClockRate: 8000})
	k.Set(true, false)
	if err := c.Update(t.Context(), more); earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("got %v", err)
	}
	k.Set(false, false)
	if err := c.Update(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	k.Wait(t, "the start of the second leg", func(msgs []bus.Message) bool {
		for _, m := range msgs {
			if m.Topic == earshot.TopicAudio {
				if b := bundleOf(t, m); b.Kind == earshot.AudioLegStart && b.Leg == "second" {
					return true
				}
			}
		}
		return false
	})
}

func TestCall_BeginsALegAgainThatHadEnded(t *testing.T) {
	k := mediatest.NewKafka()
	m, _ := run(t, config(t.TempDir()), k)
	c := begin(t, m, "i")
	packets(c, 0, 1)
	if err := c.EndLeg("leg", "re-invite"); err != nil {
		t.Fatal(err)
	}
	k.Wait(t, "the end of the leg", func(msgs []bus.Message) bool { return strings.Contains(fmt.Sprint(words(t, msgs)), "end re-invite") })
	if err := c.Update(t.Context(), facts("i")); err != nil {
		t.Fatal(err)
	}
	packets(c, 1, 2)
	end(t, c, "bye")
	check(t, k, []string{"start", "interaction.started", "p000", "end re-invite", "start", "interaction.updated",
		"p001", "end bye", "call-end bye", "interaction.ended"})
}

func TestMirror_BeginsACallAgainOnlyAfterItsFirstEnd(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			k := mediatest.NewKafka()
			cfg := config(t.TempDir())
			cfg.Drain = 50 * time.Millisecond
			m, stop := run(t, cfg, k)
			k.Set(true, false)
			if _, err := m.Open(t.Context(), facts("i")); earshot.KindOf(err) != earshot.Unavailable {
				t.Fatalf("got %v", err)
			}
			if restart {
				waitSpool(t, cfg.Dir)
				stop()
				m, _ = run(t, cfg, k)
			}
			short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			if _, err := m.Open(short, facts("i")); earshot.KindOf(err) != earshot.Unavailable {
				t.Fatalf("while Kafka is away: %v", err)
			}
			k.Set(false, false)
			begin(t, m, "i")
			msgs := k.Wait(t, "the second start", func(msgs []bus.Message) bool {
				return strings.Contains(fmt.Sprint(words(t, msgs)), "start interaction.started")
			})
			if got := fmt.Sprint(words(t, msgs)); got != "[end interrupted call-end interrupted interaction.ended start interaction.started]" {
				t.Fatalf("got %v", got)
			}
		})
	}
}

func TestMirror_SaysThatASilentCallGoesOn(t *testing.T) {
	k := mediatest.NewKafka()
	cfg := config(t.TempDir())
	cfg.Bundle, cfg.KeepAlive = 10*time.Millisecond, 20*time.Millisecond
	m, _ := run(t, cfg, k)
	c := begin(t, m, "i")
	alive := func(msgs []bus.Message) (n int) {
		for _, m := range msgs {
			if m.Topic != earshot.TopicAudio {
				continue
			}
			if b := bundleOf(t, m); b.Kind == earshot.AudioMedia && len(b.Packets) == 0 && b.Leg == "leg" {
				n++
			}
		}
		return n
	}
	k.Wait(t, "signs of life", func(msgs []bus.Message) bool { return alive(msgs) > 1 })
	end(t, c, "bye")
	msgs := k.Wait(t, "the end", hasEnd)
	if got := words(t, msgs); got[len(got)-1] != "interaction.ended" {
		t.Fatalf("after the end comes %v", got)
	}
}

func TestCall_EndsALegWithoutItsJournal(t *testing.T) {
	k := mediatest.NewKafka()
	dir := t.TempDir()
	m, _ := run(t, config(dir), k)
	c := begin(t, m, "i")
	packets(c, 0, 1)
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil { // a disk that cannot be written
		t.Fatal(err)
	}
	if err := c.EndLeg("leg", "re-invite"); err != nil {
		t.Fatal(err)
	}
	k.Wait(t, "the end of the leg", func(msgs []bus.Message) bool {
		return strings.HasSuffix(fmt.Sprint(words(t, msgs)), "p000 end re-invite]")
	})
}

// Latency and cost of the path from socket to record.
func BenchmarkLeg_Packet(b *testing.B) {
	k := discard{}
	m, err := mirror.New(mirror.Config{
		Dir: b.TempDir(), Bundle: 200 * time.Millisecond, InFlight: 64 << 20, Patience: time.Minute, SpoolBytes: 1 << 30, Drain: time.Second,
	}, k, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	defer func() { cancel(); <-done }()
	c, err := m.Open(ctx, facts("i"))
	if err != nil {
		b.Fatal(err)
	}
	leg := c.Leg("leg")
	rtp := make([]byte, 172)
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(20 * time.Millisecond)
		leg.Packet(at, earshot.PCMU, 8000, rtp)
	}
}

type discard struct{}

func (discard) Produce(context.Context, ...bus.Message) error { return nil }

func (discard) ProduceAsync(_ context.Context, _ bus.Message, done func(error)) { done(nil) }
