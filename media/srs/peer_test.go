package srs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/mediatest"
	"earshot/media/mirror"
	"earshot/media/rtp"
	"earshot/media/srs"
)

// kafka is where the server writes to.
type kafka struct{ *mediatest.Kafka }

func newKafka() kafka { return kafka{mediatest.NewKafka()} }

func bundles(msgs []bus.Message) (out []earshot.AudioBundle) {
	for _, m := range msgs {
		var b earshot.AudioBundle
		if m.Topic == earshot.TopicAudio && b.UnmarshalBinary(m.Value) == nil {
			out = append(out, b)
		}
	}
	return out
}

func eventsOf(msgs []bus.Message) (out []earshot.Event) {
	for _, m := range msgs {
		var e earshot.Event
		if m.Topic == earshot.TopicEvents && json.Unmarshal(m.Value, &e) == nil {
			out = append(out, e)
		}
	}
	return out
}

// ended waits for a call's last record and returns its mark.
func (k kafka) ended(t *testing.T) earshot.AudioMark {
	t.Helper()
	var mark earshot.AudioMark
	k.Wait(t, "the end of the call", func(msgs []bus.Message) bool {
		for _, b := range bundles(msgs) {
			if b.Kind == earshot.AudioCallEnd {
				mark = *b.Mark
				return true
			}
		}
		return false
	})
	return mark
}

func (k kafka) event(t *testing.T, want earshot.EventType) earshot.Event {
	t.Helper()
	var found earshot.Event
	k.Wait(t, string(want), func(msgs []bus.Message) bool {
		for _, e := range eventsOf(msgs) {
			if e.Type == want {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// serve runs a server on loopback until the test ends.
func serve(t *testing.T, k kafka, change func(*srs.Config)) *srs.Server {
	t.Helper()
	return serveWith(t, k, change)
}

func serveOn(t *testing.T, p mirror.Producer) *srs.Server {
	t.Helper()
	return serveWith(t, p, nil)
}

func serveWith(t *testing.T, k mirror.Producer, change func(*srs.Config)) *srs.Server {
	t.Helper()
	lo := netip.MustParseAddr("127.0.0.1")
	m, err := mirror.New(mirror.Config{
		Dir: t.TempDir(), Source: "media/test", Bundle: 100 * time.Millisecond, InFlight: 1 << 20,
		Patience: 10 * time.Second, SpoolBytes: 1 << 20, Drain: time.Second,
	}, k, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := srs.Config{
		UDP: []netip.AddrPort{netip.AddrPortFrom(lo, 0)}, TCP: []netip.AddrPort{netip.AddrPortFrom(lo, 0)},
		MaxCalls: 10, IdleTimeout: time.Minute, Late: 20 * time.Millisecond, AnswerWithin: 5 * time.Second,
		AddressKey: []byte("key"),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := srs.New(cfg, srs.Deps{
		Mirror: m, Ports: rtp.NewPorts(lo, 32000, 32999, 0), RTPAddr: lo, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	mirrorCtx, stopMirror := context.WithCancel(context.Background())
	ctx, stop := context.WithCancel(context.Background())
	wg.Go(func() { _ = m.Run(mirrorCtx) })
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		stopMirror()
		wg.Wait()
	})
	return s
}

// peer speaks SIP by hand, so that it can speak it wrongly.
type peer struct {
	t      *testing.T
	conn   *net.UDPConn
	to     *net.UDPAddr
	callID string
	toTag  string
	cseq   int
	branch int
}

func newPeer(t *testing.T, s *srs.Server) *peer {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{t: t, conn: conn, to: net.UDPAddrFromAddrPort(s.Addr("udp")), callID: fmt.Sprintf("call-%d", conn.LocalAddr().(*net.UDPAddr).Port)}
}

// request writes one, with extra header lines and a body of a type.
func (p *peer) request(method string, cseq int, extra, kind, body string) string {
	p.branch++
	local := p.conn.LocalAddr().String()
	toTag := ""
	if p.toTag != "" {
		toTag = ";tag=" + p.toTag
	}
	msg := fmt.Sprintf("%s sip:srs@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport\r\nFrom: <sip:src@%s>;tag=src1\r\nTo: <sip:srs@%s>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:src@%s>;+sip.src\r\nMax-Forwards: 70\r\n",
		method, p.to, local, method, p.branch, local, p.to, toTag, p.callID, cseq, method, local)
	if kind != "" {
		extra += "Content-Type: " + kind + "\r\n"
	}
	return msg + extra + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func (p *peer) send(msg string) {
	p.t.Helper()
	if _, err := p.conn.WriteTo([]byte(msg), p.to); err != nil {
		p.t.Fatal(err)
	}
}

// answer is one response.
type answer struct {
	status int
	raw    string
	body   string
}

// header returns the first header of a name.
func (a answer) header(name string) string {
	m := regexp.MustCompile(`(?im)^` + name + `:[ \t]*(.*?)\r?$`).FindStringSubmatch(a.raw)
	if m == nil {
		return ""
	}
	return m[1]
}

// read returns the next final response, or the next request, to a method.
func (p *peer) read(cseq string) answer {
	p.t.Helper()
	buf := make([]byte, 65536)
	if err := p.conn.SetReadDeadline(time.Now().Add(mediatest.Patience)); err != nil {
		p.t.Fatal(err)
	}
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", cseq, err)
		}
		head, body, _ := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
		a := answer{raw: string(head) + "\r\n", body: string(body)}
		if f := strings.Fields(a.raw); f[0] == "SIP/2.0" {
			a.status, _ = strconv.Atoi(f[1])
		}
		if (a.status == 0 || a.status >= 200) && strings.Contains(a.header("CSeq"), cseq) {
			return a
		}
	}
}

// do sends a request with the next CSeq and returns its final response.
func (p *peer) do(method, extra, kind, body string) answer {
	p.t.Helper()
	p.cseq++
	p.send(p.request(method, p.cseq, extra, kind, body))
	a := p.read(fmt.Sprintf("%d %s", p.cseq, method))
	if method == "INVITE" && a.status == 200 {
		if m := regexp.MustCompile(`tag=([^;>\s]+)`).FindStringSubmatch(a.header("To")); m != nil {
			p.toTag = m[1]
		}
		p.send(p.request("ACK", p.cseq, "", "", ""))
	}
	return a
}

// want sends a request and checks the status of its response.
func (p *peer) want(status int, method, extra, kind, body string) answer {
	p.t.Helper()
	a := p.do(method, extra, kind, body)
	if a.status != status {
		p.t.Fatalf("%s: got %s", method, a.raw)
	}
	return a
}

const sdpType = "application/sdp"

// offer has one m-line for each direction, labels "1", "2", ...
func offer(directions ...string) string {
	b := "v=0\r\no=src 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	for i, d := range directions {
		b += fmt.Sprintf("m=audio %d RTP/AVP 0 8 9 101\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\na=label:%d\r\n", 45000+2*i, d, i+1)
	}
	return b
}

// metadata names a session and two participants by RFC 7865.
func metadata(session string) string {
	return `<?xml version="1.0"?><recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>complete</datamode>
<session session_id="` + session + `"/>
<participant participant_id="p1"><nameID aor="sip:1001@pbx.example.com"><name>Ann</name></nameID></participant>
<participant participant_id="p2"><nameID aor="sip:+49 30 123456@carrier.example.net"><name>+4930123456</name></nameID></participant>
<stream stream_id="s1" session_id="` + session + `"><label>1</label></stream>
<stream stream_id="s2" session_id="` + session + `"><label>2</label></stream>
<participantstreamassoc participant_id="p1"><send>s1</send></participantstreamassoc>
<participantstreamassoc participant_id="p2"><send>s2</send></participantstreamassoc>
</recording>`
}

const mixedType = `multipart/mixed; boundary="b"`

// mixed makes a body of parts, each a type and a content.
func mixed(parts ...string) string {
	out := ""
	for i := 0; i < len(parts); i += 2 {
		out += "--b\r\nContent-Type: " + parts[i] + "\r\n\r\n" + parts[i+1] + "\r\n"
	}
	return out + "--b--\r\n"
}

// ports returns the ports of an answer's m-lines.
func ports(t *testing.T, sdp string) []int {
	t.Helper()
	var out []int
	for _, m := range regexp.MustCompile(`(?m)^m=\w+ (\d+) `).FindAllStringSubmatch(sdp, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// rtpTo sends one packet of PCMU.
func rtpTo(t *testing.T, port int, seq uint16, ssrc byte) {
	t.Helper()
	c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sendRTP(t, c, seq, ssrc)
}

func sendRTP(t *testing.T, c net.Conn, seq uint16, ssrc byte) {
	t.Helper()
	p := append([]byte{0x80, 0, byte(seq >> 8), byte(seq), 0, 0, byte(seq >> 8), byte(seq), 0, 0, 0, ssrc}, make([]byte, 160)...)
	if _, err := c.Write(p); err != nil {
		t.Fatal(err)
	}
}
