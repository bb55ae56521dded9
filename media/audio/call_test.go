package audio_test

import (
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/media/audio"
)

func mark(kind earshot.AudioKind, leg earshot.LegID, at time.Duration, i earshot.Interaction) *earshot.AudioBundle {
	return &earshot.AudioBundle{Kind: kind, Leg: leg, ReceivedAt: start.Add(at), Mark: &earshot.AudioMark{Interaction: i}}
}

// follow pushes records and returns the place of each leg's first sample and
// its sound.
func follow(t *testing.T, c *audio.Call, records []*earshot.AudioBundle) map[earshot.LegID]*timelineOf {
	t.Helper()
	legs := map[earshot.LegID]*timelineOf{}
	for _, b := range records {
		err := c.Push(b, func(f audio.Frame) {
			if legs[f.Leg] == nil {
				legs[f.Leg] = collect(t)
			}
			legs[f.Leg].frame(f)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return legs
}

func TestCallHasItsLegsOnOneTimeline(t *testing.T) {
	a, b := newSender(t, earshot.L16), newSender(t, earshot.PCMA)
	facts := earshot.Interaction{ID: "i", StartedAt: start, Legs: []earshot.Leg{{ID: "a", Role: earshot.Agent, Codec: earshot.L16}}}
	withB := facts
	withB.Legs = append(withB.Legs, earshot.Leg{ID: "b", Role: earshot.Customer, Codec: earshot.PCMA})
	withB.Queue = "sales"
	sound := noise(8000)
	records := []*earshot.AudioBundle{mark(earshot.AudioLegStart, "a", 0, facts)}
	records = append(records, a.bundles("a", a.send(1020*ms, sound))...)
	records = append(records, mark(earshot.AudioLegStart, "b", 2*time.Second, withB))
	records = append(records, b.bundles("b", b.send(2520*ms, tone(500, 8000, 8000, 5000)))...)
	records = append(records, mark(earshot.AudioLegEnd, "a", 3*time.Second, withB))
	c := audio.NewCall(audio.Options{Rate: 16000})
	legs := follow(t, c, records)
	legs["a"].same(16000, sound)
	if legs["b"].first != 40000 || len(legs["b"].pcm) > 16000 || len(legs["b"].pcm) < 15900 {
		t.Errorf("b has %d samples from %d; its end waits in the filter", len(legs["b"].pcm), legs["b"].first)
	}
	if !c.LegEnded("a") || c.LegEnded("b") || c.Ended() || !slices.Equal(c.Legs(), []earshot.LegID{"a", "b"}) {
		t.Errorf("legs %v, a ended %v, b ended %v, call ended %v", c.Legs(), c.LegEnded("a"), c.LegEnded("b"), c.Ended())
	}
	if c.Leg("b").Role != earshot.Customer || c.Leg("x").Role != earshot.Other || c.Interaction().Queue != "sales" || c.Stats("a").Packets != 25 {
		t.Errorf("facts %+v, stats %+v", c.Interaction(), c.Stats("a"))
	}
	var rest int
	if err := c.Push(mark(earshot.AudioCallEnd, "", 4*time.Second, withB), func(f audio.Frame) { rest += len(f.PCM) }); err != nil {
		t.Fatal(err)
	}
	if !c.Ended() || !c.LegEnded("b") || rest+len(legs["b"].pcm) != 16000 {
		t.Errorf("ended %v; %d samples came with the end", c.Ended(), rest)
	}
}

func TestCallFlushesALegAtItsEnd(t *testing.T) {
	s := newSender(t, earshot.L16)
	pcm := noise(3200)
	p := s.send(20*ms, pcm)
	records := s.bundles("a", join2(p[:8], p[9:])) // the last one waits for the ninth
	c := audio.NewCall(audio.Options{})
	legs := follow(t, c, records)
	if n := len(legs["a"].pcm); n != 8*320 {
		t.Fatalf("%d samples before the end", n)
	}
	if err := c.Push(mark(earshot.AudioLegEnd, "a", time.Second, earshot.Interaction{}), legs["a"].frame); err != nil {
		t.Fatal(err)
	}
	legs["a"].same(0, join(pcm[:8*320], silence(320), pcm[9*320:]))
}

func TestCallLegMayBeginAgainAfterItsEnd(t *testing.T) {
	s := newSender(t, earshot.L16)
	pcm := noise(6400)
	facts := earshot.Interaction{StartedAt: start}
	records := []*earshot.AudioBundle{mark(earshot.AudioLegStart, "a", 0, facts)}
	records = append(records, s.bundles("a", s.send(20*ms, pcm[:3200]))...)
	records = append(records, mark(earshot.AudioLegEnd, "a", 200*ms, facts), mark(earshot.AudioLegStart, "a", 5*time.Second, facts))
	s.ssrc++
	records = append(records, s.bundles("a", s.send(5020*ms, pcm[3200:]))...)
	c := audio.NewCall(audio.Options{})
	legs := follow(t, c, records)
	legs["a"].same(0, join(pcm[:3200], silence(5*16000-3200), pcm[3200:]))
	if c.LegEnded("a") {
		t.Error("the leg counts as ended")
	}
}

func TestCallTakesItsOriginFromTheStartUnlessThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		started time.Time
		want    time.Time
	}{
		"known":               {start.Add(-time.Hour), start.Add(-time.Hour)},
		"unknown":             {time.Time{}, start},
		"a week ago":          {start.AddDate(0, 0, -7), start},
		"in another zone":     {start.Add(8 * time.Hour), start},
		"a moment in advance": {start.Add(30 * time.Second), start.Add(30 * time.Second)},
	} {
		call := audio.NewCall(audio.Options{})
		follow(t, call, []*earshot.AudioBundle{mark(earshot.AudioLegStart, "a", 0, earshot.Interaction{StartedAt: c.started})})
		if !call.Origin().Equal(c.want) {
			t.Errorf("%s: origin is %v, want %v", name, call.Origin(), c.want)
		}
	}
}

func TestCallWithoutItsBeginningStillHasSound(t *testing.T) {
	s := newSender(t, earshot.PCMU)
	c := audio.NewCall(audio.Options{})
	legs := follow(t, c, s.bundles("a", s.send(20*ms, silence(1600))))
	if len(legs["a"].pcm) != 1600 || c.Leg("a").Role != earshot.Other {
		t.Errorf("%d samples, role %q", len(legs["a"].pcm), c.Leg("a").Role)
	}
}
