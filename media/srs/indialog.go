package srs

import (
	"context"
	"strconv"

	"github.com/emiago/sipgo/sip"

	"earshot/media/siprec"
)

var noSuchCall = "This call is not known here"

// inDialog finds the dialog of a request and answers 481 when there is none. A
// request whose tag is not ours belongs to nobody here.
func (s *Server) inDialog(req *sip.Request, tx sip.ServerTransaction) *dialog {
	key, localTag, ok := keyOf(req)
	d := s.dialogs.find(key)
	if !ok || d == nil || (localTag != d.localTag) {
		s.refuse(req, tx, refused(sip.StatusCallTransactionDoesNotExists, noSuchCall))
		return nil
	}
	d.touch()
	d.confirm(req)
	return d
}

func (s *Server) onAck(req *sip.Request, _ sip.ServerTransaction) {
	key, _, ok := keyOf(req)
	if d := s.dialogs.find(key); ok && d != nil {
		d.touch()
		d.confirm(req)
	}
}

// onCancel sees only what matches no INVITE: the stack answers the others.
func (s *Server) onCancel(req *sip.Request, tx sip.ServerTransaction) {
	s.refuse(req, tx, refused(sip.StatusCallTransactionDoesNotExists, "There is nothing to cancel"))
}

func (s *Server) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	_ = s.respond(tx, reply(req, sip.StatusOK, "OK", "", nil))
}

func (s *Server) onPrack(req *sip.Request, tx sip.ServerTransaction) {
	if d := s.inDialog(req, tx); d != nil {
		_ = s.respond(tx, reply(req, sip.StatusOK, "OK", d.localTag, nil))
	}
}

// onBye ends a call. A BYE with a wrong or missing To tag is answered 481, and
// ends the call that has its Call-ID and From tag all the same: the peer is
// done with it, and nothing else would ever end it.
func (s *Server) onBye(req *sip.Request, tx sip.ServerTransaction) {
	key, localTag, _ := keyOf(req)
	d := s.dialogs.find(key)
	if d == nil {
		s.refuse(req, tx, refused(sip.StatusCallTransactionDoesNotExists, noSuchCall))
		return
	}
	d.touch()
	d.confirm(req)
	if localTag == d.localTag {
		_ = s.respond(tx, reply(req, sip.StatusOK, "OK", d.localTag, nil))
	} else {
		s.refuse(req, tx, refused(sip.StatusCallTransactionDoesNotExists, noSuchCall))
	}
	s.work.Go(func() {
		d.box.do(func() { s.endLate(d, "bye") })
	})
}

// onReinvite changes a session: hold, resume, other ports, other streams, other
// metadata, or nothing but a sign of life.
func (s *Server) onReinvite(key dialogKey, req *sip.Request, tx sip.ServerTransaction) {
	d := s.inDialog(req, tx)
	if d == nil {
		return
	}
	var res *sip.Response
	var acked <-chan struct{}
	d.box.do(func() {
		acked = d.expectAck(req)
		res = s.change(d, req, tx, true)
	})
	if res != nil {
		s.awaitAck(d, res, tx, acked)
	}
}

func (s *Server) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	if d := s.inDialog(req, tx); d != nil {
		d.box.do(func() { s.change(d, req, tx, false) })
	}
}

func (s *Server) onInfo(req *sip.Request, tx sip.ServerTransaction) {
	s.onUpdate(req, tx)
}

// change applies an in-dialog request and answers it. An answer to an INVITE
// always describes the session, even when the request did not.
func (s *Server) change(d *dialog, req *sip.Request, tx sip.ServerTransaction, describe bool) *sip.Response {
	if d.ended || d.session == nil {
		s.refuse(req, tx, refused(sip.StatusCallTransactionDoesNotExists, noSuchCall))
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.AnswerWithin)
	defer cancel()
	body, err := readBody(req)
	if err == nil {
		err = d.session.change(ctx, body)
	}
	if err != nil {
		s.refuse(req, tx, asRefusal(err))
		return nil
	}
	if c := req.Contact(); c != nil {
		d.target = c.Address
	}
	var sdp []byte
	if describe || body.SDP != nil {
		sdp = d.session.answer()
	}
	res := s.ok(req, d, sdp)
	if s.respond(tx, res) != nil {
		return nil
	}
	if req.IsInvite() {
		s.stats.invites.WithLabelValues(strconv.Itoa(sip.StatusOK)).Inc()
	}
	return res
}

// readBody takes a request's body apart.
func readBody(req *sip.Request) (siprec.Body, error) {
	kind := ""
	if h := req.ContentType(); h != nil {
		kind = h.Value()
	}
	body, err := siprec.ParseBody(kind, req.Body())
	if err != nil {
		return body, refused(sip.StatusBadRequest, err.Error())
	}
	return body, nil
}
