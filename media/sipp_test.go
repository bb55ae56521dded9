package media_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/media/mediatest"
)

// events returns the types of an interaction's events, read until it has ended.
func events(t *testing.T, c *bus.Client, id earshot.InteractionID) []earshot.EventType {
	t.Helper()
	var out []earshot.EventType
	isEnd := func(r bus.Record) bool { return event(t, r).Type == earshot.InteractionEnded }
	for _, r := range read(t, c, earshot.TopicEvents, id, isEnd) {
		out = append(out, event(t, r).Type)
	}
	return out
}

func TestService_TakesACallFromSipp(t *testing.T) {
	capture := mediatest.Capture(50, func(leg, _ int) []byte { return bytes.Repeat([]byte{byte(0x80 + leg)}, 160) })
	for i, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			client := bustest.New(t)
			c := config(t, 31400+200*i)
			c.Agents = []string{"sip:*@agents.example.com"}
			s := start(t, c, client)
			mediatest.Sipp(t, mediatest.Call{Scenario: "testdata/sipp/siprec.xml", Capture: capture, Plays: time.Second,
				Target: s.Addr(transport).String(), Transport: transport, MediaPort: 41000 + 100*i})
			id := bustest.ReadAll(t, client, earshot.TopicAudio, 1)[0].Interaction
			got := readAudio(t, client, id)
			legs := got.last.Interaction.Legs
			if len(legs) != 2 || legs[0].Label != "96" || legs[0].Role != earshot.Agent || legs[0].Name != "Alice" || legs[1].Role != earshot.Customer || legs[1].Name != "" {
				t.Fatalf("legs: %+v", legs)
			}
			for _, l := range legs {
				if got.packets[l.ID] != 50 {
					t.Fatalf("leg %s has %d packets, 50 were sent", l.Label, got.packets[l.ID])
				}
			}
			want := []earshot.EventType{earshot.InteractionStarted, earshot.Held, earshot.InteractionEnded}
			if types := events(t, client, id); !slices.Equal(types, want) {
				t.Fatalf("events: %v", types)
			}
			if d := time.Since(got.last.Interaction.StartedAt); d <= 0 || d > time.Minute {
				t.Fatalf("started %v ago", d)
			}
		})
	}
}
