// Package src is a session recording client (RFC 7866): it sends a call to a
// recorder, as a telephony core would.
package src

import (
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"earshot"
)

// Source is one participant's audio, 16-bit mono.
type Source interface {
	// Rate is the sample rate in Hz.
	Rate() int
	// Read fills dst and returns how many samples it wrote, and [io.EOF] at the
	// end.
	Read(dst []int16) (int, error)
}

// PCM returns a source that plays samples once.
func PCM(rate int, samples []int16) Source { return &pcm{rate, samples} }

type pcm struct {
	rate int
	left []int16
}

func (p *pcm) Rate() int { return p.rate }

func (p *pcm) Read(dst []int16) (int, error) {
	n := copy(dst, p.left)
	p.left = p.left[n:]
	if len(p.left) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Options say what to call and what to say.
type Options struct {
	// Target is "sip:host:port", with ";transport=tcp" for TCP.
	Target string
	// Codec is PCMU, PCMA or G722; "" is PCMU.
	Codec earshot.Codec
	// Agent and Customer are the two sides' audio.
	Agent, Customer Source
	// AgentName and AgentAoR name the agent, such as "Alice" and
	// "sip:alice@agents.example.com".
	AgentName, AgentAoR string
	// CustomerTel is the customer's number, CustomerName a name, CustomerID the
	// CRM's id.
	CustomerTel, CustomerName, CustomerID string
	Queue, Language, Region               string
	// Direction is "inbound" unless said otherwise.
	Direction earshot.Direction
	// Attributes go with the interaction as they are.
	Attributes map[string]string
	// Tenant is the recorder's, so that Result names the same interaction.
	Tenant string
	// Pace is how much faster than real time the audio is sent; 0 is 1.
	Pace float64
	// AnswerWithin bounds the wait for the first sign of life; 0 is 5 s.
	AnswerWithin time.Duration
	// Log may be nil.
	Log *slog.Logger
}

// Result is what became of a call.
type Result struct {
	InteractionID earshot.InteractionID
	CallID        string
	// Packets counts the RTP packets of both streams.
	Packets int
	// Duration is the length of the audio that was sent.
	Duration time.Duration
}

func (o Options) withDefaults() Options {
	if o.Codec == "" {
		o.Codec = earshot.PCMU
	}
	if o.AgentName == "" {
		o.AgentName = "Agent"
	}
	if o.AgentAoR == "" {
		o.AgentAoR = "sip:" + strings.ToLower(strings.Join(strings.Fields(o.AgentName), ".")) + "@agents.invalid"
	}
	if o.Direction == "" {
		o.Direction = earshot.Inbound
	}
	if o.Pace == 0 {
		o.Pace = 1
	}
	if o.AnswerWithin == 0 {
		o.AnswerWithin = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) validate() error {
	switch o.Codec {
	case earshot.PCMU, earshot.PCMA, earshot.G722:
	default:
		return earshot.InvalidField("codec", "use pcmu, pcma or g722", "%q can't be sent", o.Codec)
	}
	if o.Agent == nil || o.Customer == nil {
		return earshot.InvalidField("audio", "give audio for the agent and for the customer", "a side has none")
	}
	if o.Pace < 0.01 || o.Pace > 100 {
		return earshot.InvalidField("pace", "use 1 for real time", "%v is not within 0.01 and 100", o.Pace)
	}
	return nil
}

// target is where a call goes.
type target struct {
	host      string
	port      int
	transport string // "udp" or "tcp"
}

func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

func parseTarget(s string) (target, error) {
	bad := func(why string) (target, error) {
		return target{}, earshot.InvalidField("target", `write "sip:host:port", with ";transport=tcp" for TCP`, "%q %s", s, why)
	}
	rest, ok := strings.CutPrefix(s, "sip:")
	if !ok {
		return bad("does not begin with sip:")
	}
	hostPort, params, _ := strings.Cut(rest, ";")
	if _, after, ok := strings.Cut(hostPort, "@"); ok {
		hostPort = after
	}
	t := target{transport: "udp", port: 5060, host: strings.Trim(hostPort, "[]")}
	if host, port, err := net.SplitHostPort(hostPort); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return bad("has no such port: " + port)
		}
		t.host, t.port = host, n
	}
	if t.host == "" {
		return bad("has no host")
	}
	for _, p := range strings.Split(params, ";") {
		if v, ok := strings.CutPrefix(strings.ToLower(p), "transport="); ok {
			t.transport = v
		}
	}
	if t.transport != "udp" && t.transport != "tcp" {
		return bad("asks for transport " + t.transport)
	}
	return t, nil
}

func unreachable(t string, err error) error {
	return earshot.Errorf(earshot.Unavailable, "cannot reach %s: %w", t, err)
}
