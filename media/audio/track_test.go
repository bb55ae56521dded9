package audio_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/media/audio"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// sender makes the packets of one source, 20 ms each unless told otherwise.
type sender struct {
	t       *testing.T
	codec   earshot.Codec
	clock   int
	enc     *audio.Encoder
	ssrc    uint32
	seq     uint16
	stamp   uint32
	ptime   time.Duration
	payload uint8
}

func newSender(t *testing.T, codec earshot.Codec) *sender {
	t.Helper()
	enc, err := audio.NewEncoder(codec)
	if err != nil {
		t.Fatal(err)
	}
	pt, _ := audio.PayloadType(codec)
	return &sender{t: t, codec: codec, clock: audio.ClockRate(codec), enc: enc, ssrc: 7, seq: 65530,
		stamp: math.MaxUint32 - 500, ptime: 20 * time.Millisecond, payload: pt}
}

func (s *sender) rate() int { return audio.SampleRate(s.codec, s.clock) }

// timed is a packet with its arrival after start.
type timed struct {
	at  time.Duration
	rtp []byte
}

// raw makes one packet and moves on by ticks of the clock.
func (s *sender) raw(at time.Duration, pt uint8, payload []byte, ticks int) timed {
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: s.seq, Timestamp: s.stamp, SSRC: s.ssrc}, Payload: payload}
	b, err := p.Marshal()
	if err != nil {
		s.t.Fatal(err)
	}
	s.seq++
	s.stamp += uint32(ticks)
	return timed{at, b}
}

// send cuts pcm into packets; the first is complete at time at, the others
// follow in real time.
func (s *sender) send(at time.Duration, pcm []int16) []timed {
	n := int(s.ptime.Milliseconds()) * s.rate() / 1000
	var out []timed
	for i := 0; i+n <= len(pcm); i += n {
		out = append(out, s.raw(at, s.payload, s.enc.Encode(nil, pcm[i:i+n]), int(s.ptime.Milliseconds())*s.clock/1000))
		at += s.ptime
	}
	return out
}

// bundles packs packets in the given order into bundles of 8.
func (s *sender) bundles(leg earshot.LegID, packets []timed) []*earshot.AudioBundle {
	var out []*earshot.AudioBundle
	for group := range slices.Chunk(packets, 8) {
		b := &earshot.AudioBundle{Leg: leg, Codec: s.codec, ClockRate: s.clock}
		first := group[0].at
		for _, p := range group {
			first = min(first, p.at)
		}
		b.ReceivedAt = start.Add(first)
		for _, p := range group {
			b.Packets = append(b.Packets, earshot.AudioPacket{After: p.at - first, RTP: p.rtp})
		}
		out = append(out, b)
	}
	return out
}

// timelineOf collects a track's frames and checks that they follow each other.
type timelineOf struct {
	t     *testing.T
	rate  int
	first int64
	pcm   []int16
	fills map[audio.Fill]int
}

func collect(t *testing.T) *timelineOf {
	return &timelineOf{t: t, first: -1, fills: map[audio.Fill]int{}}
}

func (l *timelineOf) frame(f audio.Frame) {
	if l.first < 0 {
		l.first, l.rate = f.Start, f.Rate
	}
	if want := l.first + int64(len(l.pcm)); f.Start != want || f.Rate != l.rate {
		l.t.Fatalf("frame at %d of %d Hz, want %d of %d Hz", f.Start, f.Rate, want, l.rate)
	}
	l.pcm = append(l.pcm, f.PCM...)
	l.fills[f.Fill] += len(f.PCM)
}

func play(t *testing.T, o audio.Options, bundles []*earshot.AudioBundle) (*timelineOf, audio.Stats) {
	t.Helper()
	tr, l := audio.NewTrack("a", start, o), collect(t)
	for _, b := range bundles {
		if err := tr.Push(b, l.frame); err != nil {
			t.Fatal(err)
		}
	}
	tr.Flush(l.frame)
	return l, tr.Stats()
}

// noise returns reproducible samples that no codec clips.
func noise(n int) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(r.IntN(16000) - 8000)
	}
	return out
}

// tone returns a sine of the given frequency in Hz.
func tone(hz float64, rate, n int, amplitude float64) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return out
}

func TestTrackGivesBackWhatWasSentAtItsTime(t *testing.T) {
	s := newSender(t, earshot.L16)
	want := noise(16000)
	l, stats := play(t, audio.Options{}, s.bundles("a", s.send(520*time.Millisecond, want)))
	if l.rate != 16000 || l.first != 8000 {
		t.Errorf("first sample at %d of %d Hz, want 8000 of 16000", l.first, l.rate)
	}
	if !slices.Equal(l.pcm, want) {
		t.Error("samples differ from those sent")
	}
	if stats.Packets != 50 || stats.Lost != 0 || stats.Spans != 0 || stats.Rebased != 0 {
		t.Errorf("stats = %+v", stats)
	}
}
