package asr_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/audio"
)

var began = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// spoken is a call as media would mirror it.
type spoken struct {
	facts earshot.Interaction
	codec earshot.Codec
	// legs holds each leg's sound at the codec's rate, in the order of facts.Legs.
	legs [][]int16
	// cut leaves the end marks out.
	cut bool
}

func twoLegs(id string, language string) earshot.Interaction {
	return earshot.Interaction{
		ID: earshot.InteractionID(id), Tenant: "t", Channel: earshot.Voice, Language: language, StartedAt: began,
		Legs: []earshot.Leg{{ID: "a", Role: earshot.Agent}, {ID: "c", Role: earshot.Customer}},
	}
}

// records are the call's messages in the audio topic.
func (s spoken) records(t testing.TB) []bus.Message {
	t.Helper()
	var bundles []earshot.AudioBundle
	mark := func(kind earshot.AudioKind, leg earshot.LegID, at time.Time, facts earshot.Interaction) {
		bundles = append(bundles, earshot.AudioBundle{Kind: kind, Leg: leg, Codec: s.codec, ClockRate: 8000, ReceivedAt: at,
			Mark: &earshot.AudioMark{Interaction: facts, Reason: "bye"}})
	}
	for _, l := range s.facts.Legs {
		mark(earshot.AudioLegStart, l.ID, began, s.facts)
	}
	media, end := s.media(t)
	bundles = append(bundles, media...)
	if !s.cut {
		facts := s.facts
		facts.EndedAt = end
		for _, l := range s.facts.Legs {
			mark(earshot.AudioLegEnd, l.ID, end, facts)
		}
		mark(earshot.AudioCallEnd, "", end, facts)
	}
	out := make([]bus.Message, len(bundles))
	for i, b := range bundles {
		data, err := b.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		out[i] = bus.Message{Topic: earshot.TopicAudio, Interaction: s.facts.ID, Type: earshot.TypeAudio,
			ID: string(s.facts.ID) + "/" + string(rune('0'+i)), Source: "test", Time: b.ReceivedAt, Value: data}
	}
	return out
}

// media packs the legs into packets of 20 ms and bundles of 100 ms, in the order
// of their arrival.
func (s spoken) media(t testing.TB) (out []earshot.AudioBundle, end time.Time) {
	t.Helper()
	for i, pcm := range s.legs {
		encoder, err := audio.NewEncoder(s.codec)
		if err != nil {
			t.Fatal(err)
		}
		payloadType, _ := audio.PayloadType(s.codec)
		n := audio.PacketSamples(s.codec, 8000)
		b := earshot.AudioBundle{Leg: s.facts.Legs[i].ID, Codec: s.codec, ClockRate: 8000}
		for k := 0; (k+1)*n <= len(pcm); k++ {
			arrival := began.Add(time.Duration(k+1) * 20 * time.Millisecond)
			if len(b.Packets) == 0 {
				b.ReceivedAt = arrival
			}
			p := rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: uint16(k), Timestamp: uint32(k * 160), SSRC: uint32(i + 1)},
				Payload: encoder.Encode(nil, pcm[k*n:(k+1)*n]),
			}
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			b.Packets = append(b.Packets, earshot.AudioPacket{After: arrival.Sub(b.ReceivedAt), RTP: raw})
			if end = arrival; len(b.Packets) == 5 {
				out = append(out, b)
				b.Packets = nil
			}
		}
		if len(b.Packets) > 0 {
			out = append(out, b)
		}
	}
	slices.SortStableFunc(out, func(a, b earshot.AudioBundle) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	return out, end
}

// memory is a bus in memory: what is fed to Consume's handler is chosen by the
// test.
type memory struct {
	mu       sync.Mutex
	messages []bus.Message
	arrived  chan struct{}
	// refuse is asked before each message.
	refuse func(bus.Message) error
	// handler is that of the running Consume.
	handler chan bus.Handler
}

func newMemory() *memory {
	return &memory{arrived: make(chan struct{}, 1), handler: make(chan bus.Handler, 1)}
}

func (m *memory) Produce(_ context.Context, msgs ...bus.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range msgs {
		if m.refuse != nil {
			if err := m.refuse(msg); err != nil {
				return err
			}
		}
		m.messages = append(m.messages, msg)
	}
	select {
	case m.arrived <- struct{}{}:
	default:
	}
	return nil
}

func (m *memory) Consume(ctx context.Context, _ bus.Group, h bus.Handler) error {
	m.handler <- h
	<-ctx.Done()
	return nil
}

// wait returns the messages as soon as enough says that they are all there.
func (m *memory) wait(t testing.TB, enough func(transcript) bool) transcript {
	t.Helper()
	for {
		m.mu.Lock()
		got := read(t, m.messages)
		m.mu.Unlock()
		if enough(got) {
			return got
		}
		select {
		case <-m.arrived:
		case <-t.Context().Done():
			t.Fatal("the test ended before the transcript came")
		}
	}
}

// transcript is what was written to the topic of utterances.
type transcript struct {
	utterances []earshot.Utterance
	ends       []earshot.TranscriptEnd
}

func read(t testing.TB, messages []bus.Message) transcript {
	t.Helper()
	var out transcript
	for _, m := range messages {
		var u earshot.Utterance
		var end earshot.TranscriptEnd
		switch m.Type {
		case earshot.TypeUtterance:
			decode(t, m, &u)
			if string(u.ID) != m.ID || u.Interaction != m.Interaction {
				t.Errorf("utterance %s of %s in a record %s of %s", u.ID, u.Interaction, m.ID, m.Interaction)
			}
			out.utterances = append(out.utterances, u)
		case earshot.TypeTranscriptEnd:
			decode(t, m, &end)
			out.ends = append(out.ends, end)
		default:
			t.Errorf("a record of type %s", m.Type)
		}
	}
	return out
}

func decode(t testing.TB, m bus.Message, into any) {
	t.Helper()
	if err := json.Unmarshal(m.Value, into); err != nil {
		t.Fatalf("%s: %v", m.Value, err)
	}
}

func ended(n int) func(transcript) bool {
	return func(got transcript) bool { return len(got.ends) >= n }
}
