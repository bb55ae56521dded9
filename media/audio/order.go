package audio

import (
	"slices"
	"time"
)

const (
	// maxHeld bounds the packets that wait for a missing one: 1.3 s of 20 ms.
	maxHeld = 64
	// maxDropout and maxMisorder are RFC 3550's (section A.1) bounds on a
	// sequence number that still belongs to the same run.
	maxDropout  = 3000
	maxMisorder = 100
)

// packet is an RTP packet as the track needs it.
type packet struct {
	// seq is the extended sequence number (RFC 3550, section A.1).
	seq     int64
	stamp   uint32
	arrival time.Time
	kind    payloadKind
	payload []byte
}

// verdict says what to do with a packet by its sequence number.
type verdict uint8

const (
	inOrder verdict = iota
	early
	tooLate
	duplicate
	stray
	restart
)

// order puts packets back into sequence. It holds at most maxHeld packets.
type order struct {
	next int64
	// seen has bit i set when the packet next-1-i was received.
	seen uint64
	// probe is the number that would confirm a leap (RFC 3550's bad_seq).
	probe  int32
	held   []packet
	spares [][]byte
}

func (o *order) start(seq uint16) {
	o.next, o.seen, o.probe = int64(seq), 0, -1
}

// judge extends the sequence number and says what to do with the packet.
func (o *order) judge(seq uint16) (int64, verdict) {
	ahead := int64(int16(seq - uint16(o.next)))
	ext := o.next + ahead
	if ahead > maxDropout || ahead < -maxMisorder {
		if o.probe == int32(seq) {
			return ext, restart
		}
		o.probe = int32(seq + 1)
		return ext, stray
	}
	o.probe = -1
	switch {
	case ahead == 0:
		return ext, inOrder
	case ahead > 0:
		if _, found := o.find(ext); found {
			return ext, duplicate
		}
		return ext, early
	case -ahead <= 64 && o.seen&(1<<(-ahead-1)) != 0:
		return ext, duplicate
	default:
		return ext, tooLate
	}
}

func (o *order) find(seq int64) (int, bool) {
	return slices.BinarySearchFunc(o.held, seq, func(p packet, s int64) int { return int(p.seq - s) })
}

// hold keeps a copy of a packet that came before its turn.
func (o *order) hold(p packet) {
	i, found := o.find(p.seq)
	if found {
		return
	}
	var buf []byte
	if n := len(o.spares); n > 0 {
		buf, o.spares = o.spares[n-1][:0], o.spares[:n-1]
	}
	p.payload = append(buf, p.payload...)
	o.held = slices.Insert(o.held, i, p)
}

// pop takes the first held packet out; its payload is valid until the next hold.
func (o *order) pop() packet {
	p := o.held[0]
	o.held = slices.Delete(o.held, 0, 1)
	o.spares = append(o.spares, p.payload)
	return p
}

// ready says that the first held packet is to be played: it is the next one, or
// the hole before it will not be waited for any longer.
func (o *order) ready(now time.Time, window time.Duration) bool {
	if len(o.held) == 0 {
		return false
	}
	if o.held[0].seq == o.next || len(o.held) >= maxHeld {
		return true
	}
	for i := range o.held {
		if now.Sub(o.held[i].arrival) > window {
			return true
		}
	}
	return false
}

// pass moves on behind the packet seq and returns how many were missing before
// it.
func (o *order) pass(seq int64) int64 {
	missing := seq - o.next
	if missing >= 63 {
		o.seen = 0
	} else {
		o.seen <<= missing
	}
	o.seen = o.seen<<1 | 1
	o.next = seq + 1
	return missing
}

// late notes that a packet came after its turn, so that a second one is told
// from it.
func (o *order) late(seq int64) {
	if back := o.next - 1 - seq; back >= 0 && back < 64 {
		o.seen |= 1 << back
	}
}
