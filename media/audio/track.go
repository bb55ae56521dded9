package audio

import (
	"time"

	"github.com/pion/rtp"

	"earshot"
)

// payloadKind says what a packet carries.
type payloadKind uint8

const (
	sound payloadKind = iota
	comfortNoise
	telephoneEvent
)

// Track turns the RTP packets of one leg back into one timeline of sound.
//
// Packets are put into sequence within [Options].Window; duplicates are
// dropped. A packet's place follows from its RTP timestamp: a jump without a
// sequence gap is silence, one with a gap is loss, and both are filled with
// silence once. Arrival times place the first packet, and every packet whose
// timestamp cannot be right: after a change of SSRC, a timestamp set anew, or a
// pause that the timestamps do not tell. A packet's length follows from its
// payload, never from SDP, so that the packet time may change.
//
// The memory of a track is bounded by 64 waiting packets of at most 64 KiB, in
// practice under 16 KiB, and its output by the time that passed between
// arrivals. A track is not safe for concurrent use.
type Track struct {
	leg    earshot.LegID
	opts   Options
	origin time.Time
	codec  earshot.Codec
	clock  int

	ssrc       uint32
	oldSSRC    uint32
	switchedAt time.Time
	open       bool

	header  rtp.Packet
	order   order
	line    timeline
	decoder *Decoder
	// next is the place of the next sample to emit; -1 before the first.
	next  int64
	pcm   []int16
	quiet []int16

	// resampler is nil when the codec's rate is the wanted one. sent is next in
	// the wanted rate, less what waits in the filter.
	resampler *Resampler
	sent      int64
	wide      []int16

	stats Stats
	emit  func(Frame)
}

// NewTrack returns the track of one leg of an interaction that began at origin.
func NewTrack(leg earshot.LegID, origin time.Time, o Options) *Track {
	return &Track{leg: leg, origin: origin, opts: o.withDefaults(), next: -1, sent: -1}
}

// Push takes a bundle of media and calls emit for each piece of sound that is
// now complete. It returns an Invalid error when the bundle's codec cannot be
// decoded; damaged packets are counted, never an error.
func (t *Track) Push(b *earshot.AudioBundle, emit func(Frame)) error {
	t.emit = emit
	if err := checkFormat(b.Codec, b.ClockRate); err != nil {
		return err
	}
	for _, p := range b.Packets {
		t.push(b, b.ReceivedAt.Add(p.After), p.RTP)
	}
	return nil
}

// Flush emits what still waits for a missing packet or in the filter that
// changes the rate. More may be pushed after.
func (t *Track) Flush(emit func(Frame)) {
	t.emit = emit
	t.drain()
	if t.resampler != nil {
		t.send(t.resampler.Flush(t.wide[:0]), Sound)
	}
}

// drain gives up waiting for missing packets.
func (t *Track) drain() {
	for len(t.order.held) > 0 {
		t.playHeld()
	}
}

// Stats returns the counts so far.
func (t *Track) Stats() Stats {
	s := t.stats
	if t.clock > 0 {
		s.JitterMS = t.line.jitter * 1000 / float64(t.clock)
	}
	return s
}

// format returns what a payload is coded in. A static payload type stands above
// the bundle, since a sender may change among the codecs it was offered without
// a word; a telephone event or comfort noise is no change.
func (t *Track) format(b *earshot.AudioBundle, payloadType uint8, kind payloadKind) (earshot.Codec, int) {
	if kind != sound && t.decoder != nil {
		return t.codec, t.clock
	}
	for _, c := range []earshot.Codec{earshot.PCMU, earshot.PCMA, earshot.G722} {
		if s, _ := PayloadType(c); s == payloadType {
			return c, ClockRate(c)
		}
	}
	return b.Codec, b.ClockRate
}

// setFormat prepares for a codec; a change keeps the timeline.
func (t *Track) setFormat(c earshot.Codec, clock int) error {
	if c == t.codec && clock == t.clock && t.decoder != nil {
		return nil
	}
	d, err := NewDecoder(c, clock)
	if err != nil {
		return err
	}
	t.Flush(t.emit)
	var early int64
	if old := int64(t.line.rate); old > 0 {
		early = t.line.early * int64(d.Rate()) / old
		if t.next >= 0 {
			t.next = t.next * int64(d.Rate()) / old
		}
	}
	t.codec, t.clock, t.decoder = c, clock, d
	t.line = timeline{origin: t.origin, rate: d.Rate(), clock: clock, early: early, jitter: t.line.jitter}
	t.quiet = make([]int16, d.Rate()/10)
	t.resampler = nil
	if t.opts.Rate == 0 {
		t.sent = t.next
	}
	if t.opts.Rate != 0 && t.opts.Rate != d.Rate() {
		t.resampler, err = NewResampler(d.Rate(), t.opts.Rate)
	}
	return err
}

func (t *Track) push(b *earshot.AudioBundle, arrival time.Time, raw []byte) {
	t.stats.Packets++
	h := &t.header
	if len(raw) < 12 || raw[0]>>6 != 2 || isRTCP(raw[1]) || h.Unmarshal(raw) != nil {
		t.stats.Malformed++
		return
	}
	if since := arrival.Sub(t.origin); since < -time.Minute || since > t.opts.MaxLength {
		t.stats.Stray++
		return
	}
	p := packet{stamp: h.Timestamp, arrival: arrival, payload: h.Payload, kind: kindOf(h.PayloadType, len(h.Payload))}
	if c, clock := t.format(b, h.PayloadType, p.kind); t.setFormat(c, clock) != nil {
		t.stats.Malformed++
		return
	}
	if !t.source(h.SSRC, h.SequenceNumber, arrival) {
		t.stats.Late++
		return
	}
	var v verdict
	p.seq, v = t.order.judge(h.SequenceNumber)
	t.take(p, v)
	for t.order.ready(arrival, t.opts.Window) {
		t.playHeld()
	}
}

// isRTCP tells RTCP that is multiplexed on the RTP port (RFC 5761, section 4).
func isRTCP(b byte) bool { return b >= 192 && b <= 223 }

// source follows a change of SSRC. It returns false for a packet of the source
// before, which may still trickle in after the change.
func (t *Track) source(ssrc uint32, seq uint16, arrival time.Time) bool {
	if t.open && ssrc == t.ssrc {
		return true
	}
	if t.open && ssrc == t.oldSSRC && arrival.Sub(t.switchedAt) <= t.opts.Window {
		return false
	}
	t.drain()
	if t.open {
		t.oldSSRC = t.ssrc
	} else {
		t.oldSSRC = ssrc
	}
	t.ssrc, t.switchedAt, t.open = ssrc, arrival, true
	t.restart(seq)
	return true
}

func (t *Track) restart(seq uint16) {
	t.order.start(seq)
	t.line.anchored = false
	t.decoder.Reset()
}

// kindOf tells sound from what else travels in the stream. A telephone event
// has 4 bytes (RFC 4733, section 2.3), seldom two events of 4, and no frame of
// sound is so short.
func kindOf(payloadType uint8, size int) payloadKind {
	switch {
	case payloadType == typeComfortNoise || payloadType == typeOldComfortNoise:
		return comfortNoise
	case payloadType >= firstDynamic && size <= 8:
		return telephoneEvent
	default:
		return sound
	}
}

// take acts on the verdict about a packet.
func (t *Track) take(p packet, v verdict) {
	switch v {
	case restart:
		t.drain()
		t.restart(uint16(p.seq))
		p.seq = t.order.next
		t.play(p)
	case inOrder:
		t.play(p)
	case early:
		t.order.hold(p)
	case duplicate:
		t.stats.Duplicated++
	case tooLate:
		t.stats.Late++
		t.order.late(p.seq)
	case stray:
		t.stats.Stray++
	}
}

func (t *Track) playHeld() { t.play(t.order.pop()) }

// play places one packet, in sequence, on the timeline.
func (t *Track) play(p packet) {
	missing := t.order.pass(p.seq)
	t.stats.Lost += missing
	if p.kind != sound || len(p.payload) == 0 {
		t.stats.Other++
		return
	}
	spot := t.line.place(p, t.decoder.Samples(len(p.payload)), max(t.next, 0))
	if t.next < 0 {
		t.next = max(spot.at, 0)
	} else if spot.rebased {
		t.stats.Rebased++
	}
	t.line.measure(p)
	switch gap := spot.at - t.next; {
	case gap > 0 && spot.rebased:
		t.fill(gap, FillPause)
	case gap > 0 && missing > 0:
		t.fill(gap, FillLoss)
	case gap > 0:
		t.fill(gap, FillSilence)
	}
	t.pcm = t.decoder.Decode(t.pcm[:0], p.payload)
	t.stretch(int(spot.stretch))
	cut := max(0, min(t.next-spot.at, int64(len(t.pcm))))
	t.stats.Trimmed += cut
	if rest := t.pcm[cut:]; len(rest) > 0 {
		t.out(rest, Sound)
	}
}

// stretch makes the decoded packet longer by n samples, or shorter.
func (t *Track) stretch(n int) {
	if n < 0 {
		t.pcm = t.pcm[:max(0, len(t.pcm)+n)]
	}
	for ; n > 0; n-- {
		t.pcm = append(t.pcm, t.pcm[len(t.pcm)-1])
	}
}

// fill emits n samples of silence.
func (t *Track) fill(n int64, why Fill) {
	t.stats.Spans++
	ms := n * 1000 / int64(t.line.rate)
	switch why {
	case FillLoss:
		t.stats.LossMS += ms
	case FillPause:
		t.stats.PauseMS += ms
	default:
		t.stats.SilenceMS += ms
	}
	for n > 0 {
		k := min(n, int64(len(t.quiet)))
		t.out(t.quiet[:k], why)
		n -= k
	}
}

// out emits samples at the place where the sound so far ends.
func (t *Track) out(pcm []int16, why Fill) {
	if t.sent < 0 {
		t.sent = t.next
		if t.resampler != nil {
			t.sent = t.next * int64(t.opts.Rate) / int64(t.line.rate)
		}
	}
	t.next += int64(len(pcm))
	if t.resampler != nil {
		t.wide = t.resampler.Process(t.wide[:0], pcm)
		pcm = t.wide
	}
	t.send(pcm, why)
}

func (t *Track) send(pcm []int16, why Fill) {
	if len(pcm) == 0 {
		return
	}
	rate := t.line.rate
	if t.opts.Rate != 0 {
		rate = t.opts.Rate
	}
	f := Frame{Leg: t.leg, Start: t.sent, Rate: rate, PCM: pcm, Fill: why}
	t.sent += int64(len(pcm))
	t.emit(f)
}
