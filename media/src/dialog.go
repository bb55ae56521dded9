package src

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"

	"earshot"
	"earshot/media/sipua"
)

// dialog is the SIP side of a call.
type dialog struct {
	c       *caller
	ua      *sipgo.UserAgent
	client  *sipgo.Client
	conn    *net.UDPConn // nil over TCP
	serving sync.WaitGroup
	callID  string
	from    sip.FromHeader
	to      sip.ToHeader
	cseq    uint32
	remote  sip.Uri // the recorder's Contact
	routes  []string
}

func openDialog(c *caller) (*dialog, error) {
	ua, err := sipua.New(c.opts.Log, nil)
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot start SIP stack: %w", err)
	}
	d := &dialog{c: c, ua: ua, callID: uuid.NewString(), cseq: 1}
	options := []sipgo.ClientOption{sipgo.WithClientLogger(sipua.Quiet(c.opts.Log)), sipgo.WithClientNAT()}
	if c.target.transport == "udp" {
		d.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.local, 0)))
		if err != nil {
			ua.Close()
			return nil, earshot.Errorf(earshot.Unavailable, "cannot open SIP port: %w", err)
		}
		options = append(options, sipgo.WithClientConnectionAddr(d.conn.LocalAddr().String()))
	}
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(sipua.Quiet(c.opts.Log)))
	if err == nil {
		d.client, err = sipgo.NewClient(ua, options...)
	}
	if err != nil {
		d.close()
		return nil, earshot.Errorf(earshot.Internal, "cannot start SIP stack: %w", err)
	}
	d.identify()
	server.OnBye(d.onBye())
	if d.conn != nil {
		// It returns when close closes the socket.
		d.serving.Go(func() { _ = server.ServeUDP(d.conn) })
		d.awaitServing()
	}
	return d, nil
}

// awaitServing waits until the stack knows the socket: before that, a request
// would open a second one on the same port, and fail.
func (d *dialog) awaitServing() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		conn, err := d.ua.TransportLayer().GetConnection("udp", d.conn.LocalAddr().String())
		if err == nil && conn != nil {
			_, _ = conn.TryClose() // only counts
			return
		}
		<-tick.C
	}
}

// identify makes the From and To headers.
func (d *dialog) identify() {
	host := d.c.local.String()
	d.from = sip.FromHeader{DisplayName: "Earshot caller", Address: sip.Uri{Scheme: "sip", User: "src", Host: host}}
	d.from.Params.Add("tag", sip.GenerateTagN(16))
	d.to = sip.ToHeader{Address: sip.Uri{Scheme: "sip", User: "srs", Host: d.c.target.host}}
}

// onBye takes the recorder's BYE.
func (d *dialog) onBye() sipgo.RequestHandler {
	once := sync.OnceFunc(func() { close(d.c.hungUp) })
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if err := tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)); err != nil {
			d.c.opts.Log.Debug("cannot answer BYE", "error", err)
		}
		once()
	}
}

func (d *dialog) close() {
	// What the stack says of closing an idle connection is of no use to anybody.
	_ = d.ua.Close()
	if d.conn != nil {
		d.conn.Close()
	}
	d.serving.Wait()
}

// request makes a request of the dialog with CSeq n.
func (d *dialog) request(method sip.RequestMethod, n uint32) *sip.Request {
	t := d.c.target
	uri := sip.Uri{Scheme: "sip", User: "srs", Host: t.host, Port: t.port}
	if d.remote.Host != "" {
		uri = *d.remote.Clone()
	}
	req := sip.NewRequest(method, uri)
	from, to := d.from, d.to
	req.AppendHeader(&from)
	req.AppendHeader(&to)
	id := sip.CallIDHeader(d.callID)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: n, MethodName: method})
	for _, r := range d.routes {
		req.AppendHeader(sip.NewHeader("Route", r))
	}
	contact := "<sip:src@" + d.c.local.String()
	if d.conn != nil {
		contact = "<sip:src@" + net.JoinHostPort(d.c.local.String(), strconv.Itoa(d.conn.LocalAddr().(*net.UDPAddr).Port))
	}
	req.AppendHeader(sip.NewHeader("Contact", contact+";transport="+t.transport+">;+sip.src"))
	req.SetTransport(sip.NetworkToUpper(t.transport))
	req.SetDestination(t.address())
	return req
}

// invite sets the call up.
func (c *caller) invite(ctx context.Context) error {
	contentType, body, err := c.body()
	if err != nil {
		return err
	}
	d := c.sip
	req := d.request(sip.INVITE, d.cseq)
	req.AppendHeader(sip.NewHeader("Require", "siprec"))
	req.AppendHeader(sip.NewHeader("Accept", "application/sdp, application/rs-metadata"))
	req.AppendHeader(sip.NewHeader("Content-Type", contentType))
	req.SetBody(body)
	tx, err := d.client.TransactionRequest(ctx, req)
	if err != nil {
		return unreachable(c.opts.Target, err)
	}
	defer tx.Terminate()
	res, err := c.awaitAnswer(ctx, tx)
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return c.refusedBy(res)
	}
	d.accept(res)
	ack := func() error { return d.client.WriteRequest(d.request(sip.ACK, d.cseq)) }
	// A 200 that comes again asks for the ACK that was lost.
	tx.OnRetransmission(func(*sip.Response) {
		if err := ack(); err != nil {
			c.opts.Log.Debug("cannot send ACK", "error", err)
		}
	})
	if err := ack(); err != nil {
		return unreachable(c.opts.Target, err)
	}
	if err := c.connect(res.Body()); err != nil {
		return errors.Join(err, c.bye(context.WithoutCancel(ctx)))
	}
	return nil
}

// awaitAnswer waits for the final response: for the first sign of life as long
// as the options say, and then as long as SIP does.
func (c *caller) awaitAnswer(ctx context.Context, tx sip.ClientTransaction) (*sip.Response, error) {
	timer := time.NewTimer(c.opts.AnswerWithin)
	defer timer.Stop()
	wait := c.opts.AnswerWithin
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
			wait = 32 * time.Second
			timer.Reset(wait)
		case <-timer.C:
			return nil, earshot.Errorf(earshot.Unavailable, "no answer from %s within %v: is Earshot running there?", c.opts.Target, wait)
		case <-tx.Done():
			return nil, unreachable(c.opts.Target, tx.Err())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *caller) refusedBy(res *sip.Response) error {
	kind := earshot.Invalid
	switch {
	case res.StatusCode >= 500:
		kind = earshot.Unavailable
	case res.StatusCode == 401, res.StatusCode == 403, res.StatusCode == 407:
		kind = earshot.Denied
	}
	return earshot.Errorf(kind, "%s refused the call: %d %s", c.opts.Target, res.StatusCode, res.Reason)
}

// accept notes what in-dialog requests need (RFC 3261, section 12.1.2).
func (d *dialog) accept(res *sip.Response) {
	if to := res.To(); to != nil {
		d.to = *to
	}
	if contact := res.Contact(); contact != nil {
		d.remote = contact.Address
	}
	for _, h := range res.GetHeaders("Record-Route") {
		d.routes = append([]string{h.Value()}, d.routes...)
	}
}

// bye ends the call and waits for the answer. A recorder that has forgotten the
// call, or ended it itself, is content.
func (c *caller) bye(ctx context.Context) error {
	select {
	case <-c.hungUp:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.AnswerWithin)
	defer cancel()
	d := c.sip
	d.cseq++
	res, err := d.client.Do(ctx, d.request(sip.BYE, d.cseq))
	switch {
	case err != nil:
		return earshot.Errorf(earshot.Unavailable, "no answer to BYE from %s: %w", c.opts.Target, err)
	case !res.IsSuccess() && res.StatusCode != sip.StatusCallTransactionDoesNotExists:
		return earshot.Errorf(earshot.Unavailable, "%s answered %d %s to BYE", c.opts.Target, res.StatusCode, res.Reason)
	}
	return nil
}
