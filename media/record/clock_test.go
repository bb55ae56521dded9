package record_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

func TestRecorder_KeepsCallsApartWhoseClocksDiffer(t *testing.T) {
	c, cfg := bustest.New(t), config(t)
	first, second := newScript(t, "first"), newScript(t, "0")
	for i := 1; c.Partition(second.facts.ID) != c.Partition(first.facts.ID); i++ {
		second = newScript(t, fmt.Sprint(i))
	}
	second.base = start.Add(24 * time.Hour) // of a host whose clock is a day ahead
	second.facts.StartedAt = second.base
	var out []bus.Message
	one, two := first.leg(earshot.Agent, earshot.PCMU), second.leg(earshot.Agent, earshot.PCMU)
	for i := range 5 {
		one.say(time.Duration(i)*100*ms, noise(uint64(i), 800))
		two.say(time.Duration(i)*100*ms, noise(uint64(i), 800))
	}
	first.mark(earshot.AudioCallEnd, "", time.Second)
	second.mark(earshot.AudioCallEnd, "", time.Second)
	for i := range first.out {
		out = append(out, first.out[i], second.out[i])
	}
	produce(t, c, out...)
	reg := prometheus.NewRegistry()
	runRecorderWith(t, c, cfg, reg)
	store := openStore(t, cfg.Dir)
	whole := func(s *sound) bool { return len(s.left) >= 4000 }
	awaitSound(t, store, first.facts.ID, whole)
	awaitSound(t, store, second.facts.ID, whole)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		// One when the clock leaps, and no more.
		if n := f.GetMetric()[0].GetCounter().GetValue(); f.GetName() == "earshot_recorder_unended_calls_total" && n > 1 {
			t.Errorf("%v calls were taken to have ended", n)
		}
	}
}
