package rtp

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"earshot"
)

// Sink takes the packets of one leg. The bytes are valid during the call only.
type Sink interface {
	Packet(at time.Time, codec earshot.Codec, rate int, rtp []byte)
}

// Counts of one receiver.
type Counts struct {
	Packets int64 // handed to the sink
	Foreign int64 // from an address that is not the sender's
	Unknown int64 // of a payload type that was not agreed on, or RTCP
	Invalid int64 // no RTP at all
}

// Receiver reads one RTP socket.
type Receiver struct {
	pair *Pair
	sink Sink

	mu     sync.Mutex
	codecs map[uint8]earshot.Codec
	source source

	last                               atomic.Int64 // arrival of the last packet taken, Unix nanoseconds
	ssrc                               atomic.Uint32
	packets, foreign, unknown, invalid atomic.Int64
	done                               chan struct{}
}

// maxPacket is the largest datagram that is taken whole.
const maxPacket = 4096

// Receive starts reading a pair. expect is the address that the sender gave,
// unset when it gave none. The goroutine ends with Close.
func Receive(pair *Pair, sink Sink, codecs map[uint8]earshot.Codec, expect netip.AddrPort) *Receiver {
	r := &Receiver{pair: pair, sink: sink, codecs: codecs, source: source{expect: expect}, done: make(chan struct{})}
	go r.read() // Close waits for it
	return r
}

// Port returns the RTP port.
func (r *Receiver) Port() int { return r.pair.Port }

func (r *Receiver) read() {
	defer close(r.done)
	buf := make([]byte, maxPacket)
	for {
		n, from, err := r.pair.RTP.ReadFromUDPAddrPort(buf)
		if err != nil {
			return // closed: nothing else ends a UDP read for good
		}
		r.take(time.Now(), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buf[:n])
	}
}

// take checks one datagram and hands it on.
func (r *Receiver) take(at time.Time, from netip.AddrPort, data []byte) {
	var h rtp.Header
	if n, err := h.Unmarshal(data); err != nil || h.Version != 2 || n >= len(data) {
		r.invalid.Add(1)
		return
	}
	r.mu.Lock()
	codec := r.codecs[h.PayloadType]
	ours := codec != "" && r.source.accept(at, from)
	r.mu.Unlock()
	switch {
	case codec == "": // DTMF, comfort noise, or RTCP on the same port (RFC 5761)
		r.unknown.Add(1)
	case !ours:
		r.foreign.Add(1)
	default:
		r.last.Store(at.UnixNano())
		r.ssrc.Store(h.SSRC)
		r.packets.Add(1)
		r.sink.Packet(at, codec, 8000, data)
	}
}

// Change sets what a new offer says: codecs and the address to expect.
func (r *Receiver) Change(codecs map[uint8]earshot.Codec, expect netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codecs = codecs
	r.source.expect = expect
}

// Last returns when the last packet was taken, zero before the first.
func (r *Receiver) Last() time.Time {
	if ns := r.last.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// SSRC returns the source of the last packet, 0 before the first.
func (r *Receiver) SSRC() uint32 { return r.ssrc.Load() }

// Counts returns what was seen so far.
func (r *Receiver) Counts() Counts {
	return Counts{Packets: r.packets.Load(), Foreign: r.foreign.Load(), Unknown: r.unknown.Load(), Invalid: r.invalid.Load()}
}

// Close stops reading, waits for the reader and gives the ports back.
func (r *Receiver) Close() {
	r.pair.Close()
	<-r.done
}

// source decides whose packets count. The first sender is locked in, because
// behind a NAT the address in the SDP is not the one that packets come from.
type source struct {
	expect netip.AddrPort // as the SDP says; the port may be another one
	locked netip.AddrPort
	last   time.Time
}

// stale is how long the locked sender must be silent before another is taken.
const stale = 2 * time.Second

// accept takes packets of the locked sender; the sender that the SDP announced
// displaces one that it did not, and anybody displaces one that went silent.
// Another SSRC from the same sender is the same sender: hold music, transfers
// and mixes change it without a word (RFC 3550, section 8).
func (s *source) accept(at time.Time, from netip.AddrPort) bool {
	switch {
	case from == s.locked:
	case !s.locked.IsValid():
	case s.announced(from) && !s.announced(s.locked):
	case at.Sub(s.last) > stale:
	default:
		return false
	}
	s.locked, s.last = from, at
	return true
}

func (s *source) announced(from netip.AddrPort) bool {
	return s.expect.IsValid() && from.Addr() == s.expect.Addr() && from.Port() == s.expect.Port()
}
