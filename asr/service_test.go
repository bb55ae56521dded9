package asr_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/asr"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

// echo is a recogniser that "hears" one word for each 200 ms; the words tell
// the sound from any other.
type echo struct {
	// hold is received from before each piece, if set.
	hold chan struct{}
	fail func(n int64) error
	seen atomic.Int64
}

func (e *echo) Info() asr.Info {
	return asr.Info{Name: "echo", Languages: []string{"en"}, Rate: 8000}
}

func (e *echo) Recognize(ctx context.Context, pcm []int16, language string) (asr.Segment, error) {
	if e.hold != nil {
		select {
		case <-e.hold:
		case <-ctx.Done():
			return asr.Segment{}, ctx.Err()
		}
	}
	n := e.seen.Add(1)
	if e.fail != nil {
		if err := e.fail(n); err != nil {
			return asr.Segment{}, err
		}
	}
	s := asr.Segment{End: time.Duration(len(pcm)) * time.Second / 8000, Confidence: 0.9, Language: language, Final: true}
	var texts []string
	for at := 0; at+1600 <= len(pcm); at += 1600 {
		sum := 0
		for _, v := range pcm[at : at+1600] {
			sum += int(max(v, -v))
		}
		start := time.Duration(at) * time.Second / 8000
		s.Words = append(s.Words, asr.Word{Text: fmt.Sprintf("w%d", sum), Start: start, End: start + 200*time.Millisecond, Confidence: 0.9})
		texts = append(texts, s.Words[len(s.Words)-1].Text)
	}
	s.Text = strings.Join(texts, " ")
	return s, nil
}

// talk is noise for the given seconds of speech and silence in turn, at 8 kHz.
func talk(seed uint64, seconds ...float64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	var pcm []int16
	for i, s := range seconds {
		for range int(s * 8000) {
			v := int16(0)
			if i%2 == 1 {
				v = int16(r.NormFloat64() * 2000)
			}
			pcm = append(pcm, v)
		}
	}
	return pcm
}

// conversation has the customer speak between the agent's sentences.
func conversation(id string) spoken {
	return spoken{facts: twoLegs(id, "en"), codec: earshot.PCMU, legs: [][]int16{
		talk(1, 1, 2, 5, 3, 5, 2, 2),
		talk(2, 4, 3, 5, 4, 4),
	}}
}

func newService(t testing.TB, b asr.Bus, cfg asr.Config, r asr.Recognizer) *asr.Service {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	e, err := asr.Segmented(r, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	s, err := asr.New(cfg, b, []asr.Engine{e}, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run starts the service on a bus in memory and returns the handler that it
// consumes with; stop ends it and waits.
func run(t testing.TB, m *memory, cfg asr.Config, r asr.Recognizer) (h bus.Handler, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := newService(t, m, cfg, r)
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	stop = func() {
		cancel()
		if err := <-result; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	return <-m.handler, stop
}

func handle(t testing.TB, h bus.Handler, msgs []bus.Message) {
	t.Helper()
	for _, m := range msgs {
		if err := h.Handle(t.Context(), &bus.Record{Message: m}); err != nil {
			t.Fatalf("record %s: %v", m.ID, err)
		}
	}
}

func TestService_UtterancesInOrder_ThenTheEnd(t *testing.T) {
	m := newMemory()
	h, stop := run(t, m, asr.DefaultConfig(), &echo{})
	handle(t, h, conversation("call").records(t))
	got := m.wait(t, ended(1))
	stop()
	if len(got.utterances) != 5 {
		t.Fatalf("%d utterances, want 5: %+v", len(got.utterances), got.utterances)
	}
	wantRoles := []earshot.Role{earshot.Agent, earshot.Customer, earshot.Agent, earshot.Customer, earshot.Agent}
	wantStart := []int64{1000, 4000, 8000, 12000, 16000}
	for i, u := range got.utterances {
		// The pre-roll counts as heard here, 300 ms, and the VAD takes a few frames.
		if u.Role != wantRoles[i] || u.StartMS < wantStart[i]-400 || u.StartMS > wantStart[i] {
			t.Errorf("utterance %d is of %s at %d ms, want %s at %d", i, u.Role, u.StartMS, wantRoles[i], wantStart[i])
		}
		if u.ID != earshot.SpokenID("call", u.Leg, u.StartMS) || u.Tenant != "t" || u.Channel != earshot.Voice || u.Language != "en" ||
			!u.At.Equal(began.Add(time.Duration(u.StartMS)*time.Millisecond)) || u.Confidence != 0.9 {
			t.Errorf("utterance %+v", u)
		}
		if len(u.Words) == 0 || u.Words[0].StartMS != u.StartMS || u.Words[len(u.Words)-1].EndMS != u.EndMS {
			t.Errorf("words %+v of %d-%d", u.Words, u.StartMS, u.EndMS)
		}
	}
	end := got.ends[0]
	if end.Utterances != 5 || end.DurationMS != 20000 || end.Interaction.ID != "call" || len(end.Interaction.Legs) != 2 ||
		end.Interaction.EndedAt.IsZero() || end.Interaction.Attributes["asr.engine"] != "echo" {
		t.Errorf("end %+v", end)
	}
}

func TestService_SpeaksBeforeTheCallEnds(t *testing.T) {
	m := newMemory()
	h, stop := run(t, m, asr.DefaultConfig(), &echo{})
	defer stop()
	records := conversation("call").records(t)
	handle(t, h, records[:len(records)/2])
	got := m.wait(t, func(got transcript) bool { return len(got.utterances) >= 1 })
	if len(got.ends) != 0 {
		t.Errorf("the transcript has ended within the call")
	}
}

func TestService_ReplayWritesTheSame(t *testing.T) {
	var runs []transcript
	for range 2 {
		m := newMemory()
		h, stop := run(t, m, asr.DefaultConfig(), &echo{})
		handle(t, h, conversation("call").records(t))
		runs = append(runs, m.wait(t, ended(1)))
		stop()
	}
	if !reflect.DeepEqual(runs[0], runs[1]) {
		t.Errorf("first %+v\nthen %+v", runs[0], runs[1])
	}
}

func TestService_NoEngineForALanguage_SaysSo(t *testing.T) {
	m := newMemory()
	r := &echo{}
	h, stop := run(t, m, asr.DefaultConfig(), r)
	s := conversation("call")
	s.facts.Language = "zh"
	handle(t, h, s.records(t))
	got := m.wait(t, ended(1))
	stop()
	if len(got.utterances) != 0 || r.seen.Load() != 0 || got.ends[0].Interaction.Attributes["asr.skipped"] != "no engine for zh" || got.ends[0].DurationMS != 20000 {
		t.Errorf("got %+v", got)
	}
}

func TestService_AFailedSegmentIsLeftOutAndTold(t *testing.T) {
	m := newMemory()
	h, stop := run(t, m, asr.DefaultConfig(), &echo{fail: func(n int64) error {
		if n == 2 {
			return errors.New("decoder broke")
		}
		return nil
	}})
	handle(t, h, conversation("call").records(t))
	got := m.wait(t, ended(1))
	stop()
	if len(got.utterances) != 4 || got.ends[0].Utterances != 4 || !strings.Contains(got.ends[0].Interaction.Attributes["asr.failed"], "decoder broke") {
		t.Errorf("%d utterances, end %+v", len(got.utterances), got.ends)
	}
}

func TestService_WaitsForWhatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := earshot.Errorf(earshot.Unavailable, "away")
		m := newMemory()
		refused := 0
		m.refuse = func(bus.Message) error {
			if refused++; refused%3 != 0 {
				return away
			}
			return nil
		}
		h, stop := run(t, m, asr.DefaultConfig(), &echo{fail: func(n int64) error {
			if n%2 == 1 {
				return away
			}
			return nil
		}})
		handle(t, h, conversation("call").records(t))
		got := m.wait(t, ended(1))
		stop()
		if len(got.utterances) != 5 || len(got.ends) != 1 || got.ends[0].Interaction.Attributes["asr.failed"] != "" {
			t.Errorf("%d utterances, ends %+v", len(got.utterances), got.ends)
		}
	})
}

func TestService_LeavesOutWhatKafkaNeverTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		asked := 0
		m.refuse = func(msg bus.Message) error {
			asked++
			if asked == 2 || msg.Type == earshot.TypeTranscriptEnd && len(msg.Value) > 100_000 {
				return earshot.Errorf(earshot.Invalid, "too large")
			}
			return nil
		}
		h, stop := run(t, m, asr.DefaultConfig(), &echo{})
		call := conversation("call")
		call.facts.Attributes = map[string]string{"note": strings.Repeat("x", 100_000)}
		handle(t, h, call.records(t))
		got := m.wait(t, ended(1))
		stop()
		if len(got.utterances) != 4 || len(got.ends) != 1 {
			t.Errorf("%d utterances, %d ends", len(got.utterances), len(got.ends))
		}
	})
}

func TestService_ACallThatFallsSilentIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		cfg := asr.DefaultConfig()
		h, stop := run(t, m, cfg, &echo{})
		s := conversation("call")
		s.cut = true
		records := s.records(t)
		half := len(records) / 2
		handle(t, h, records[:half])
		<-time.After(cfg.IdleEnd - time.Second)
		handle(t, h, records[half:])
		synctest.Wait()
		m.mu.Lock()
		if got := read(t, m.messages); len(got.ends) != 0 {
			t.Error("ended while it still sent")
		}
		m.mu.Unlock()
		<-time.After(2 * cfg.IdleEnd)
		got := m.wait(t, ended(1))
		stop()
		if len(got.utterances) != 5 || got.ends[0].Interaction.Attributes["asr.ended"] != "idle" {
			t.Errorf("%d utterances, end %+v", len(got.utterances), got.ends[0])
		}
	})
}

func TestService_FullQueueMakesThePartitionWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		cfg := asr.DefaultConfig()
		cfg.Queue, cfg.Pending = 10, 1
		hold := make(chan struct{})
		h, stop := run(t, m, cfg, &echo{hold: hold})
		var handled atomic.Int64
		s := conversation("call")
		s.legs = [][]int16{talk(1, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1), talk(2, 25)}
		records := s.records(t)
		go func() {
			for _, msg := range records {
				if err := h.Handle(t.Context(), &bus.Record{Message: msg}); err != nil {
					t.Error(err)
				}
				handled.Add(1)
			}
		}()
		synctest.Wait()
		// Three pieces may be under way (one held, one waiting, one to be queued),
		// each of 3 s in 60 records, and the queue.
		if n := handled.Load(); n > 3*60+30 || n < 60 {
			t.Errorf("%d of %d records were taken while nothing was recognised", n, len(records))
		}
		close(hold)
		got := m.wait(t, ended(1))
		stop()
		if len(got.utterances) != 8 {
			t.Errorf("%d utterances, want 8", len(got.utterances))
		}
	})
}

func TestService_RevokedCallsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		hold := make(chan struct{})
		h, stop := run(t, m, asr.DefaultConfig(), &echo{hold: hold})
		records := conversation("call").records(t)
		handle(t, h, records[:len(records)/2])
		h.Revoked([]int32{7})
		h.Revoked([]int32{0})
		close(hold)
		synctest.Wait()
		m.mu.Lock()
		n := len(m.messages)
		m.mu.Unlock()
		// What is handed out again starts at the call's first record.
		handle(t, h, records)
		got := m.wait(t, ended(1))
		stop()
		if n != 0 || len(got.utterances) != 5 {
			t.Errorf("%d messages after the partition was revoked, %d utterances when it was back", n, len(got.utterances))
		}
	})
}

func TestService_ACallSentTwiceIsTranscribedTwice_SameIDs(t *testing.T) {
	m := newMemory()
	h, stop := run(t, m, asr.DefaultConfig(), &echo{})
	records := conversation("call").records(t)
	handle(t, h, slices.Concat(records, records))
	got := m.wait(t, ended(2))
	stop()
	if len(got.utterances) != 10 || !reflect.DeepEqual(got.utterances[:5], got.utterances[5:]) || !reflect.DeepEqual(got.ends[0], got.ends[1]) {
		t.Errorf("got %+v", got)
	}
}

func TestService_ARecordThatIsNoBundleIsInvalid(t *testing.T) {
	m := newMemory()
	h, stop := run(t, m, asr.DefaultConfig(), &echo{})
	defer stop()
	err := h.Handle(t.Context(), &bus.Record{Message: bus.Message{Interaction: "x", Value: []byte("no audio")}})
	if earshot.KindOf(err) != earshot.Invalid || !errors.Is(err, earshot.ErrAudioBundle) {
		t.Errorf("got %v", err)
	}
}

// byID keeps the last of each utterance and end, as the sink does.
func byID(got transcript) (map[earshot.UtteranceID]earshot.Utterance, map[earshot.InteractionID]earshot.TranscriptEnd) {
	utterances, ends := map[earshot.UtteranceID]earshot.Utterance{}, map[earshot.InteractionID]earshot.TranscriptEnd{}
	for _, u := range got.utterances {
		utterances[u.ID] = u
	}
	for _, e := range got.ends {
		ends[e.Interaction.ID] = e
	}
	return utterances, ends
}

func TestServiceRestart_MidCall_SameUtterancesOnce(t *testing.T) {
	short := conversation("short")
	short.legs = [][]int16{talk(5, 1, 2, 1), talk(6, 4)}
	long := conversation("long")
	want := transcript{}
	for _, s := range []spoken{short, long} {
		m := newMemory()
		h, stop := run(t, m, asr.DefaultConfig(), &echo{})
		handle(t, h, s.records(t))
		got := m.wait(t, ended(1))
		stop()
		want.utterances = append(want.utterances, got.utterances...)
		want.ends = append(want.ends, got.ends...)
	}
	// On one partition the long call begins within the short one, which has ended
	// before the service is killed: its tail is read again, and must not count.
	cfg := bustest.Config(bustest.Broker(t).Addr())
	cfg.Partitions = 1
	client := bustest.Dial(t, cfg)
	first, second := short.records(t), long.records(t)
	half := len(second) / 2
	produce(t, client, slices.Concat(first[:10], second[:1], first[10:], second[1:half]))
	kill := consume(t, client, &echo{})
	waitFor(t, client, func(got transcript) bool { return len(got.ends) == 1 && len(got.utterances) >= 2 })
	kill()
	produce(t, client, second[half:])
	kill = consume(t, bustest.Dial(t, cfg), &echo{})
	got := waitFor(t, client, ended(2))
	kill()
	wantUtterances, wantEnds := byID(want)
	gotUtterances, gotEnds := byID(got)
	if !reflect.DeepEqual(gotUtterances, wantUtterances) {
		t.Errorf("got  %+v\nwant %+v", gotUtterances, wantUtterances)
	}
	if !reflect.DeepEqual(gotEnds, wantEnds) {
		t.Errorf("got  %+v\nwant %+v", gotEnds, wantEnds)
	}
	if len(got.ends) != 2 {
		t.Errorf("%d transcript ends for two calls", len(got.ends))
	}
}

func produce(t *testing.T, c *bus.Client, msgs []bus.Message) {
	t.Helper()
	if err := c.Produce(t.Context(), msgs...); err != nil {
		t.Fatal(err)
	}
}

// consume runs a service on the bus until the returned function is called.
func consume(t *testing.T, c *bus.Client, r asr.Recognizer) (kill func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := newService(t, c, asr.DefaultConfig(), r)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}
}

// waitFor reads the topic of utterances until enough is there.
func waitFor(t *testing.T, c *bus.Client, enough func(transcript) bool) transcript {
	t.Helper()
	for n := 1; ; n++ {
		var messages []bus.Message
		for _, r := range bustest.ReadAll(t, c, earshot.TopicUtterances, n) {
			messages = append(messages, r.Message)
		}
		if got := read(t, messages); enough(got) {
			return got
		}
	}
}
