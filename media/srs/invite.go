package srs

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"earshot"
	"earshot/media/siprec"
)

func (s *Server) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	key, localTag, ok := keyOf(req)
	if !ok || key.callID == "" || req.CSeq() == nil {
		s.refuse(req, tx, refused(sip.StatusBadRequest, "Call-ID, From, To or CSeq is missing"))
		return
	}
	if unknown := requires(req); len(unknown) > 0 {
		list := strings.Join(unknown, ", ")
		s.refuse(req, tx, refused(sip.StatusBadExtension, "Unknown option in Require: "+list, sip.NewHeader("Unsupported", list)))
		return
	}
	if localTag != "" {
		s.onReinvite(key, req, tx)
		return
	}
	if req.Contact() == nil {
		s.refuse(req, tx, refused(sip.StatusBadRequest, "Contact is missing"))
		return
	}
	s.begin(key, req, tx)
}

// begin takes a new call.
func (s *Server) begin(key dialogKey, req *sip.Request, tx sip.ServerTransaction) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.AnswerWithin)
	defer cancel()
	d := newDialog(key, req, cancel)
	switch code := s.dialogs.add(d); code {
	case 0:
	case sip.StatusLoopDetected:
		s.refuse(req, tx, refused(code, "Merged request: this call is being answered already"))
		return
	default:
		s.refuse(req, tx, refused(code, "No more calls are taken (media.max_calls is "+strconv.Itoa(s.cfg.MaxCalls)+")", sip.NewHeader("Retry-After", "5")))
		return
	}
	// The stack answers a CANCEL and its INVITE by itself.
	tx.OnCancel(func(*sip.Request) { cancel() })
	acked := d.expectAck(req)
	var res *sip.Response
	d.box.do(func() { res = s.answerFirst(ctx, d, req, tx) })
	if res != nil && !s.awaitAck(d, res, tx, acked) && !d.heard() {
		s.stats.unacked.Inc()
		s.deps.Log.Warn("call ended: its answer was never confirmed", "call_id", d.key.callID)
		s.bye(context.Background(), d, "timeout")
	}
}

// answerFirst runs in the mailbox. It returns the 200 that was sent, nil when
// the call was refused or cancelled.
func (s *Server) answerFirst(ctx context.Context, d *dialog, req *sip.Request, tx sip.ServerTransaction) *sip.Response {
	session, err := s.startSession(ctx, d, req)
	if err != nil {
		s.dialogs.remove(d)
		d.ended = true
		s.refuse(req, tx, asRefusal(err))
		return nil
	}
	d.session = session
	res := s.ok(req, d, session.answer())
	if ctx.Err() != nil || s.respond(tx, res) != nil {
		s.end(d, "interrupted") // cancelled while Kafka took the marks
		return nil
	}
	s.stats.invites.WithLabelValues("200").Inc()
	s.deps.Log.Info("call taken", "interaction", session.call.Facts().ID, "call_id", d.key.callID, "legs", len(session.call.Facts().Legs))
	return res
}

// asRefusal turns a failure into an answer.
func asRefusal(err error) *refusedError {
	var r *refusedError
	if errors.As(err, &r) {
		return r
	}
	if earshot.KindOf(err) == earshot.Unavailable || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return refused(sip.StatusServiceUnavailable, err.Error(), sip.NewHeader("Retry-After", "5"))
	}
	return refused(sip.StatusInternalServerError, err.Error())
}

// ok makes a 200 that describes the session.
func (s *Server) ok(req *sip.Request, d *dialog, sdp []byte) *sip.Response {
	res := reply(req, sip.StatusOK, "OK", d.localTag, sdp)
	res.AppendHeader(contactHeader(s.contact(req), req.Transport()))
	if sdp != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", siprec.TypeSDP))
	}
	return res
}

// contact is the address at which in-dialog requests reach us.
func (s *Server) contact(req *sip.Request) netip.AddrPort {
	addr := s.Addr(sip.NetworkToLower(req.Transport()))
	return netip.AddrPortFrom(s.reachable(addr.Addr(), req.Source()), addr.Port())
}

// reachable is the address that a peer reaches us at: as configured, else the
// one bound, else the one that packets to the peer leave from.
func (s *Server) reachable(bound netip.Addr, peer string) netip.Addr {
	switch {
	case s.cfg.Advertise.IsValid():
		return s.cfg.Advertise
	case bound.IsValid() && !bound.IsUnspecified():
		return bound.Unmap()
	}
	c, err := net.Dial("udp", peer) // sends nothing
	if err != nil {
		return netip.IPv6Unspecified()
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// Timers of RFC 3261, table 4.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
)

// awaitAck sends a 200 again until it is confirmed (RFC 3261, section 13.3.1.4):
// by an ACK, or by any later request of the dialog. It says whether it was.
func (s *Server) awaitAck(d *dialog, res *sip.Response, tx sip.ServerTransaction, acked <-chan struct{}) bool {
	wait, left := t1, 64*t1
	for left > 0 {
		timer := time.NewTimer(wait)
		select {
		case <-acked:
			timer.Stop()
			return true
		case <-tx.Acks():
			timer.Stop()
			d.confirmAll()
			return true
		case <-timer.C:
		}
		left -= wait
		wait = min(2*wait, t2)
		_ = s.respond(tx, res)
	}
	return false
}

// heard says whether RTP has come.
func (d *dialog) heard() (yes bool) {
	d.box.do(func() { yes = d.session != nil && !d.session.lastPacket().IsZero() })
	return yes
}
