package audio_test

import (
	"encoding/binary"
	"testing"
	"time"

	"earshot"
	"earshot/media/audio"
)

// FuzzTrack takes packets as { milliseconds after the one before, 16 bit; bytes
// of RTP, 8 bit; RTP } and asserts that frames follow each other, that the
// output is bounded by the time that passed, and that it is the same each time.
func FuzzTrack(f *testing.F) {
	p := []byte{0, 20, 16, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 0, 20, 16, 0x80, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 5, 6, 7, 8}
	f.Add(p, uint8(1), uint16(0))
	f.Add(append(p, 0xff, 0xff, 16, 0x80, 9, 0, 9, 0xff, 0, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4), uint8(2), uint16(16000))
	f.Add(append(p, 0, 0, 14, 0x90, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 7, 0, 9), uint8(4), uint16(8000))
	f.Fuzz(func(t *testing.T, data []byte, codec uint8, rate uint16) {
		names := []earshot.Codec{earshot.PCMU, earshot.PCMA, earshot.G722, earshot.L16}
		c := names[int(codec)%len(names)]
		b := &earshot.AudioBundle{Leg: "a", Codec: c, ClockRate: audio.ClockRate(c), ReceivedAt: start}
		var passed time.Duration
		var sent int
		for len(data) >= 3 && len(b.Packets) < 500 {
			passed += time.Duration(binary.BigEndian.Uint16(data)) * time.Millisecond
			n := min(int(data[2]), len(data)-3)
			b.Packets = append(b.Packets, earshot.AudioPacket{After: passed, RTP: data[3 : 3+n : 3+n]})
			sent = max(sent, n)
			data = data[3+n:]
		}
		o := audio.Options{MaxLength: 10 * time.Minute}
		if rate%2 == 0 {
			o.Rate = 8000 * (1 + int(rate)/2%2)
		}
		first, second := render(t, b, o), render(t, b, o)
		if first != second {
			t.Fatalf("the same packets gave %+v and %+v", first, second)
		}
		// A second for sound that runs ahead, one packet, and the filter.
		limit := min(passed, o.MaxLength).Seconds() + 1 + float64(2*sent)/8000 + 0.1
		if first.seconds > limit {
			t.Fatalf("%.2f s of sound from %v of packets", first.seconds, passed)
		}
	})
}

type rendered struct {
	sum     uint64
	seconds float64
	stats   audio.Stats
}

func render(t *testing.T, b *earshot.AudioBundle, o audio.Options) (r rendered) {
	tr := audio.NewTrack("a", start, o)
	end, rate := int64(-1), 0
	emit := func(f audio.Frame) {
		if len(f.PCM) == 0 || len(f.PCM) > 48000 {
			t.Fatalf("frame of %d samples", len(f.PCM))
		}
		if f.Rate == rate && f.Start != end || f.Start < 0 || o.Rate != 0 && f.Rate != o.Rate {
			t.Fatalf("frame at %d of %d Hz after %d of %d Hz", f.Start, f.Rate, end, rate)
		}
		end, rate = f.End(), f.Rate
		r.seconds += float64(len(f.PCM)) / float64(f.Rate)
		for _, s := range f.PCM {
			r.sum = r.sum*31 + uint64(uint16(s))
		}
	}
	if err := tr.Push(b, emit); err != nil {
		t.Fatal(err)
	}
	tr.Flush(emit)
	r.stats = tr.Stats()
	return r
}

func BenchmarkTrackPush(b *testing.B) {
	for _, codec := range codecs {
		b.Run(string(codec), func(b *testing.B) {
			s := newSender(&testing.T{}, codec)
			pcm := noise(audio.PacketSamples(codec, 0))
			payload := s.enc.Encode(nil, pcm)
			bundle := &earshot.AudioBundle{Leg: "a", Codec: codec, ClockRate: s.clock, ReceivedAt: start}
			for i := range 10 {
				p := s.raw(0, s.payload, payload, s.clock/50)
				bundle.Packets = append(bundle.Packets, earshot.AudioPacket{After: time.Duration(i) * 20 * ms, RTP: p.rtp})
			}
			tr := audio.NewTrack("a", start, audio.Options{})
			emit := func(audio.Frame) {}
			b.ReportAllocs()
			for b.Loop() {
				if err := tr.Push(bundle, emit); err != nil {
					b.Fatal(err)
				}
				for i := range bundle.Packets { // the next 200 ms
					raw := bundle.Packets[i].RTP
					binary.BigEndian.PutUint16(raw[2:], binary.BigEndian.Uint16(raw[2:])+10)
					binary.BigEndian.PutUint32(raw[4:], binary.BigEndian.Uint32(raw[4:])+uint32(s.clock/5))
				}
				bundle.ReceivedAt = bundle.ReceivedAt.Add(200 * ms)
				if bundle.ReceivedAt.Sub(start) > 23*time.Hour { // begin anew before the day is over
					bundle.ReceivedAt, tr = start, audio.NewTrack("a", start, audio.Options{})
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10, "ns/packet")
		})
	}
}
