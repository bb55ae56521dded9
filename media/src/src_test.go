package src_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/media/src"
)

func options() src.Options {
	return src.Options{
		Target: "sip:127.0.0.1:5060", Agent: src.PCM(8000, make([]int16, 800)), Customer: src.PCM(8000, make([]int16, 800)),
		AnswerWithin: 200 * time.Millisecond,
	}
}

func TestCall_SaysWhatIsWrongWithItsOptions(t *testing.T) {
	tests := map[string]struct {
		change func(*src.Options)
		say    string
	}{
		"no scheme":     {func(o *src.Options) { o.Target = "127.0.0.1:5060" }, "target"},
		"bad port":      {func(o *src.Options) { o.Target = "sip:127.0.0.1:99999" }, "99999"},
		"no host":       {func(o *src.Options) { o.Target = "sip::5060" }, "no host"},
		"bad transport": {func(o *src.Options) { o.Target = "sip:127.0.0.1;transport=pigeon" }, "pigeon"},
		"codec":         {func(o *src.Options) { o.Codec = "OPUS" }, "pcmu, pcma or g722"},
		"no audio":      {func(o *src.Options) { o.Customer = nil }, "audio"},
		"pace":          {func(o *src.Options) { o.Pace = -1 }, "pace"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options()
			tt.change(&o)
			_, err := src.Call(t.Context(), o)
			if earshot.KindOf(err) != earshot.Invalid || !strings.Contains(err.Error(), tt.say) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestCall_SaysThatNobodyAnswers(t *testing.T) {
	silent, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	tests := map[string]struct{ target, say string }{
		"udp": {"sip:" + silent.LocalAddr().String(), "within 200ms: is Earshot running there?"},
		"tcp": {"sip:" + closed.Addr().String() + ";transport=tcp", "connection refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Target = tt.target
			_, err := src.Call(t.Context(), o)
			if earshot.KindOf(err) != earshot.Unavailable || !strings.Contains(err.Error(), tt.target) || !strings.Contains(err.Error(), tt.say) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// answering answers every request with one status line.
func answering(t *testing.T, status string) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65536)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			res := "SIP/2.0 " + status + "\r\n"
			for _, line := range strings.Split(string(buf[:n]), "\r\n") {
				for _, name := range []string{"Via:", "From:", "To:", "Call-ID:", "CSeq:"} {
					if strings.HasPrefix(line, name) {
						res += line + "\r\n"
					}
				}
			}
			_, _ = conn.WriteTo([]byte(res+"Content-Length: 0\r\n\r\n"), from)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return "sip:" + conn.LocalAddr().String()
}

func TestCall_SaysWhyItWasRefused(t *testing.T) {
	tests := map[string]struct {
		status string
		kind   earshot.Kind
	}{
		"busy":   {"503 No more calls are taken", earshot.Unavailable},
		"codec":  {"488 No stream can be taken", earshot.Invalid},
		"denied": {"403 Not you", earshot.Denied},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options()
			o.Target = answering(t, tt.status)
			o.AnswerWithin = 20 * time.Second
			_, err := src.Call(t.Context(), o)
			if earshot.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.status) {
				t.Fatalf("got %v (%v)", err, earshot.KindOf(err))
			}
		})
	}
}

func TestPCM_PlaysOnce(t *testing.T) {
	s := src.PCM(16000, []int16{1, 2, 3})
	dst := make([]int16, 2)
	if n, err := s.Read(dst); n != 2 || err != nil || s.Rate() != 16000 {
		t.Fatalf("got %d, %v", n, err)
	}
	if n, err := s.Read(dst); n != 1 || dst[0] != 3 || err != io.EOF {
		t.Fatalf("got %d, %v", n, err)
	}
}
