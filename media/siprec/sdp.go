package siprec

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"earshot"
)

// ErrSDP is the error of bytes that are no session description.
var ErrSDP = errors.New("not a session description")

// Direction is the direction attribute of a media stream (RFC 3264, section 5.1).
type Direction string

// The directions.
const (
	SendRecv Direction = "sendrecv"
	SendOnly Direction = "sendonly"
	RecvOnly Direction = "recvonly"
	Inactive Direction = "inactive"
)

// Payload is one RTP payload type of a media stream.
type Payload struct {
	Type  uint8
	Name  string
	Clock int
}

// Codec returns the codec that Earshot decodes, "" for none.
func (p Payload) Codec() earshot.Codec {
	if p.Clock != 8000 {
		return ""
	}
	for _, c := range []earshot.Codec{earshot.PCMU, earshot.PCMA, earshot.G722} {
		if strings.EqualFold(p.Name, string(c)) {
			return c
		}
	}
	return ""
}

// Media is one m-line.
type Media struct {
	Kind      string // "audio", "video", ...
	Port      int
	Proto     string
	Formats   []string
	Payloads  []Payload
	Label     string
	Direction Direction
	// Addr is where the sender's packets come from, as it says; unset when it
	// gave a name or 0.0.0.0 (hold in the old way, RFC 2543).
	Addr netip.Addr
	// Hold is set for inactive, recvonly and 0.0.0.0: nothing will be sent.
	Hold bool
	// RTCPMux is set when RTCP may come on the RTP port (RFC 5761).
	RTCPMux bool
}

// SDP is what a session description says of its media (RFC 4566).
type SDP struct {
	Media []Media
}

// maxMedia bounds the m-lines that one description may have.
const maxMedia = 32

// ParseSDP reads a session description line by line. It is kinder than the
// grammar: the order of lines, line ends and unknown lines don't matter.
func ParseSDP(data []byte) (*SDP, error) {
	p := sdpParser{direction: SendRecv}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		if err := p.line(line[0], strings.TrimSpace(line[2:])); err != nil {
			return nil, err
		}
	}
	if !p.version {
		return nil, fmt.Errorf("there is no v=0 line: %w", ErrSDP)
	}
	p.finish()
	return &p.sdp, nil
}

type sdpParser struct {
	sdp       SDP
	version   bool
	direction Direction // of the session, until an m-line says otherwise
	addr      string
	media     *Media
	mediaAddr string
}

func (p *sdpParser) line(kind byte, value string) error {
	switch kind {
	case 'v':
		p.version = true
	case 'c':
		if f := strings.Fields(value); len(f) == 3 {
			p.setAddr(strings.SplitN(f[2], "/", 2)[0])
		}
	case 'm':
		return p.startMedia(value)
	case 'a':
		p.attribute(value)
	}
	return nil
}

func (p *sdpParser) setAddr(addr string) {
	if p.media != nil {
		p.mediaAddr = addr
	} else {
		p.addr = addr
	}
}

func (p *sdpParser) startMedia(value string) error {
	p.finish()
	f := strings.Fields(value)
	if len(f) < 4 || len(p.sdp.Media) >= maxMedia {
		return fmt.Errorf("m=%.60s: %w", value, ErrSDP)
	}
	port, err := strconv.Atoi(strings.SplitN(f[1], "/", 2)[0])
	if err != nil || port < 0 || port > 65535 {
		return fmt.Errorf("m=%.60s has no port: %w", value, ErrSDP)
	}
	p.sdp.Media = append(p.sdp.Media, Media{Kind: f[0], Port: port, Proto: f[2], Formats: f[3:], Direction: p.direction})
	p.media = &p.sdp.Media[len(p.sdp.Media)-1]
	p.mediaAddr = ""
	for _, format := range p.media.Formats {
		if pt, err := strconv.ParseUint(format, 10, 7); err == nil {
			p.media.Payloads = append(p.media.Payloads, staticPayload(uint8(pt)))
		}
	}
	return nil
}

// finish settles what is known of an m-line only at its end.
func (p *sdpParser) finish() {
	if p.media == nil {
		return
	}
	addr := p.mediaAddr
	if addr == "" {
		addr = p.addr
	}
	if a, err := netip.ParseAddr(addr); err == nil && !a.IsUnspecified() {
		p.media.Addr = a.Unmap()
	}
	p.media.Hold = p.media.Direction == Inactive || p.media.Direction == RecvOnly || addr == "0.0.0.0"
}

func (p *sdpParser) attribute(value string) {
	name, rest, _ := strings.Cut(value, ":")
	switch d := Direction(strings.ToLower(name)); d {
	case SendRecv, SendOnly, RecvOnly, Inactive:
		if p.media != nil {
			p.media.Direction = d
		} else {
			p.direction = d
		}
		return
	}
	if p.media == nil {
		return
	}
	switch strings.ToLower(name) {
	case "label":
		p.media.Label = strings.TrimSpace(rest)
	case "rtcp-mux":
		p.media.RTCPMux = true
	case "rtpmap":
		p.rtpmap(rest)
	}
}

// rtpmap reads "101 telephone-event/8000".
func (p *sdpParser) rtpmap(rest string) {
	num, enc, ok := strings.Cut(strings.TrimSpace(rest), " ")
	pt, err := strconv.ParseUint(num, 10, 7)
	parts := strings.Split(strings.TrimSpace(enc), "/")
	if !ok || err != nil || len(parts) < 2 {
		return
	}
	clock, err := strconv.Atoi(parts[1])
	if err != nil {
		return
	}
	for i := range p.media.Payloads {
		if p.media.Payloads[i].Type == uint8(pt) {
			p.media.Payloads[i] = Payload{Type: uint8(pt), Name: parts[0], Clock: clock}
		}
	}
}

// staticPayload returns the meaning that RFC 3551, table 4, gives a number.
func staticPayload(pt uint8) Payload {
	switch pt {
	case 0:
		return Payload{pt, string(earshot.PCMU), 8000}
	case 8:
		return Payload{pt, string(earshot.PCMA), 8000}
	case 9:
		return Payload{pt, string(earshot.G722), 8000}
	case 13:
		return Payload{pt, "CN", 8000}
	}
	return Payload{Type: pt}
}

// Codecs returns the payload types of m that Earshot decodes.
func (m *Media) Codecs() map[uint8]earshot.Codec {
	out := map[uint8]earshot.Codec{}
	for _, p := range m.Payloads {
		if c := p.Codec(); c != "" {
			out[p.Type] = c
		}
	}
	return out
}

// First returns the first codec of m that Earshot decodes, "" for none.
func (m *Media) First() earshot.Codec {
	for _, p := range m.Payloads {
		if c := p.Codec(); c != "" {
			return c
		}
	}
	return ""
}

// Usable says why a media stream can't be taken, "" when it can.
func (m *Media) Usable() string {
	switch {
	case m.Kind != "audio":
		return "it is " + m.Kind + ", and only audio is recorded"
	case m.Port == 0:
		return "it is switched off (port 0)"
	case !slices.Contains([]string{"RTP/AVP", "RTP/AVPF"}, strings.ToUpper(m.Proto)):
		return "its transport is " + m.Proto + ", and only RTP/AVP is taken"
	case m.First() == "":
		return "it offers none of PCMU, PCMA and G722 at 8000 Hz (formats " + strings.Join(m.Formats, " ") + ")"
	}
	return ""
}
