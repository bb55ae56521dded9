package record_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/media/audio"
	"earshot/media/record"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const ms = time.Millisecond

// script builds the records of one call.
type script struct {
	t     *testing.T
	facts earshot.Interaction
	out   []bus.Message
	// base is added to all times.
	base time.Time
}

func newScript(t *testing.T, name string) *script {
	return &script{t: t, base: start, facts: earshot.Interaction{ID: earshot.CallID("", name), Channel: earshot.Voice, StartedAt: start}}
}

func (s *script) put(b *earshot.AudioBundle) {
	s.t.Helper()
	v, err := b.MarshalBinary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.out = append(s.out, bus.Message{Topic: earshot.TopicAudio, Interaction: s.facts.ID, Type: earshot.TypeAudio, ID: "x", Time: b.ReceivedAt, Value: v})
}

func (s *script) mark(kind earshot.AudioKind, leg earshot.LegID, at time.Duration) {
	s.t.Helper()
	s.put(&earshot.AudioBundle{Kind: kind, Leg: leg, ReceivedAt: s.base.Add(at), Mark: &earshot.AudioMark{Interaction: s.facts}})
}

// leg starts a leg and returns its sender.
func (s *script) leg(role earshot.Role, codec earshot.Codec) *leg {
	s.t.Helper()
	enc, err := audio.NewEncoder(codec)
	if err != nil {
		s.t.Fatal(err)
	}
	l := &leg{script: s, id: earshot.LegID(role), codec: codec, enc: enc, ssrc: 7}
	s.facts.Legs = append(s.facts.Legs, earshot.Leg{ID: l.id, Role: role, Codec: codec, ClockRate: audio.ClockRate(codec)})
	s.mark(earshot.AudioLegStart, l.id, 0)
	return l
}

type leg struct {
	*script
	id    earshot.LegID
	codec earshot.Codec
	enc   *audio.Encoder
	ssrc  uint32
	seq   uint16
	stamp uint32
}

// say sends sound that begins at a time after the call's start.
func (l *leg) say(at time.Duration, pcm []int16) {
	l.t.Helper()
	clock := audio.ClockRate(l.codec)
	pt, _ := audio.PayloadType(l.codec)
	for chunk := range slices.Chunk(pcm, 5*audio.PacketSamples(l.codec, clock)) {
		b := &earshot.AudioBundle{Leg: l.id, Codec: l.codec, ClockRate: clock, ReceivedAt: l.base.Add(at + 20*ms)}
		for i, part := range slices.Collect(slices.Chunk(chunk, audio.PacketSamples(l.codec, clock))) {
			p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: l.seq, Timestamp: l.stamp, SSRC: l.ssrc}, Payload: l.enc.Encode(nil, part)}
			raw, err := p.Marshal()
			if err != nil {
				l.t.Fatal(err)
			}
			l.seq++
			l.stamp += uint32(clock / 50)
			b.Packets = append(b.Packets, earshot.AudioPacket{After: time.Duration(i) * 20 * ms, RTP: raw})
		}
		l.put(b)
		at += 100 * ms
	}
}

func noise(seed uint64, n int) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(r.IntN(16000) - 8000)
	}
	return out
}

// recorder runs a recorder until stop is called or the test ends.
type recorder struct {
	t    *testing.T
	stop func()
}

func runRecorder(t *testing.T, c *bus.Client, cfg record.Config) *recorder {
	t.Helper()
	return runRecorderWith(t, c, cfg, prometheus.NewRegistry())
}

func runRecorderWith(t *testing.T, c *bus.Client, cfg record.Config, reg prometheus.Registerer) *recorder {
	t.Helper()
	s, err := record.New(cfg, c, slog.New(slog.NewTextHandler(t.Output(), nil)), reg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r := &recorder{t: t}
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("recorder ended: %v", err)
		}
		r.stop = func() {}
	}
	t.Cleanup(func() { r.stop() })
	return r
}

func produce(t *testing.T, c *bus.Client, ms ...bus.Message) {
	t.Helper()
	if err := c.Produce(t.Context(), ms...); err != nil {
		t.Fatal(err)
	}
}

// awaitSound waits until a recording satisfies ok.
func awaitSound(t *testing.T, s *record.Store, id earshot.InteractionID, ok func(*sound) bool) (got *sound) {
	t.Helper()
	await.That(t, "the recording of "+string(id)+" is right", func() bool {
		f, err := s.Open(id)
		if earshot.KindOf(err) == earshot.NotFound && err != nil {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		got = parse(t, b)
		return ok == nil || ok(got)
	})
	return got
}

// awaitFile waits until the pattern has a match.
func awaitFile(t *testing.T, pattern string) {
	t.Helper()
	await.That(t, pattern+" is there", func() bool {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		return len(found) > 0
	})
}

// sound is a recording taken apart.
type sound struct {
	file        []byte
	rate        int
	left, right []int16
}

func parse(t *testing.T, b []byte) *sound {
	t.Helper()
	r, err := audio.NewWAVReader(bytes.NewReader(b), "recording")
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(b))
	n, err := r.Read(pcm)
	if err != nil {
		t.Fatal(err)
	}
	s := &sound{file: b, rate: r.Format().Rate}
	for i := 0; i < n; i += 2 {
		s.left, s.right = append(s.left, pcm[i]), append(s.right, pcm[i+1])
	}
	return s
}

func config(t *testing.T) record.Config {
	cfg := record.DefaultConfig()
	cfg.Dir = filepath.Join(t.TempDir(), "recordings")
	return cfg
}

func openStore(t *testing.T, dir string) *record.Store {
	t.Helper()
	s, err := record.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zeros(n int) []int16 { return make([]int16, n) }

func TestRecorder_WritesAgentLeftAndCustomerRightInTime(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	s := newScript(t, "one")
	agent, customer := s.leg(earshot.Agent, earshot.L16), s.leg(earshot.Customer, earshot.L16)
	a, b := noise(1, 16000), noise(2, 32000)
	agent.say(500*ms, a)
	customer.say(250*ms, b)
	s.mark(earshot.AudioLegEnd, agent.id, 3*time.Second)
	s.mark(earshot.AudioLegEnd, customer.id, 3*time.Second)
	s.mark(earshot.AudioCallEnd, "", 3*time.Second)
	produce(t, c, s.out...)
	runRecorder(t, c, cfg)
	store := openStore(t, cfg.Dir)
	got := awaitSound(t, store, s.facts.ID, nil)
	if got.rate != 16000 || !slices.Equal(got.left, slices.Concat(zeros(8000), a, zeros(12000))) || !slices.Equal(got.right, slices.Concat(zeros(4000), b)) {
		t.Errorf("recording of %d Hz, %d frames is not what was said", got.rate, len(got.left))
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "2026/03/02", string(s.facts.ID)+".wav")); err != nil {
		t.Error(err)
	}
	var p audio.Peaks
	for p.MS == 0 { // the outline follows the recording
		var err error
		if p, err = store.Peaks(s.facts.ID); err != nil && earshot.KindOf(err) != earshot.NotFound {
			t.Fatal(err)
		}
	}
	if p.DurationMS != 2250 || len(p.Channels) != 2 || p.Channels[0].Name != "agent" || p.Channels[0].Max[10] != 0 || p.Channels[0].Max[60] == 0 {
		t.Errorf("peaks: %d ms, %d channels", p.DurationMS, len(p.Channels))
	}
}

func TestRecorder_StaysNarrowbandWhenAllLegsAre(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	s := newScript(t, "narrow")
	l := s.leg(earshot.Customer, earshot.PCMU)
	l.say(0, noise(1, 8000))
	s.mark(earshot.AudioCallEnd, "", time.Second)
	produce(t, c, s.out...)
	runRecorder(t, c, cfg)
	if got := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, nil); got.rate != 8000 || len(got.left) != 8000 || !slices.Equal(got.left, zeros(8000)) {
		t.Errorf("%d frames of %d Hz", len(got.left), got.rate)
	}
}

func TestRecorder_CrashAndReplayGiveTheSameFile(t *testing.T) {
	whole := func(t *testing.T) *script {
		s := newScript(t, "crash")
		agent, customer := s.leg(earshot.Agent, earshot.G722), s.leg(earshot.Customer, earshot.PCMU)
		for i := range 20 {
			agent.say(time.Duration(i)*500*ms, noise(uint64(i), 8000))
			customer.say(time.Duration(i)*500*ms, noise(uint64(100+i), 4000))
		}
		s.mark(earshot.AudioCallEnd, "", 10*time.Second)
		return s
	}
	c, cfg := bustest.New(t), config(t)
	s := whole(t)
	produce(t, c, s.out...)
	r := runRecorder(t, c, cfg)
	want := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, nil)
	r.stop()

	c, cfg = bustest.New(t), config(t)
	other := newScript(t, "another call, which holds the watermark") // and ends last
	l := other.leg(earshot.Agent, earshot.PCMU)
	l.say(0, noise(9, 8000))
	half := len(s.out) / 2
	produce(t, c, append(other.out, s.out[:half]...)...)
	r = runRecorder(t, c, cfg)
	awaitFile(t, filepath.Join(cfg.Dir, ".work", "*", string(s.facts.ID), "*.pcm"))
	r.stop() // in the middle of the call
	produce(t, c, s.out[half:]...)
	r = runRecorder(t, c, cfg)
	store := openStore(t, cfg.Dir)
	same := func(got *sound) bool { return bytes.Equal(got.file, want.file) }
	awaitSound(t, store, s.facts.ID, same)
	r.stop()
	other.out = nil
	other.mark(earshot.AudioCallEnd, "", 20*time.Second)
	produce(t, c, other.out...)
	r = runRecorder(t, c, cfg) // reads all of the first call again
	awaitSound(t, store, other.facts.ID, nil)
	r.stop()
	awaitSound(t, store, s.facts.ID, same)
	if left, err := filepath.Glob(filepath.Join(cfg.Dir, ".work", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestRecorder_ClosesACallWhoseEndNeverComes(t *testing.T) {
	for name, wake := range map[string]bool{"by the time of later records": true, "by the clock when no records come": false} {
		t.Run(name, func(t *testing.T) {
			c, cfg := bustest.New(t), config(t)
			cfg.IdleEnd = time.Second
			if wake {
				cfg.IdleEnd = time.Hour
			}
			s := newScript(t, "lost")
			l := s.leg(earshot.Agent, earshot.L16)
			pcm := noise(1, 16000)
			l.say(0, pcm)
			produce(t, c, s.out...)
			if wake { // in whatever partition the lost call lies
				for i := range 64 {
					later := newScript(t, string(rune('a'+i)))
					later.leg(earshot.Agent, earshot.L16)
					later.out[0].Time = start.Add(2 * time.Hour)
					produce(t, c, later.out...)
				}
			}
			runRecorder(t, c, cfg)
			if got := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, nil); !slices.Equal(got.left, pcm) {
				t.Errorf("%d frames", len(got.left))
			}
		})
	}
}

func TestRecorder_GoesOnWithACallAfterItsEnd(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	s := newScript(t, "resumed")
	a, b := noise(1, 16000), noise(2, 16000)
	l := s.leg(earshot.Agent, earshot.L16)
	l.say(0, a)
	s.mark(earshot.AudioCallEnd, "", time.Second)
	produce(t, c, s.out...)
	runRecorder(t, c, cfg)
	store := openStore(t, cfg.Dir)
	awaitSound(t, store, s.facts.ID, nil)

	s.out = nil
	s.mark(earshot.AudioLegStart, l.id, 3*time.Second)
	l.ssrc = 99
	l.say(3*time.Second, b)
	s.mark(earshot.AudioCallEnd, "", 4*time.Second)
	produce(t, c, s.out...)
	got := awaitSound(t, store, s.facts.ID, func(got *sound) bool { return len(got.left) > 16000 })
	if !slices.Equal(got.left, slices.Concat(a, zeros(32000), b)) {
		t.Errorf("%d frames, not what was said", len(got.left))
	}
}

func TestRecorder_ACallSentAgainIsOneRecording(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	build := func() *script {
		s := newScript(t, "twice")
		l := s.leg(earshot.Agent, earshot.L16)
		l.say(0, noise(1, 16000))
		s.mark(earshot.AudioCallEnd, "", time.Second)
		return s
	}
	s := build()
	last := newScript(t, "twice")
	produce(t, c, append(s.out, build().out...)...)
	last.facts.ID = s.facts.ID
	runRecorder(t, c, cfg)
	got := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, nil)
	// A third time, longer, shows when the second was through.
	again := build()
	l := &leg{script: again, id: "late", codec: earshot.PCMU, enc: mustEncoder(t), ssrc: 1}
	again.out = again.out[:len(again.out)-1]
	l.say(5*time.Second, noise(3, 800))
	again.mark(earshot.AudioCallEnd, "", 6*time.Second)
	produce(t, c, again.out...)
	after := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, func(x *sound) bool { return len(x.left) > 16000 })
	if !slices.Equal(got.left, after.left[:16000]) || !slices.Equal(got.left, noise(1, 16000)) {
		t.Error("sound that was sent again is louder than once")
	}
}

func mustEncoder(t *testing.T) *audio.Encoder {
	t.Helper()
	e, err := audio.NewEncoder(earshot.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRecorder_KeepsLegsAlignedWhateverHappensToOneOfThem(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	s := newScript(t, "aligned")
	agent, customer := s.leg(earshot.Agent, earshot.PCMU), s.leg(earshot.Customer, earshot.PCMU)
	click := make([]int16, 160)
	click[80] = 20000
	var want []int
	for i := range 40 { // a click in both legs at the same moment, every second
		at := time.Duration(i) * time.Second
		agent.say(at, slices.Concat(click, zeros(7840)))
		customer.say(at, slices.Concat(click, zeros(1440)))
		switch i % 4 {
		case 0: // DTX: the timestamp runs on
			customer.stamp += 6400
		case 1: // lost packets
			customer.stamp += 6400
			customer.seq += 40
		case 2: // a new source
			customer.ssrc, customer.seq, customer.stamp = uint32(i), uint16(i*1000), uint32(i)<<24
		case 3: // the timestamp is set anew
			customer.stamp -= 1 << 29
		}
		want = append(want, i*8000+80)
	}
	s.mark(earshot.AudioCallEnd, "", 40*time.Second)
	produce(t, c, s.out...)
	runRecorder(t, c, cfg)
	got := awaitSound(t, openStore(t, cfg.Dir), s.facts.ID, nil)
	left, right := clicks(got.left), clicks(got.right)
	if !slices.Equal(left, want) {
		t.Fatalf("agent's clicks at %v", left)
	}
	if len(right) != len(want) {
		t.Fatalf("customer has %d clicks", len(right))
	}
	for i := range right {
		if d := right[i] - left[i]; d < -160 || d > 160 {
			t.Errorf("click %d is %d ms off", i, d/8)
		}
	}
}

func clicks(pcm []int16) (at []int) {
	for i, s := range pcm {
		if s > 10000 {
			at = append(at, i)
		}
	}
	return at
}

func TestRecorder_DeadLettersWhatIsNoAudio(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	s := newScript(t, "fine")
	bad := bus.Message{Topic: earshot.TopicAudio, Interaction: s.facts.ID, Type: earshot.TypeAudio, Value: []byte("junk")}
	path := s.facts
	path.ID = "../../../etc/passwd"
	outside := &script{t: t, base: start, facts: path}
	outside.mark(earshot.AudioCallEnd, "", 0)
	produce(t, c, append([]bus.Message{bad}, outside.out...)...)
	runRecorder(t, c, cfg)
	if dead := bustest.ReadAll(t, c, earshot.TopicDead, 2); len(dead) != 2 {
		t.Errorf("%d dead letters", len(dead))
	}
}
