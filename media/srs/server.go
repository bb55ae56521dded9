package srs

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/media/sipua"
)

// Server is a session recording server.
type Server struct {
	cfg     Config
	deps    Deps
	stats   *stats
	front   *front
	ua      *sipgo.UserAgent
	client  *sipgo.Client
	server  *sipgo.Server
	dialogs *dialogs
	udp     []*net.UDPConn
	tcp     []net.Listener
	work    sync.WaitGroup // requests being handled, and calls being ended
}

// udpBuffer is the SIP socket's receive buffer: a burst of calls must not lose
// INVITEs in the kernel's default of 208 KiB.
const udpBuffer = 8 << 20

// New opens the listeners. Calls are taken once Run is under way.
func New(cfg Config, deps Deps) (*Server, error) {
	st := newStats(deps.Registry)
	s := &Server{
		cfg: cfg, deps: deps, stats: st,
		front:   &front{conns: map[string]*net.UDPConn{}, parser: sip.NewParser(), stats: st},
		dialogs: &dialogs{open: map[dialogKey]*dialog{}, max: cfg.MaxCalls},
	}
	if err := s.listen(); err != nil {
		s.closeListeners()
		return nil, err
	}
	var err error
	if s.ua, err = sipua.New(deps.Log, s.front.filter); err == nil {
		if s.server, err = sipgo.NewServer(s.ua, sipgo.WithServerLogger(sipua.Quiet(deps.Log))); err == nil {
			s.client, err = sipgo.NewClient(s.ua, sipgo.WithClientLogger(sipua.Quiet(deps.Log)), sipgo.WithClientNAT())
		}
	}
	if err != nil {
		s.closeListeners()
		return nil, fmt.Errorf("cannot start SIP stack: %w", err)
	}
	s.route()
	return s, nil
}

func (s *Server) listen() error {
	for _, a := range s.cfg.UDP {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
		if err != nil {
			return earshot.Errorf(earshot.Unavailable, "cannot listen for SIP on udp %s: %w", a, err)
		}
		// The kernel may give less; then a burst costs retransmissions.
		_ = c.SetReadBuffer(udpBuffer)
		s.udp = append(s.udp, c)
		s.front.conns[c.LocalAddr().String()] = c
	}
	for _, a := range s.cfg.TCP {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a))
		if err != nil {
			return earshot.Errorf(earshot.Unavailable, "cannot listen for SIP on tcp %s: %w", a, err)
		}
		s.tcp = append(s.tcp, l)
	}
	return nil
}

func (s *Server) closeListeners() {
	for _, c := range s.udp {
		c.Close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
}

// Addr returns the first address of "udp" or "tcp", unset without one.
func (s *Server) Addr(network string) netip.AddrPort {
	switch {
	case network == "udp" && len(s.udp) > 0:
		return s.udp[0].LocalAddr().(*net.UDPAddr).AddrPort()
	case network == "tcp" && len(s.tcp) > 0:
		return s.tcp[0].Addr().(*net.TCPAddr).AddrPort()
	}
	return netip.AddrPort{}
}

// route says who handles what. Everything else is answered 405.
func (s *Server) route() {
	handlers := map[sip.RequestMethod]sipgo.RequestHandler{
		sip.INVITE: s.onInvite, sip.ACK: s.onAck, sip.BYE: s.onBye, sip.CANCEL: s.onCancel,
		sip.OPTIONS: s.onOptions, sip.UPDATE: s.onUpdate, sip.INFO: s.onInfo, sip.PRACK: s.onPrack,
	}
	for method, h := range handlers {
		s.server.OnRequest(method, s.tracked(h))
	}
	s.server.OnNoRoute(s.tracked(func(req *sip.Request, tx sip.ServerTransaction) {
		s.refuse(req, tx, refused(sip.StatusMethodNotAllowed, string(req.Method)+" is not for a recorder"))
	}))
}

// tracked lets Run wait for the handlers, which the stack starts itself.
func (s *Server) tracked(h sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		s.work.Add(1)
		defer s.work.Done()
		h(req, tx)
	}
}

// Run takes calls until ctx ends; then it refuses new ones, ends those that are
// open with a BYE and reason "interrupted", and returns.
func (s *Server) Run(ctx context.Context) error {
	g, serving := errgroup.WithContext(ctx)
	for _, c := range s.udp {
		g.Go(func() error { return served(serving, s.server.ServeUDP(c)) })
	}
	for _, l := range s.tcp {
		g.Go(func() error { return served(serving, s.server.ServeTCP(l)) })
	}
	g.Go(func() error { return s.sweep(serving) })
	<-serving.Done()
	s.dialogs.close()
	s.hangUp()
	s.closeListeners()
	err := g.Wait()
	s.work.Wait()
	if e := s.ua.Close(); e != nil {
		s.deps.Log.Debug("cannot close SIP stack", "error", e)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// served turns the end of a listener into an error unless we are stopping: the
// stack returns nil when a listener fails, and the program must not go on deaf.
func served(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return earshot.Errorf(earshot.Unavailable, "a SIP listener has ended: %w", fmt.Errorf("%v", err))
}

// sweep ends the calls that went silent.
func (s *Server) sweep(ctx context.Context) error {
	tick := time.NewTicker(min(time.Second, s.cfg.IdleTimeout/4))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for _, d := range s.dialogs.all() {
				if d.silence(now, s.cfg.IdleTimeout) > s.cfg.IdleTimeout {
					s.deps.Log.Warn("call ended: nothing came for "+s.cfg.IdleTimeout.String(), "call_id", d.key.callID)
					s.work.Go(func() { s.bye(ctx, d, "timeout") })
				}
			}
		}
	}
}

// hangUp ends all calls, a bounded number at a time.
func (s *Server) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(64)
	for _, d := range s.dialogs.all() {
		d.cancel()
		g.Go(func() error { s.bye(ctx, d, "interrupted"); return nil })
	}
	_ = g.Wait() // no function returns an error
}

// bye ends a call and tells the peer so.
func (s *Server) bye(ctx context.Context, d *dialog, reason string) {
	var req *sip.Request
	d.box.do(func() {
		if !d.ended && d.session != nil {
			req = d.byeRequest()
		}
		s.end(d, reason)
	})
	if req == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := s.client.Do(ctx, req); err != nil {
		s.deps.Log.Debug("BYE was not answered", "error", err, "call_id", d.key.callID)
	}
}

// byeRequest builds a BYE within the dialog (RFC 3261, section 12.2.1.1).
func (d *dialog) byeRequest() *sip.Request {
	d.cseq++
	req := sip.NewRequest(sip.BYE, *d.target.Clone())
	if to := d.invite.To(); to != nil {
		from := to.AsFrom()
		from.Params.Add("tag", d.localTag)
		req.AppendHeader(&from)
	}
	if from := d.invite.From(); from != nil {
		to := from.AsTo()
		req.AppendHeader(&to)
	}
	id := sip.CallIDHeader(d.key.callID)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: d.cseq, MethodName: sip.BYE})
	for _, h := range d.invite.GetHeaders("Record-Route") {
		req.AppendHeader(sip.NewHeader("Route", h.Value()))
	}
	req.SetTransport(d.invite.Transport())
	req.SetDestination(d.invite.Source())
	return req
}

func contactHeader(addr netip.AddrPort, transport string) sip.Header {
	uri := "sip:earshot@" + net.JoinHostPort(addr.Addr().String(), strconv.Itoa(int(addr.Port())))
	return sip.NewHeader("Contact", "<"+uri+";transport="+sip.NetworkToLower(transport)+">;+sip.srs")
}
