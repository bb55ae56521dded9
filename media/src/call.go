package src

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"earshot"
	"earshot/media/audio"
	"earshot/media/siprec"
)

// Call sends one call and returns after its BYE was answered. The error is
// Invalid for options that make no sense and for a call that the recorder
// refuses, Unavailable when nobody answers. Result counts what was sent in
// either case.
func Call(ctx context.Context, o Options) (Result, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return Result{}, err
	}
	t, err := parseTarget(o.Target)
	if err != nil {
		return Result{}, err
	}
	c := &caller{opts: o, target: t, session: newID(), hungUp: make(chan struct{})}
	if err := c.open(ctx); err != nil {
		return Result{}, err
	}
	defer c.close()
	if err := c.invite(ctx); err != nil {
		return c.result(), err
	}
	playErr := c.play(ctx)
	byeErr := c.bye(context.WithoutCancel(ctx))
	if playErr != nil {
		return c.result(), playErr
	}
	return c.result(), byeErr
}

// newID makes an id as RFC 7865, section 6.10, wants it: a UUID in base64.
func newID() string {
	u := uuid.New()
	return base64.StdEncoding.EncodeToString(u[:])
}

// caller is one call under way.
type caller struct {
	opts    Options
	target  target
	session string
	local   netip.Addr
	sip     *dialog
	streams [2]*stream // the agent's and the customer's
	frames  int
	hungUp  chan struct{} // closed when the recorder ends the call
}

var labels = [2]string{"1", "2"}

// open makes the sockets.
func (c *caller) open(ctx context.Context) error {
	var d net.Dialer
	probe, err := d.DialContext(ctx, "udp", c.target.address()) // sends nothing
	if err != nil {
		return unreachable(c.opts.Target, err)
	}
	c.local = probe.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	probe.Close()
	for i, source := range []Source{c.opts.Agent, c.opts.Customer} {
		if c.streams[i], err = newStream(source, c.opts.Codec, c.local); err != nil {
			c.close()
			return err
		}
	}
	if c.sip, err = openDialog(c); err != nil {
		c.close()
		return err
	}
	return nil
}

func (c *caller) close() {
	if c.sip != nil {
		c.sip.close()
	}
	for _, s := range c.streams {
		if s != nil {
			s.conn.Close()
		}
	}
}

func (c *caller) result() Result {
	r := Result{
		InteractionID: earshot.CallID(c.opts.Tenant, c.session), CallID: c.sip.callID,
		Duration: time.Duration(c.frames) * frame,
	}
	for _, s := range c.streams {
		r.Packets += s.packets
	}
	return r
}

// body writes the offer and the metadata.
func (c *caller) body() (contentType string, body []byte, err error) {
	pt, _ := audio.PayloadType(c.opts.Codec)
	offer := siprec.WriteOffer(
		siprec.Answer{Session: uint64(time.Now().Unix()), Version: 1, Addr: c.local, Ports: []int{c.streams[0].port(), c.streams[1].port()}},
		siprec.Payload{Type: pt, Name: string(c.opts.Codec), Clock: 8000}, labels[:], siprec.SendOnly)
	meta, err := siprec.WriteMetadata(c.metadata(), time.Now())
	if err != nil {
		return "", nil, err
	}
	return siprec.WriteBody(offer, meta)
}

func (c *caller) metadata() siprec.Metadata {
	o := c.opts
	agent, customer := newID(), newID()
	streams := [2]string{newID(), newID()}
	aor := "tel:" + o.CustomerTel
	if o.CustomerTel == "" {
		aor = "sip:anonymous@anonymous.invalid"
	}
	return siprec.Metadata{
		Sessions: []siprec.Session{{ID: c.session}},
		Participants: []siprec.Participant{
			{ID: agent, AoR: o.AgentAoR, Name: o.AgentName, Role: string(earshot.Agent)},
			{ID: customer, AoR: aor, Name: o.CustomerName, Role: string(earshot.Customer)},
		},
		Streams: []siprec.Stream{
			{ID: streams[0], Session: c.session, Label: labels[0]},
			{ID: streams[1], Session: c.session, Label: labels[1]},
		},
		Sends: map[string][]string{agent: {streams[0]}, customer: {streams[1]}},
		Interaction: &siprec.Interaction{
			Queue: o.Queue, Direction: string(o.Direction), Language: o.Language, Region: o.Region,
			Customer: o.CustomerID, Attributes: o.Attributes,
		},
	}
}

// connect takes the recorder's answer: where each stream goes.
func (c *caller) connect(sdp []byte) error {
	answer, err := siprec.ParseSDP(sdp)
	if err != nil {
		return fmt.Errorf("cannot read the answer of %s: %w", c.opts.Target, err)
	}
	if len(answer.Media) < len(c.streams) {
		return earshot.Errorf(earshot.Invalid, "%s answered %d streams of %d", c.opts.Target, len(answer.Media), len(c.streams))
	}
	for i, s := range c.streams {
		m := answer.Media[i]
		if m.Port == 0 || !m.Addr.IsValid() {
			return earshot.Errorf(earshot.Invalid, "%s refuses stream %s", c.opts.Target, labels[i])
		}
		s.to = netip.AddrPortFrom(m.Addr, uint16(m.Port))
	}
	return nil
}
