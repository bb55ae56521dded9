package srs

import (
	"bytes"
	"net"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// front stands before the SIP stack: it mends what the stack would drop
// without a word, and answers 400 to what can't be mended, so that a peer
// learns of its mistake instead of sending it again for 32 s.
type front struct {
	conns  map[string]*net.UDPConn // by local address
	parser *sip.Parser
	stats  *stats
}

// filter is called for every datagram, in the order of arrival. It never fails,
// because an error would end the listener.
func (f *front) filter(p sip.TransportReadProps, data []byte) ([]byte, error) {
	if p.Transport != "UDP" {
		return data, nil // a stream's pieces are no messages
	}
	data = repairLines(data)
	if len(bytes.TrimSpace(data)) == 0 {
		return data, nil // keep-alive
	}
	if _, err := f.parser.ParseSIP(data); err != nil {
		f.stats.malformed.Inc()
		f.refuse(p, data, err)
		return nil, nil
	}
	return data, nil
}

// repairLines ends every header line with CRLF. The body stays as it is: its
// length is said in the header.
func repairLines(data []byte) []byte {
	head, body, broken := splitHead(data)
	if !broken {
		return data
	}
	lines := strings.Split(strings.ReplaceAll(string(head), "\r\n", "\n"), "\n")
	out := make([]byte, 0, len(data)+len(lines)+4)
	out = append(out, strings.Join(lines, "\r\n")...)
	out = append(out, "\r\n\r\n"...)
	return append(out, body...)
}

// splitHead cuts at the first empty line and says whether a line of the head
// ends in a bare LF.
func splitHead(data []byte) (head, body []byte, broken bool) {
	at := 0
	for at < len(data) {
		i := bytes.IndexByte(data[at:], '\n')
		if i < 0 {
			return data, nil, broken
		}
		end := at + i
		if end == 0 || data[end-1] != '\r' {
			broken = true
		}
		if len(bytes.TrimRight(data[at:end], "\r")) == 0 && at > 0 {
			return bytes.TrimRight(data[:at], "\r\n"), data[end+1:], broken
		}
		at = end + 1
	}
	return bytes.TrimRight(data, "\r\n"), nil, broken
}

// refuse answers a request that can't be parsed, as far as its headers can be
// found by hand. Responses and ACKs are never answered.
func (f *front) refuse(p sip.TransportReadProps, data []byte, cause error) {
	conn := f.conns[p.LocalAddr.String()]
	res := refusal(data, cause)
	if conn == nil || res == nil {
		return
	}
	// The peer sends again when this is lost.
	_, _ = conn.WriteTo(res, p.RemoteAddr)
}

// refusal builds a 400 from the lines of a request, nil when it can't or mustn't.
func refusal(data []byte, cause error) []byte {
	head, _, _ := splitHead(data)
	lines := strings.Split(strings.ReplaceAll(string(head), "\r\n", "\n"), "\n")
	if !strings.HasSuffix(strings.TrimSpace(lines[0]), "SIP/2.0") || strings.HasPrefix(lines[0], "ACK ") {
		return nil
	}
	var b strings.Builder
	b.WriteString("SIP/2.0 400 Bad Request: " + clean(cause.Error()) + "\r\n")
	short := map[string]string{"v": "via", "f": "from", "t": "to", "i": "call-id"}
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		name, _, ok := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		if long := short[name]; long != "" {
			name = long
		}
		switch name {
		case "via", "from", "to", "call-id", "cseq":
			if ok {
				seen[name] = true
				b.WriteString(line + "\r\n")
			}
		}
	}
	if len(seen) != 5 {
		return nil
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return []byte(b.String())
}

// clean makes text fit for a reason phrase: one line, printable, at most 120 bytes.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "")
	}
	return s
}
