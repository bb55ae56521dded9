package srs

import (
	"time"
)

// endLate ends a call after the packets that are still under way.
func (s *Server) endLate(d *dialog, reason string) {
	if d.ended || d.session == nil {
		s.end(d, reason)
		return
	}
	d.session.settle(s.cfg.Late)
	s.end(d, reason)
}

// end runs in the mailbox: it closes the sockets, writes the end marks and
// forgets the dialog.
func (s *Server) end(d *dialog, reason string) {
	s.dialogs.remove(d)
	d.confirmAll()
	if d.ended {
		return
	}
	d.ended = true
	if d.session == nil {
		return
	}
	session := d.session
	d.session = nil
	counts := session.close()
	s.stats.foreign.Add(float64(counts.Foreign))
	id := session.call.Facts().ID
	if err := session.call.End(reason); err != nil {
		s.deps.Log.Error("cannot end call: the next start will", "error", err, "interaction", id)
		return
	}
	s.deps.Log.Info("call ended", "interaction", id, "reason", reason,
		"packets", counts.Packets, "foreign", counts.Foreign, "unknown", counts.Unknown, "invalid", counts.Invalid)
}

// settle waits until no packet has come for a short while, at most late.
func (s *session) settle(late time.Duration) {
	if late <= 0 {
		return
	}
	quiet := late / 4
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	end := time.Now().Add(late)
	before := s.counts().Packets
	for now := range tick.C {
		after := s.counts().Packets
		if after == before || now.After(end) {
			return
		}
		before = after
	}
}
