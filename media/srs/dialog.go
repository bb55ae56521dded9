package srs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// dialogKey finds a dialog. The peer's tag and the Call-ID name it; our own tag
// is checked apart, because some peers forget it in a BYE.
type dialogKey struct{ callID, remoteTag string }

// dialog is one recording session's SIP state.
type dialog struct {
	key      dialogKey
	localTag string
	box      mailbox
	cancel   context.CancelFunc // ends the wait of an INVITE that is cancelled

	signalled atomic.Int64 // last request, Unix nanoseconds

	ackMu   sync.Mutex
	ack     chan struct{} // closed when the answer to the INVITE of ackCSeq has arrived
	ackCSeq uint32

	// The rest belongs to whoever runs in the mailbox.
	invite  *sip.Request // the first one: where to send a BYE
	target  sip.Uri      // the peer's Contact
	cseq    uint32       // of our own requests
	session *session     // nil before the answer and after the end
	ended   bool
}

func newDialog(key dialogKey, req *sip.Request, cancel context.CancelFunc) *dialog {
	d := &dialog{key: key, localTag: sip.GenerateTagN(16), cancel: cancel, invite: req}
	if c := req.Contact(); c != nil {
		d.target = c.Address
	}
	d.touch()
	return d
}

func (d *dialog) touch() { d.signalled.Store(time.Now().UnixNano()) }

// expectAck begins to wait for the confirmation of an answer to an INVITE.
func (d *dialog) expectAck(req *sip.Request) <-chan struct{} {
	d.ackMu.Lock()
	defer d.ackMu.Unlock()
	if d.ack != nil {
		close(d.ack)
	}
	d.ack, d.ackCSeq = make(chan struct{}), req.CSeq().SeqNo
	return d.ack
}

// confirm takes an ACK, or a later request, which proves that the answer has
// arrived: peers send both in one burst, and either may be handled first.
func (d *dialog) confirm(req *sip.Request) {
	if c := req.CSeq(); c != nil && c.SeqNo >= d.ackCSeqNow() {
		d.confirmAll()
	}
}

func (d *dialog) ackCSeqNow() uint32 {
	d.ackMu.Lock()
	defer d.ackMu.Unlock()
	return d.ackCSeq
}

func (d *dialog) confirmAll() {
	d.ackMu.Lock()
	defer d.ackMu.Unlock()
	if d.ack != nil {
		close(d.ack)
		d.ack = nil
	}
}

// silence returns for how long neither SIP nor RTP has come, 0 for less than the
// limit.
func (d *dialog) silence(now time.Time, limit time.Duration) time.Duration {
	last := time.Unix(0, d.signalled.Load())
	if now.Sub(last) < limit {
		return 0 // and never wait for a call that is just being ended
	}
	d.box.do(func() {
		if d.session != nil {
			if t := d.session.lastPacket(); t.After(last) {
				last = t
			}
		}
	})
	return now.Sub(last)
}

// mailbox runs what is put into it one after the other, in the order of its
// coming. The stack handles every request in a goroutine of its own; an ACK, a
// re-INVITE and a BYE that come in one burst must not run into each other.
type mailbox struct {
	mu    sync.Mutex
	queue []func()
	busy  bool
}

// do runs f when its turn comes, and returns after it.
func (m *mailbox) do(f func()) {
	done := make(chan struct{})
	m.mu.Lock()
	m.queue = append(m.queue, func() { defer close(done); f() })
	if m.busy {
		m.mu.Unlock()
		<-done
		return
	}
	m.busy = true
	for len(m.queue) > 0 {
		next := m.queue[0]
		m.queue = m.queue[1:]
		m.mu.Unlock()
		next()
		m.mu.Lock()
	}
	m.busy = false
	m.mu.Unlock()
}

// dialogs holds the open ones.
type dialogs struct {
	mu     sync.Mutex
	open   map[dialogKey]*dialog
	max    int
	closed bool
}

// add says why a dialog can't be added: a status code, 0 when it can.
func (s *dialogs) add(d *dialog) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || len(s.open) >= s.max:
		return sip.StatusServiceUnavailable
	case s.open[d.key] != nil:
		return sip.StatusLoopDetected
	}
	s.open[d.key] = d
	return 0
}

func (s *dialogs) find(key dialogKey) *dialog {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[key]
}

func (s *dialogs) remove(d *dialog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[d.key] == d {
		delete(s.open, d.key)
	}
}

func (s *dialogs) all() []*dialog {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*dialog, 0, len(s.open))
	for _, d := range s.open {
		out = append(out, d)
	}
	return out
}

// close refuses new dialogs from now on.
func (s *dialogs) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
