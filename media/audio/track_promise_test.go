package audio_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/media/audio"
)

const ms = time.Millisecond

func silence(n int) []int16 { return make([]int16, n) }

func join(parts ...[]int16) []int16 { return slices.Concat(parts...) }

// same fails unless the sound begins at first and is want.
func (l *timelineOf) same(first int64, want []int16) {
	l.t.Helper()
	if l.first != first {
		l.t.Errorf("first sample at %d, want %d", l.first, first)
	}
	if len(l.pcm) != len(want) {
		l.t.Fatalf("%d samples, want %d", len(l.pcm), len(want))
	}
	for i := range want {
		if l.pcm[i] != want[i] {
			l.t.Fatalf("sample %d is %d, want %d", i, l.pcm[i], want[i])
		}
	}
}

// In these tests sound is 16 kHz L16: 320 samples a packet, which nothing
// rounds. Packet k of the first second holds samples [320k, 320k+320) and is
// complete at 20(k+1) ms.

func TestTrackPutsReorderedPacketsBack(t *testing.T) {
	s, want := newSender(t, earshot.L16), noise(32000)
	packets := s.send(20*ms, want)
	r := rand.New(rand.NewPCG(3, 4))
	for i := 0; i+4 <= len(packets); i += 4 {
		r.Shuffle(4, func(a, b int) { packets[i+a].rtp, packets[i+b].rtp = packets[i+b].rtp, packets[i+a].rtp })
	}
	// The first packet opens the source; one from before it would be late.
	first := slices.IndexFunc(packets, func(p timed) bool { return p.rtp[2] == 0xff && p.rtp[3] == 0xfa })
	packets[0].rtp, packets[first].rtp = packets[first].rtp, packets[0].rtp
	l, stats := play(t, audio.Options{}, s.bundles("a", packets))
	l.same(0, want)
	if stats.Lost != 0 || stats.Late != 0 || stats.Duplicated != 0 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestTrackDropsDuplicatesEarlyAndLate(t *testing.T) {
	s, want := newSender(t, earshot.L16), noise(6400)
	p := s.send(20*ms, want)
	p = join2(p[:3], []timed{p[2], p[0], p[5], p[5], p[3], p[4]}, p[6:], []timed{p[19], p[18]})
	l, stats := play(t, audio.Options{}, s.bundles("a", p))
	l.same(0, want)
	if stats.Duplicated != 5 || stats.Lost != 0 || stats.Late != 0 {
		t.Errorf("stats = %+v", stats)
	}
}

func join2(parts ...[]timed) []timed { return slices.Concat(parts...) }

func TestTrackFillsLossOnceAndCountsIt(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(32000)
	p := s.send(20*ms, pcm)
	late := p[40]
	late.at = 1500 * ms
	p = join2(p[:40], p[43:74], []timed{late}, p[74:])
	l, stats := play(t, audio.Options{}, s.bundles("a", p))
	l.same(0, join(pcm[:40*320], silence(3*320), pcm[43*320:]))
	if stats.Lost != 3 || stats.Late != 1 || stats.Spans != 1 || stats.LossMS != 60 || l.fills[audio.FillLoss] != 960 {
		t.Errorf("stats = %+v, fills %v", stats, l.fills)
	}
}

func TestTrackWaitsForAMissingPacketNoLongerThanTheWindow(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(32000)
	p := s.send(20*ms, pcm)
	tr, l := audio.NewTrack("a", start, audio.Options{Window: 100 * ms}), collect(t)
	for i, q := range p[:30] {
		if i == 10 {
			continue
		}
		for _, b := range s.bundles("a", []timed{q}) {
			if err := tr.Push(b, l.frame); err != nil {
				t.Fatal(err)
			}
		}
		// Packet 11 came at 240 ms, so 17 is the first to come over 100 ms later.
		want := i + 1
		if i > 10 && i < 17 {
			want = 10
		}
		if got := len(l.pcm) / 320; got != want {
			t.Fatalf("after packet %d: %d packets of sound, want %d", i, got, want)
		}
	}
}

func TestTrackTakesATimestampJumpWithoutLossForSilence(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(6400)
	p := s.send(20*ms, pcm[:3200])
	s.stamp += 16000 * 3 / 2 // DTX of 1.5 s
	p = append(p, s.send(1720*ms, pcm[3200:])...)
	l, stats := play(t, audio.Options{}, s.bundles("a", p))
	l.same(0, join(pcm[:3200], silence(24000), pcm[3200:]))
	if stats.Lost != 0 || stats.SilenceMS != 1500 || stats.PauseMS != 0 || stats.Spans != 1 || stats.Rebased != 0 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestTrackInsertsHoldOnceHoweverItIsTold(t *testing.T) {
	for name, hold := range map[string]func(*sender){
		"the timestamp ran on":    func(s *sender) { s.stamp += 16000 * 60 },
		"the timestamp stood":     func(*sender) {},
		"the source is a new one": func(s *sender) { s.ssrc, s.seq, s.stamp = 99, 17, 42 },
		"the timestamp is random": func(s *sender) { s.stamp += 1 << 30 },
		"the timestamp went back": func(s *sender) { s.stamp -= 16000 * 3600 },
		"the sequence began anew": func(s *sender) { s.seq += 20000; s.stamp = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			s, pcm := newSender(t, earshot.L16), noise(32000)
			p := s.send(20*ms, pcm[:16000])
			hold(s)
			p = append(p, s.send(61020*ms, pcm[16000:])...)
			l, stats := play(t, audio.Options{}, s.bundles("a", p))
			// A single packet that leaps may be given up until the next confirms it.
			want := join(pcm[:16000], silence(60*16000), pcm[16000:])
			if name == "the sequence began anew" {
				copy(want[61*16000:], silence(320))
			}
			l.same(0, want)
			if stats.Spans != 1 || stats.Trimmed != 0 {
				t.Errorf("stats = %+v", stats)
			}
		})
	}
}

func TestTrackFollowsANewSourceByArrival(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(32000)
	p := s.send(20*ms, pcm[:16000])
	stale := p[len(p)-1]
	s.ssrc, s.seq, s.stamp = 0xfeed, 3, 1<<31
	q := s.send(1120*ms, pcm[16000:]) // 100 ms later than it would have gone on
	stale.at = 1130 * ms
	l, stats := play(t, audio.Options{}, s.bundles("a", join2(p[:49], q[:1], []timed{stale}, q[1:])))
	l.same(0, join(pcm[:49*320], silence(1920), pcm[16000:]))
	if stats.Rebased != 1 || stats.Late != 1 || stats.PauseMS != 120 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestTrackTakesLengthFromThePayload(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(32000)
	p := s.send(20*ms, pcm[:9600])
	for i, ptime := range []time.Duration{40 * ms, 10 * ms, 60 * ms} {
		s.ptime = ptime
		from := 9600 * (i + 1)
		p = append(p, s.send(time.Duration(from/16)*ms+ptime, pcm[from:min(from+9600, len(pcm))])...)
	}
	l, stats := play(t, audio.Options{}, s.bundles("a", p))
	l.same(0, pcm[:len(l.pcm)])
	if len(l.pcm) < 3*9600 || stats.Spans != 0 || stats.Lost != 0 {
		t.Errorf("%d samples, stats = %+v", len(l.pcm), stats)
	}
}

func TestTrackKeepsComfortNoiseAndTonesOutOfTheSound(t *testing.T) {
	s := newSender(t, earshot.PCMU)
	pcm := tone(400, 8000, 3200, 8000)
	p := s.send(20*ms, pcm[:1600])
	p = append(p, s.raw(220*ms, 13, []byte{0x40}, 0)) // comfort noise
	event := s.stamp
	for i := range 5 { // RFC 4733: one timestamp, and the duration grows
		s.stamp = event
		p = append(p, s.raw(time.Duration(240+20*i)*ms, 101, []byte{5, 10, 0, byte(160 * (i + 1))}, 0))
	}
	s.stamp = event + 8*160
	p = append(p, s.send(380*ms, pcm[1600:])...)
	l, stats := play(t, audio.Options{}, s.bundles("a", p))
	if len(l.pcm) != 3200+8*160 || !slices.Equal(l.pcm[1600:1600+8*160], silence(8*160)) {
		t.Errorf("%d samples", len(l.pcm))
	}
	if stats.Other != 6 || stats.Lost != 0 || stats.SilenceMS != 160 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestTrackKeepsTheWidebandOfG722(t *testing.T) {
	s := newSender(t, earshot.G722)
	want := tone(6000, 16000, 16000, 8000)
	l, _ := play(t, audio.Options{Rate: 16000}, s.bundles("a", s.send(20*ms, want)))
	if l.rate != 16000 || len(l.pcm) != len(want) {
		t.Fatalf("%d samples of %d Hz", len(l.pcm), l.rate)
	}
	if db := 20 * math.Log10(rms(l.pcm)/rms(want)); math.Abs(db) > 1 {
		t.Errorf("6 kHz comes out at %.1f dB", db)
	}
}

func TestTrackFollowsACodecChangeWithoutAWord(t *testing.T) {
	for _, rate := range []int{0, 8000, 16000} {
		a, b := newSender(t, earshot.PCMU), newSender(t, earshot.G722)
		p := a.send(20*ms, tone(300, 8000, 8000, 9000))
		b.seq, b.stamp = a.seq, a.stamp
		p = append(p, b.send(1020*ms, tone(300, 16000, 16000, 9000))...)
		var got []audio.Frame
		tr := audio.NewTrack("a", start, audio.Options{Rate: rate})
		keep := func(f audio.Frame) { f.PCM = slices.Clone(f.PCM); got = append(got, f) }
		for _, bundle := range a.bundles("a", p) { // the bundles say PCMU throughout
			if err := tr.Push(bundle, keep); err != nil {
				t.Fatal(err)
			}
		}
		tr.Flush(keep)
		end := got[len(got)-1]
		if end.End() != int64(2*end.Rate) || tr.Stats().Spans != 0 {
			t.Errorf("rate %d: ends at sample %d, %+v", rate, end.End(), tr.Stats())
		}
		if want := rate; rate != 0 && end.Rate != want || rate == 0 && end.Rate != 16000 {
			t.Errorf("rate %d: ends with %d Hz", rate, end.Rate)
		}
	}
}

func TestTrackNeverFillsBeyondWhatArrivalTimesAllow(t *testing.T) {
	s := newSender(t, earshot.L16)
	r := rand.New(rand.NewPCG(5, 6))
	var p []timed
	for i := range 2000 { // timestamps at random, ten packets in the time of one
		s.stamp = r.Uint32()
		p = append(p, s.raw(time.Duration(2*i)*ms, s.payload, silence2(640), 0))
	}
	l, _ := play(t, audio.Options{}, s.bundles("a", p))
	if limit := 16000 * (4 + 1 + 1); len(l.pcm) > limit {
		t.Errorf("%d samples from 4 s, at most %d are plausible", len(l.pcm), limit)
	}
}

func silence2(n int) []byte { return make([]byte, n) }

func TestTrackDropsWhatIsNotOfTheCall(t *testing.T) {
	s, pcm := newSender(t, earshot.L16), noise(3200)
	p := s.send(20*ms, pcm)
	rtcp := timed{30 * ms, []byte{0x80, 200, 0, 6, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8}}
	late := s.raw(25*time.Hour, s.payload, silence2(640), 0)
	s.seq += 30000
	leap := s.raw(100*ms, s.payload, silence2(640), 0)
	bad := []timed{{30 * ms, nil}, {30 * ms, []byte("GET / HTTP/1.1")}, rtcp, leap}
	// Later than 71 minutes after the first does not fit the bundle's wire form.
	l, stats := play(t, audio.Options{}, append(s.bundles("a", join2(p[:5], bad, p[5:])), s.bundles("a", []timed{late})...))
	l.same(0, pcm)
	if stats.Malformed != 3 || stats.Stray != 2 || stats.Packets != 15 {
		t.Errorf("stats = %+v", stats)
	}
}

func TestTrackRefusesACodecItCannotDecode(t *testing.T) {
	tr := audio.NewTrack("a", start, audio.Options{})
	for _, b := range []earshot.AudioBundle{{}, {Codec: "opus", ClockRate: 48000}, {Codec: earshot.L16, ClockRate: 1}, {Codec: earshot.PCMU, ClockRate: 16000}} {
		if err := tr.Push(&b, func(audio.Frame) {}); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("codec %q at %d Hz: %v", b.Codec, b.ClockRate, err)
		}
	}
}

func TestTrackMeasuresJitterAsRFC3550(t *testing.T) {
	s := newSender(t, earshot.PCMU)
	p := s.send(20*ms, silence(160*400))
	for i := range p { // every second packet 10 ms late: |D| is 10 ms each time
		p[i].at += time.Duration(i%2*10) * ms
	}
	_, stats := play(t, audio.Options{}, s.bundles("a", p))
	if math.Abs(stats.JitterMS-10) > 0.1 {
		t.Errorf("jitter is %.2f ms, want 10", stats.JitterMS)
	}
}

func TestTrackAllocatesNothingAPacket(t *testing.T) {
	s := newSender(t, earshot.PCMU)
	bundles := s.bundles("a", s.send(20*ms, silence(160*4000)))
	tr := audio.NewTrack("a", start, audio.Options{Rate: 16000})
	emit := func(audio.Frame) {}
	i := 0
	push := func() {
		if err := tr.Push(bundles[i], emit); err != nil {
			t.Fatal(err)
		}
		i++
	}
	push()
	if n := testing.AllocsPerRun(400, push); n > 0 {
		t.Errorf("%v allocations a bundle", n)
	}
}
