package vad_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"earshot"
	"earshot/asr/asrtest"
	"earshot/asr/vad"
)

const rate = 16000

func at(seconds float64) int { return int(seconds * rate) }

// noise is white, of the given level in dBFS.
func noise(seed uint64, n int, level float64) []int16 {
	r := rand.New(rand.NewPCG(seed, 9))
	amplitude := 32768 * math.Pow(10, level/20)
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Max(-32768, math.Min(32767, r.NormFloat64()*amplitude)))
	}
	return pcm
}

// mix adds sound to a copy of pcm from a place on.
func mix(pcm []int16, from int, sound []int16) []int16 {
	out := slices.Clone(pcm)
	for i, s := range sound {
		out[from+i] = int16(max(-32768, min(32767, int(out[from+i])+int(s))))
	}
	return out
}

func cut(pcm []int16, cfg vad.Config) []vad.Segment {
	d := vad.New(cfg, rate)
	return append(d.Feed(pcm), d.Flush()...)
}

func TestDetector_FindsSpeechInNoise(t *testing.T) {
	sentences := []string{
		"I have a question about my account.",
		"Is there anything else I can help you with today?",
		"Nobody called me back.",
	}
	for _, tt := range []struct {
		name string
		snr  float64
		// The least part of the speech that is found, and of what is found that is
		// speech or within the kept pauses around it.
		recall, precision float64
	}{{"quiet line", 50, 0.99, 0.99}, {"20 dB", 20, 0.99, 0.99}, {"10 dB", 10, 0.98, 0.99}, {"5 dB", 5, 0.95, 0.98}} {
		t.Run(tt.name, func(t *testing.T) {
			var spoken, found, right, cutOut int
			for i, sentence := range sentences {
				for k, voice := range []string{"slt", "rms"} {
					speech := asrtest.Say(t, voice, sentence)
					speech = trim(speech)
					pcm := mix(noise(uint64(10*i+k), len(speech)+at(6), level(speech)-tt.snr), at(4), speech)
					for _, s := range cut(pcm, vad.DefaultConfig()) {
						from, to := int(s.Start), int(s.Start)+len(s.PCM)
						cutOut += to - from
						found += max(0, min(to, at(4)+len(speech))-max(from, at(4)))
						right += max(0, min(to, at(4.3)+len(speech))-max(from, at(3.6)))
					}
					spoken += len(speech)
				}
			}
			recall, precision := float64(found)/float64(spoken), float64(right)/float64(max(1, cutOut))
			t.Logf("recall %.3f, precision %.3f", recall, precision)
			if recall < tt.recall || precision < tt.precision {
				t.Errorf("recall %.3f, want %.2f; precision %.3f, want %.2f", recall, tt.recall, precision, tt.precision)
			}
		})
	}
}

// trim cuts the silence that the synthesizer puts around a sentence.
func trim(pcm []int16) []int16 {
	loud := func(s int16) bool { return s > 300 || s < -300 }
	from := slices.IndexFunc(pcm, loud)
	to := len(pcm)
	for !loud(pcm[to-1]) {
		to--
	}
	return pcm[from:to]
}

// level is the mean level in dBFS.
func level(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s) / (32768 * 32768)
	}
	return 10 * math.Log10(sum/float64(len(pcm)))
}

func TestDetector_NoiseAloneIsNoSpeech(t *testing.T) {
	hum := make([]int16, at(20))
	for i := range hum {
		hum[i] = int16(3000 * math.Sin(2*math.Pi*50*float64(i)/rate))
	}
	click := make([]int16, at(5))
	for i := range 300 {
		click[at(3)+i] = 20000
	}
	for name, pcm := range map[string][]int16{
		"digital silence": make([]int16, at(20)),
		"a quiet line":    noise(1, at(20), -65),
		"mains hum":       hum,
		"a click":         click,
	} {
		if got := cut(pcm, vad.DefaultConfig()); len(got) != 0 {
			t.Errorf("%s gives %d segments, the first at %d with %d samples", name, len(got), got[0].Start, len(got[0].PCM))
		}
	}
}

func TestDetector_LearnsALouderLine(t *testing.T) {
	if got := cut(noise(2, at(20), -35), vad.DefaultConfig()); len(got) != 0 {
		t.Errorf("a line that is loud from the start gives %d segments", len(got))
	}
	got := cut(slices.Concat(noise(1, at(5), -65), noise(2, at(40), -35)), vad.DefaultConfig())
	for _, s := range got {
		if end := s.Start + int64(len(s.PCM)); end > int64(at(9.5)) {
			t.Errorf("noise that began at 5 s is still speech at %.1f s", float64(end)/rate)
		}
	}
}

func TestDetector_KeepsSoftBeginningsAndCutsAtPauses(t *testing.T) {
	pcm := mix(make([]int16, at(8)), at(2), noise(3, at(1), -25))
	pcm = mix(pcm, at(3.4), noise(4, at(1), -25)) // a short pause: one segment
	pcm = mix(pcm, at(6), noise(5, at(1), -25))
	got := cut(pcm, vad.DefaultConfig())
	if len(got) != 2 {
		t.Fatalf("%d segments, want 2", len(got))
	}
	for i, want := range [][2]float64{{1.7, 4.65}, {5.7, 7.25}} {
		from, to := float64(got[i].Start)/rate, float64(got[i].Start+int64(len(got[i].PCM)))/rate
		if math.Abs(from-want[0]) > 0.06 || math.Abs(to-want[1]) > 0.06 {
			t.Errorf("segment %d is %.2f-%.2f s, want about %.2f-%.2f", i, from, to, want[0], want[1])
		}
	}
}

func TestDetector_CutsLongSpeechAtItsQuietestPlace(t *testing.T) {
	cfg := vad.DefaultConfig()
	cfg.Max = 10 * time.Second
	pcm := mix(make([]int16, at(22)), at(1), noise(6, at(20), -20))
	for i := range pcm { // syllables, four a second
		pcm[i] = int16(float64(pcm[i]) * (0.55 + 0.45*math.Sin(2*math.Pi*4*float64(i)/rate)))
	}
	for i := at(8); i < at(8.15); i++ { // softer, and no pause
		pcm[i] /= 30
	}
	got := cut(pcm, cfg)
	if len(got) < 2 {
		t.Fatalf("%d segments", len(got))
	}
	if end := float64(got[0].Start+int64(len(got[0].PCM))) / rate; end < 8 || end > 8.2 {
		t.Errorf("cut at %.2f s, the quietest place is at 8.0 to 8.15 s", end)
	}
	for i, s := range got {
		if len(s.PCM) > at(10) {
			t.Errorf("segment %d lasts %.1f s", i, float64(len(s.PCM))/rate)
		}
		if i > 0 && s.Start != got[i-1].Start+int64(len(got[i-1].PCM)) {
			t.Errorf("segment %d begins at %d, the one before ends at %d", i, s.Start, got[i-1].Start+int64(len(got[i-1].PCM)))
		}
	}
}

// scene is some sound and silence.
func scene(t *rapid.T) []int16 {
	var pcm []int16
	for i := range rapid.IntRange(1, 6).Draw(t, "pieces") {
		n := rapid.IntRange(0, at(1.5)).Draw(t, "samples")
		db := rapid.Float64Range(-80, -15).Draw(t, "level")
		pcm = append(pcm, noise(uint64(i), n, db)...)
	}
	return pcm
}

func TestDetector_PieceSizesChangeNothing_AndSegmentsAreTheInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pcm := scene(t)
		whole := cut(pcm, vad.DefaultConfig())
		d := vad.New(vad.DefaultConfig(), rate)
		var pieces []vad.Segment
		var settled int64
		for rest := pcm; len(rest) > 0; {
			n := min(len(rest), rapid.IntRange(1, 5000).Draw(t, "piece"))
			for _, s := range d.Feed(rest[:n]) {
				if s.Start < settled {
					t.Fatalf("a segment at %d after %d was settled", s.Start, settled)
				}
				pieces = append(pieces, s)
			}
			rest = rest[n:]
			if now := d.Settled(); now < settled || now > d.Fed() {
				t.Fatalf("settled %d after %d, fed %d", now, settled, d.Fed())
			}
			settled = d.Settled()
		}
		if d.Fed() != int64(len(pcm)) {
			t.Fatalf("fed %d of %d", d.Fed(), len(pcm))
		}
		pieces = append(pieces, d.Flush()...)
		if !reflect.DeepEqual(pieces, whole) {
			t.Fatalf("in pieces %d segments, whole %d", len(pieces), len(whole))
		}
		var end int64
		for _, s := range whole {
			if s.Start < end || !reflect.DeepEqual(s.PCM, pcm[s.Start:s.Start+int64(len(s.PCM))]) {
				t.Fatalf("segment at %d after one that ends at %d is not what was fed", s.Start, end)
			}
			end = s.Start + int64(len(s.PCM))
		}
	})
}

func TestConfig_NamesTheWrongKey(t *testing.T) {
	change := map[string]func(*vad.Config){
		"threshold_db": func(c *vad.Config) { c.Threshold = 0 },
		"keep_db":      func(c *vad.Config) { c.Keep = c.Threshold + 1 },
		"floor_dbfs":   func(c *vad.Config) { c.Floor = 0 },
		"adapt":        func(c *vad.Config) { c.Adapt = 0 },
		"pre_roll":     func(c *vad.Config) { c.PreRoll = -1 },
		"pause":        func(c *vad.Config) { c.Pause = 0 },
		"tail":         func(c *vad.Config) { c.Tail = c.Pause + 1 },
		"min":          func(c *vad.Config) { c.Min = time.Minute },
		"max":          func(c *vad.Config) { c.Max = time.Hour },
	}
	for key, spoil := range change {
		cfg := vad.DefaultConfig()
		spoil(&cfg)
		var e *earshot.Error
		if err := cfg.Validate(); !errors.As(err, &e) || !strings.HasSuffix(e.Field, "."+key) {
			t.Errorf("want %s, got %v", key, err)
		}
	}
	if err := vad.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func BenchmarkDetector_Frame(b *testing.B) {
	pcm := mix(noise(1, at(10), -60), at(2), noise(2, at(6), -20))
	d := vad.New(vad.DefaultConfig(), rate)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		d.Feed(pcm[n : n+160])
		if n += 160; n+160 > len(pcm) {
			n = 0
		}
	}
}
