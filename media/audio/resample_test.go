package audio_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"earshot/media/audio"
)

func resample(t *testing.T, from, to int, in []int16, piece int) []int16 {
	t.Helper()
	r, err := audio.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	var out []int16
	for part := range slices.Chunk(in, piece) {
		out = r.Process(out, part)
	}
	return r.Flush(out)
}

// rms leaves out the edges, where the filter sees the silence around.
func rms(pcm []int16) float64 {
	pcm = pcm[len(pcm)/8 : len(pcm)*7/8]
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

var rates = []struct{ from, to int }{
	{8000, 16000}, {16000, 8000}, {24000, 8000}, {24000, 16000}, {32000, 8000}, {32000, 16000},
	{44100, 8000}, {44100, 16000}, {48000, 8000}, {48000, 16000}, {11025, 8000}, {22050, 16000},
}

func TestResamplerKeepsThePassBandInPlaceAndLevel(t *testing.T) {
	for _, r := range rates {
		t.Run(fmt.Sprint(r.from, " to ", r.to), func(t *testing.T) {
			edge := 0.85 * float64(min(r.from, r.to)) / 2
			for _, hz := range []float64{100, 1000, edge * 0.98} {
				got := resample(t, r.from, r.to, tone(hz, r.from, r.from, 12000), 160)
				want := tone(hz, r.to, r.to, 12000)
				if len(got) != len(want) {
					t.Fatalf("%d samples, want %d", len(got), len(want))
				}
				diff := make([]int16, len(want))
				for i := range want {
					diff[i] = got[i] - want[i]
				}
				if db := 20 * math.Log10(rms(diff)/rms(want)); db > -50 {
					t.Errorf("%.0f Hz: error %.1f dB, want under -50", hz, db)
				}
			}
		})
	}
}

func TestResamplerLeavesNoAliasesOrImages(t *testing.T) {
	for _, r := range rates {
		nyquist := float64(min(r.from, r.to)) / 2
		if r.from < r.to {
			// The image of 1 kHz lies at 7 kHz: what is left after the tone.
			got, want := resample(t, r.from, r.to, tone(1000, r.from, r.from, 12000), 160), tone(1000, r.to, r.to, 12000)
			for i := range got {
				got[i] -= want[i]
			}
			if db := 20 * math.Log10(rms(got)/rms(want)); db > -70 {
				t.Errorf("%d to %d: images at %.1f dB", r.from, r.to, db)
			}
			continue
		}
		for _, hz := range []float64{nyquist * 1.001, nyquist * 1.1, nyquist * 1.3} {
			if hz >= float64(r.from)/2 {
				continue
			}
			in := tone(hz, r.from, r.from, 30000)
			got := resample(t, r.from, r.to, in, 160)
			// Rounding to 16 bits alone leaves -97 dB.
			if db := 20 * math.Log10(rms(got)/rms(in)); db > -75 {
				t.Errorf("%d to %d: %.0f Hz comes through at %.1f dB", r.from, r.to, hz, db)
			}
		}
	}
}

func TestResamplerGivesTheSameInPiecesOfAnySize(t *testing.T) {
	in := noise(5000)
	copy(in[1500:3500], make([]int16, 2000))
	for _, r := range rates {
		whole := resample(t, r.from, r.to, in, len(in))
		for _, piece := range []int{1, 7, 441} {
			if !slices.Equal(whole, resample(t, r.from, r.to, in, piece)) {
				t.Errorf("%d to %d: pieces of %d give other samples", r.from, r.to, piece)
			}
		}
	}
}

func TestResamplerRefusesRatesOutOfBounds(t *testing.T) {
	for _, r := range []struct{ from, to int }{{4000, 8000}, {8000, 96000}, {0, 8000}} {
		if _, err := audio.NewResampler(r.from, r.to); err == nil {
			t.Errorf("%d to %d is accepted", r.from, r.to)
		}
	}
}
