package audio_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"earshot"
	"earshot/media/audio"
)

var codecs = []earshot.Codec{earshot.PCMU, earshot.PCMA, earshot.G722, earshot.L16}

// Signal-to-noise ratios that a codec reaches on a full tone: G.711 has 38 dB by
// design (ITU-T G.711), G.722 some 20 dB at 1 kHz.
func TestCodecsBringBackWhatWasEncoded(t *testing.T) {
	for codec, minimum := range map[earshot.Codec]float64{earshot.PCMU: 35, earshot.PCMA: 35, earshot.G722: 20, earshot.L16: 90} {
		rate := audio.SampleRate(codec, 0)
		enc, err := audio.NewEncoder(codec)
		if err != nil {
			t.Fatal(err)
		}
		dec, err := audio.NewDecoder(codec, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := tone(1000, rate, rate, 12000)
		var got []int16
		for p := range slices.Chunk(want, audio.PacketSamples(codec, 0)) {
			payload := enc.Encode(nil, p)
			if dec.Samples(len(payload)) != len(p) {
				t.Fatalf("%s: %d bytes are %d samples, want %d", codec, len(payload), dec.Samples(len(payload)), len(p))
			}
			got = dec.Decode(got, payload)
		}
		if len(got) != len(want) || dec.Rate() != rate {
			t.Fatalf("%s: %d samples of %d Hz", codec, len(got), dec.Rate())
		}
		best := -math.MaxFloat64 // G.722's filter bank delays by some samples
		for delay := range 40 {
			diff := make([]int16, len(want)-delay)
			for i := range diff {
				diff[i] = got[i+delay] - want[i]
			}
			best = max(best, 20*math.Log10(rms(want)/max(rms(diff), 1e-3)))
		}
		if best < minimum {
			t.Errorf("%s: %.1f dB, want %.0f", codec, best, minimum)
		}
	}
}

// Values of ITU-T G.711, tables 1a to 2b, scaled to 16 bits.
func TestG711MeetsTheTables(t *testing.T) {
	for b, want := range map[byte]int16{0x80: 32124, 0x00: -32124, 0xff: 0, 0x7f: 0, 0xfe: 8, 0x8f: 16764, 0xf0: 120, 0xef: 132} {
		if got := audio.DecodeMuLaw(b); got != want {
			t.Errorf("mu-law %#x is %d, want %d", b, got, want)
		}
	}
	for b, want := range map[byte]int16{0xaa: 32256, 0x2a: -32256, 0xd5: 8, 0x55: -8, 0xc5: 264, 0x80: 5504, 0xd4: 24} {
		if got := audio.DecodeALaw(b); got != want {
			t.Errorf("A-law %#x is %d, want %d", b, got, want)
		}
	}
	for i := range 256 {
		b := byte(i)
		if got := audio.EncodeALaw(audio.DecodeALaw(b)); got != b {
			t.Errorf("A-law %#x comes back as %#x", b, got)
		}
		if got := audio.EncodeMuLaw(audio.DecodeMuLaw(b)); got != b && b != 0x7f { // there are two zeros
			t.Errorf("mu-law %#x comes back as %#x", b, got)
		}
	}
	for _, s := range []int16{math.MinInt16, math.MaxInt16} {
		if m, a := audio.DecodeMuLaw(audio.EncodeMuLaw(s)), audio.DecodeALaw(audio.EncodeALaw(s)); m/30000 != s/30000 || a/30000 != s/30000 {
			t.Errorf("%d becomes %d and %d", s, m, a)
		}
	}
}

func TestCodecsRefuseWhatTheyDoNotKnow(t *testing.T) {
	for _, c := range []struct {
		codec earshot.Codec
		clock int
	}{{"", 8000}, {"opus", 48000}, {earshot.PCMU, 16000}, {earshot.G722, 16000}, {earshot.L16, 96000}, {earshot.L16, -1}} {
		if _, err := audio.NewDecoder(c.codec, c.clock); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("%q at %d Hz: %v", c.codec, c.clock, err)
		}
	}
	if _, err := audio.NewEncoder("opus"); earshot.KindOf(err) != earshot.Invalid {
		t.Errorf("encoder: %v", err)
	}
	if _, ok := audio.PayloadType("opus"); ok {
		t.Error("opus has a payload type")
	}
}

func TestG722HasSixteenKilohertzOnAnEightKilohertzClock(t *testing.T) {
	if r, n := audio.SampleRate(earshot.G722, 8000), audio.PacketSamples(earshot.G722, 8000); r != 16000 || n != 320 {
		t.Errorf("%d Hz, %d samples a packet", r, n)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, codec := range codecs {
		b.Run(string(codec), func(b *testing.B) {
			enc, err := audio.NewEncoder(codec)
			if err != nil {
				b.Fatal(err)
			}
			dec, err := audio.NewDecoder(codec, 0)
			if err != nil {
				b.Fatal(err)
			}
			payload := enc.Encode(nil, noise(audio.PacketSamples(codec, 0)))
			var pcm []int16
			b.ReportAllocs()
			for b.Loop() {
				pcm = dec.Decode(pcm[:0], payload)
			}
			realTime(b, 0.02)
		})
	}
}

// realTime reports how many times faster than real time an operation on so many
// seconds of sound is.
func realTime(b *testing.B, seconds float64) {
	b.ReportMetric(seconds*float64(b.N)/b.Elapsed().Seconds(), "x-real-time")
}

func BenchmarkResample(b *testing.B) {
	for _, r := range []struct{ from, to int }{{8000, 16000}, {16000, 8000}, {44100, 16000}, {48000, 8000}} {
		b.Run(fmt.Sprintf("%dto%d", r.from, r.to), func(b *testing.B) {
			rs, err := audio.NewResampler(r.from, r.to)
			if err != nil {
				b.Fatal(err)
			}
			in := noise(r.from / 50)
			var out []int16
			b.ReportAllocs()
			for b.Loop() {
				out = rs.Process(out[:0], in)
			}
			realTime(b, 0.02)
		})
	}
}
