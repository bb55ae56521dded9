package srs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"earshot"
	"earshot/media/mirror"
	"earshot/media/rtp"
	"earshot/media/siprec"
)

// session is a call's media: the offer as it stands, and a stream for each
// m-line that is taken. It belongs to the dialog's mailbox.
type session struct {
	srv     *Server
	call    *mirror.Call
	callID  string
	addr    netip.Addr // that answers name
	id      uint64     // of the SDP o-line
	version uint64
	offer   *siprec.SDP
	last    []byte // the last answer without its version
	streams []*stream
	meta    *siprec.Metadata
	held    bool
	past    rtp.Counts // of streams that have ended
}

// stream is one m-line that is taken.
type stream struct {
	line  int // index of the m-line
	leg   earshot.LegID
	label string
	rx    *rtp.Receiver
}

// startSession reads a first INVITE, opens ports, and begins the call in Kafka.
func (s *Server) startSession(ctx context.Context, d *dialog, req *sip.Request) (*session, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	offer, err := readOffer(body)
	if err != nil {
		return nil, err
	}
	n := &session{srv: s, callID: d.key.callID, offer: offer, id: sessionID(), version: 1}
	n.addr = s.reachable(s.deps.RTPAddr, req.Source())
	meta, degraded := readMetadata(body.Metadata)
	n.meta = meta
	lines := usable(offer)
	facts, more := s.describe(n, lines)
	degraded = append(degraded, more...)
	facts.StartedAt = time.Now().UTC()
	pairs, err := s.deps.Ports.Open(len(lines))
	if err != nil {
		return nil, err
	}
	if n.call, err = s.openCall(ctx, facts, d.key.callID); err != nil {
		rtp.Close(pairs)
		return nil, err
	}
	for i, line := range lines {
		n.addStream(line, facts.Legs[i].ID, pairs[i])
	}
	n.noteHold()
	if len(degraded) > 0 {
		n.call.Event(earshot.MetadataDegraded, map[string]string{"reason": strings.Join(degraded, "; ")})
	}
	return n, nil
}

// openCall begins the call. When its recording session is being recorded
// already, through another dialog, the SIP Call-ID tells the two apart.
func (s *Server) openCall(ctx context.Context, facts earshot.Interaction, callID string) (*mirror.Call, error) {
	call, err := s.deps.Mirror.Open(ctx, facts)
	if earshot.KindOf(err) != earshot.Conflict {
		return call, err
	}
	facts.ID = earshot.CallID(s.cfg.Tenant, callID)
	return s.deps.Mirror.Open(ctx, facts)
}

// readOffer checks that there is a stream that can be taken.
func readOffer(body siprec.Body) (*siprec.SDP, error) {
	if body.SDP == nil {
		return nil, refused(sip.StatusNotAcceptableHere, "The INVITE has no SDP: an offer with the audio to record is needed")
	}
	offer, err := siprec.ParseSDP(body.SDP)
	if err != nil {
		return nil, refused(sip.StatusBadRequest, "Cannot read the SDP: "+err.Error())
	}
	if len(usable(offer)) > 0 {
		return offer, nil
	}
	why := "it has no m-line"
	if len(offer.Media) > 0 {
		why = offer.Media[0].Usable()
	}
	return nil, refused(sip.StatusNotAcceptableHere, "No stream can be taken: "+why)
}

func usable(offer *siprec.SDP) []int {
	var lines []int
	for i := range offer.Media {
		if offer.Media[i].Usable() == "" {
			lines = append(lines, i)
		}
	}
	return lines
}

// readMetadata never fails a call: what is wrong is told in an event.
func readMetadata(data []byte) (*siprec.Metadata, []string) {
	if data == nil {
		return &siprec.Metadata{}, []string{"the INVITE has no recording metadata"}
	}
	m, err := siprec.ParseMetadata(data)
	if err != nil {
		return &siprec.Metadata{}, []string{err.Error()}
	}
	return m, m.Warnings
}

func (n *session) addStream(line int, leg earshot.LegID, pair *rtp.Pair) {
	m := &n.offer.Media[line]
	rx := rtp.Receive(pair, n.call.Leg(leg), m.Codecs(), expected(m))
	n.streams = append(n.streams, &stream{line: line, leg: leg, label: m.Label, rx: rx})
}

// expected is where a sender says that it sends from. Most send from the port
// that they would receive on (RFC 4961).
func expected(m *siprec.Media) netip.AddrPort {
	if !m.Addr.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(m.Addr, uint16(m.Port))
}

// change applies a new offer, new metadata, or both.
func (n *session) change(ctx context.Context, body siprec.Body) error {
	if body.Metadata != nil {
		if m, err := siprec.ParseMetadata(body.Metadata); err == nil {
			n.meta = n.meta.Merge(m)
		} else {
			n.call.Event(earshot.MetadataDegraded, map[string]string{"reason": err.Error()})
		}
	}
	if body.SDP != nil {
		offer, err := siprec.ParseSDP(body.SDP)
		if err != nil {
			return refused(sip.StatusBadRequest, "Cannot read the SDP: "+err.Error())
		}
		return n.apply(ctx, offer, body.Metadata != nil)
	}
	if body.Metadata != nil {
		return n.update(ctx)
	}
	return nil
}

// apply takes a new offer. m-lines keep their index for the life of the session
// (RFC 3264, section 8), so that a stream is known by it.
func (n *session) apply(ctx context.Context, offer *siprec.SDP, tell bool) error {
	n.offer = offer
	taken := map[int]*stream{}
	for _, st := range n.streams {
		taken[st.line] = st
	}
	var fresh []int
	keep := map[int]bool{}
	for _, line := range usable(offer) {
		keep[line] = true
		if st := taken[line]; st != nil {
			m := &offer.Media[line]
			st.rx.Change(m.Codecs(), expected(m))
		} else {
			fresh = append(fresh, line)
		}
	}
	if err := n.drop(keep); err != nil {
		return err
	}
	pairs, err := n.srv.deps.Ports.Open(len(fresh))
	if err != nil {
		return err
	}
	if len(fresh) > 0 || tell {
		if err := n.update(ctx); err != nil {
			rtp.Close(pairs)
			return err
		}
	}
	for i, line := range fresh {
		n.addStream(line, n.legID(line), pairs[i])
	}
	n.noteHold()
	return nil
}

// drop ends the streams that a new offer no longer has.
func (n *session) drop(keep map[int]bool) error {
	var left []*stream
	for _, st := range n.streams {
		if keep[st.line] {
			left = append(left, st)
			continue
		}
		st.rx.Close()
		n.past = plus(n.past, st.rx.Counts())
		if err := n.call.EndLeg(st.leg, "re-invite"); err != nil {
			return err
		}
	}
	n.streams = left
	return nil
}

// update tells Kafka what is known now, new legs included.
func (n *session) update(ctx context.Context) error {
	facts, _ := n.srv.describe(n, usable(n.offer))
	facts.ID = n.call.Facts().ID
	return n.call.Update(ctx, facts)
}

// noteHold publishes when a call is put on hold and when it goes on.
func (n *session) noteHold() {
	held := len(n.streams) > 0
	for _, st := range n.streams {
		held = held && n.offer.Media[st.line].Hold
	}
	if held == n.held {
		return
	}
	n.held = held
	if held {
		n.call.Event(earshot.Held, nil)
	} else {
		n.call.Event(earshot.Resumed, nil)
	}
}

// legID names the leg of an m-line: by its label where there is one, so that it
// stays the same after a restart of either side.
func (n *session) legID(line int) earshot.LegID {
	name := n.offer.Media[line].Label
	if name == "" {
		name = "m" + strconv.Itoa(line+1)
	}
	for i := range line {
		if n.offer.Media[i].Label == name {
			name += "#" + strconv.Itoa(line+1)
			break
		}
	}
	return earshot.LegID(earshot.Derive("leg", string(n.interaction()), name))
}

func (n *session) interaction() earshot.InteractionID {
	if n.call != nil {
		return n.call.Facts().ID
	}
	session := n.meta.SessionID()
	if session == "" {
		session = n.callID
	}
	return earshot.CallID(n.srv.cfg.Tenant, session)
}

// answer describes the session; the version rises only when the text changes.
func (n *session) answer() []byte {
	a := siprec.Answer{Session: n.id, Addr: n.addr, Ports: make([]int, len(n.offer.Media))}
	for _, st := range n.streams {
		a.Ports[st.line] = st.rx.Port()
	}
	text := siprec.WriteAnswer(n.offer, a)
	if n.last != nil && string(text) != string(n.last) {
		n.version++
	}
	n.last = text
	a.Version = n.version
	return siprec.WriteAnswer(n.offer, a)
}

func (n *session) lastPacket() time.Time {
	var last time.Time
	for _, st := range n.streams {
		if t := st.rx.Last(); t.After(last) {
			last = t
		}
	}
	return last
}

func (n *session) counts() rtp.Counts {
	sum := n.past
	for _, st := range n.streams {
		sum = plus(sum, st.rx.Counts())
	}
	return sum
}

func plus(a, b rtp.Counts) rtp.Counts {
	return rtp.Counts{Packets: a.Packets + b.Packets, Foreign: a.Foreign + b.Foreign, Unknown: a.Unknown + b.Unknown, Invalid: a.Invalid + b.Invalid}
}

// close ends the streams and returns what was seen in all.
func (n *session) close() rtp.Counts {
	for _, st := range n.streams {
		st.rx.Close()
	}
	return n.counts()
}

// sessionID makes the id of an o-line; 62 bits, because some peers read it as a
// signed number.
func sessionID() uint64 {
	var b [8]byte
	// It never fails (crypto/rand).
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:]) >> 2
}
