package audio_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/media/audio"
)

// offsets sends an hour (or less) of sound with a click at the beginning of
// every tenth second, over a clock that is off by ppm and a network that delays
// by up to jitter and more at first, and returns how many milliseconds each
// click came out late.
func offsets(t *testing.T, length time.Duration, ppm float64, jitter, first time.Duration) []int {
	t.Helper()
	s := newSender(t, earshot.PCMU)
	r := rand.New(rand.NewPCG(7, 8))
	tr := audio.NewTrack("a", start, audio.Options{})
	var late []int
	var truth []time.Duration // when each click was spoken
	loud := false
	emit := func(f audio.Frame) {
		for i, v := range f.PCM {
			if hit := v > 10000; hit != loud {
				if loud = hit; hit {
					late = append(late, int(f.Start)/8+i/8-int(truth[len(late)].Milliseconds()))
				}
			}
		}
	}
	click, quiet := slices.Repeat([]int16{20000}, 160), make([]int16, 160)
	var group []timed
	before := time.Duration(0)
	for i := range int(length / (20 * ms)) {
		pcm := quiet
		// The speaker's click is on the second; the clock's error moves the
		// packet that it falls into.
		spoken := time.Duration(float64(i*20)*(1+ppm/1e6)*1e6) * time.Nanosecond
		if spoken/(10*time.Second) != before/(10*time.Second) || i == 0 {
			pcm = click
			truth = append(truth, spoken)
		}
		before = spoken
		delay := time.Duration(r.Int64N(int64(jitter) + 1))
		if i == 0 {
			delay = first
		}
		p := s.raw(spoken+20*ms+delay, s.payload, s.enc.Encode(nil, pcm), 160)
		if group = append(group, p); len(group) == 5 {
			for _, b := range s.bundles("a", group) {
				if err := tr.Push(b, emit); err != nil {
					t.Fatal(err)
				}
			}
			group = group[:0]
		}
	}
	return late
}

func TestTrackStaysBesideTheWallClockForAnHour(t *testing.T) {
	for _, ppm := range []float64{-100, 300} {
		late := offsets(t, time.Hour, ppm, 30*ms, 0)
		if len(late) < 355 {
			t.Fatalf("%v ppm: %d clicks in an hour, want 360", ppm, len(late))
		}
		for i, off := range late {
			if off > 20 || off < -20 {
				t.Fatalf("%v ppm: click %d is %d ms late", ppm, i, off)
			}
		}
	}
}

func TestTrackRecoversFromALateFirstPacket(t *testing.T) {
	late := offsets(t, time.Minute, 0, 10*ms, 80*ms)
	if late[0] < 70 {
		t.Errorf("the first click is %d ms late; the test does not test", late[0])
	}
	for i, off := range late[3:] { // seen after 10 s, mended 10 s later
		if off > 20 || off < -20 {
			t.Errorf("click %d is %d ms late", i+3, off)
		}
	}
}

func TestTrackThatBeginsAtTheOriginIsNotMoved(t *testing.T) {
	// Sound that is stamped with when it began, not when its packet was full.
	s, want := newSender(t, earshot.L16), noise(16000*30)
	l, stats := play(t, audio.Options{}, s.bundles("a", s.send(0, want)))
	l.same(0, want)
	if stats.Trimmed != 0 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestTrackLeavesOutSoundFromBeforeTheOrigin(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(16000)
	l, _ := play(t, audio.Options{}, s.bundles("a", s.send(-480*ms, pcm)))
	// Half a second lies before; the leg counts as one packet later.
	if l.first != 0 || len(l.pcm) < 16000/2 || len(l.pcm) > 16000/2+320 || l.pcm[len(l.pcm)-1] != pcm[15999] {
		t.Errorf("%d samples from %d", len(l.pcm), l.first)
	}
}

func TestTrackOfACallThatIsSentAgainGoesOnWhereItStopped(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(16000*10)
	half := s.bundles("a", s.send(20*ms, pcm)[:250])
	again := newSender(t, earshot.L16)
	l, stats := play(t, audio.Options{}, slices.Concat(half, again.bundles("a", again.send(20*ms, pcm))))
	l.same(0, pcm)
	if stats.Spans != 0 {
		t.Errorf("stats = %+v", stats)
	}
}
