package mirror

import (
	"strconv"
	"sync"
	"time"

	"earshot"
)

// Leg gathers one participant's packets into bundles.
type Leg struct {
	call        *Call
	interaction earshot.InteractionID
	id          earshot.LegID

	mu      sync.Mutex
	codec   earshot.Codec
	rate    int
	first   time.Time // arrival of the bundle's first packet
	packets []earshot.AudioPacket
	arena   []byte // holds the packets' bytes; reused after each bundle
	bundles int
	lost    int
	closed  bool
}

func newLeg(c *Call, l earshot.Leg) *Leg {
	return &Leg{call: c, interaction: c.facts.ID, id: l.ID, codec: l.Codec, rate: l.ClockRate}
}

// after goes on counting where an earlier leg of the same id ended, nil for none.
func (l *Leg) after(old *Leg) *Leg {
	if old != nil {
		old.mu.Lock()
		defer old.mu.Unlock()
		l.bundles, l.lost = old.bundles, old.lost
	}
	return l
}

// maxBundle bounds a bundle's bytes, so that a flood makes more records and
// never one that Kafka refuses.
const maxBundle = 64 << 10

// Packet takes one whole RTP packet that arrived at a time; the bytes are
// copied. It allocates nothing while a bundle fills up. Packets of a leg that
// has ended are dropped.
func (l *Leg) Packet(at time.Time, codec earshot.Codec, rate int, rtp []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if len(l.packets) > 0 && (at.Sub(l.first) >= l.call.m.cfg.Bundle || at.Before(l.first) ||
		codec != l.codec || rate != l.rate || len(l.arena)+len(rtp) > maxBundle) {
		l.flush()
	}
	if len(l.packets) == 0 {
		l.first, l.codec, l.rate = at, codec, rate
	}
	start := len(l.arena)
	l.arena = append(l.arena, rtp...)
	l.packets = append(l.packets, earshot.AudioPacket{After: at.Sub(l.first), RTP: l.arena[start:len(l.arena):len(l.arena)]})
}

// flush makes a record of what was gathered. l.mu is held.
func (l *Leg) flush() {
	if len(l.packets) == 0 {
		return
	}
	m := l.call.m
	b := earshot.AudioBundle{Leg: l.id, Codec: l.codec, ClockRate: l.rate, ReceivedAt: l.first, Packets: l.packets}
	msg, err := m.audio(l.interaction, string(l.id)+"-"+strconv.Itoa(l.bundles), &b)
	if err == nil {
		err = m.outlet.put(msg, false, nil)
	}
	if err != nil {
		if l.lost == 0 {
			m.log.Error("audio is being lost", "error", err, "interaction", l.interaction, "leg", l.id)
		}
		l.lost++
		m.stats.dropped.Inc()
	}
	l.bundles++
	m.stats.bundles.Inc()
	m.stats.packets.Add(float64(len(l.packets)))
	l.packets = l.packets[:0]
	l.arena = l.arena[:0]
}

func (l *Leg) flushOld(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.packets) > 0 && now.Sub(l.first) >= l.call.m.cfg.Bundle {
		l.flush()
	}
}

// lastBundle returns when the last bundle began.
func (l *Leg) lastBundle() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// close flushes and returns how many bundles were lost.
func (l *Leg) close() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.flush()
		l.closed = true
	}
	return l.lost
}
