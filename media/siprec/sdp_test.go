package siprec_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"earshot"
	"earshot/media/siprec"
)

const head = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

func parse(t *testing.T, sdp string) *siprec.SDP {
	t.Helper()
	s, err := siprec.ParseSDP([]byte(sdp))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseSDP_ReadsWhatMatters(t *testing.T) {
	s := parse(t, head+"a=inactive\r\nm=audio 4000 RTP/AVP 98 8 0 101\r\na=rtpmap:98 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\na=label:left\r\na=rtcp-mux\r\n"+
		"m=audio 4002/2 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\na=label:right\r\nm=video 0 RTP/AVP 96\r\n")
	if len(s.Media) != 3 {
		t.Fatalf("%d m-lines", len(s.Media))
	}
	a, b := s.Media[0], s.Media[1]
	if a.First() != earshot.G722 || a.Codecs()[98] != earshot.G722 || a.Codecs()[8] != earshot.PCMA || len(a.Codecs()) != 3 {
		t.Fatalf("codecs %v", a.Codecs())
	}
	if a.Direction != siprec.SendOnly || a.Hold || a.Label != "left" || !a.RTCPMux || a.Addr != netip.MustParseAddr("192.0.2.1") {
		t.Fatalf("first: %+v", a)
	}
	if b.Direction != siprec.Inactive || !b.Hold || b.Port != 4002 || b.Addr != netip.MustParseAddr("2001:db8::1") {
		t.Fatalf("second: %+v", b)
	}
}

func TestParseSDP_IsKindToWhatIsDeployed(t *testing.T) {
	tests := map[string]string{
		"t before c":      "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		"bare line feeds": strings.ReplaceAll(head+"m=audio 4000 RTP/AVP 0\r\n", "\r\n", "\n"),
		"stray lines":     head + "_\r\n\r\nx=y\r\nm=audio 4000 RTP/AVP 0\r\na=\r\na=rtpmap:\r\na=rtpmap:0\r\n",
		"name in c-line":  strings.ReplaceAll(head, "192.0.2.1", "host.example.com") + "m=audio 4000 RTP/AVP 0\r\n",
	}
	for name, sdp := range tests {
		t.Run(name, func(t *testing.T) {
			if s := parse(t, sdp); len(s.Media) != 1 || s.Media[0].Usable() != "" {
				t.Fatalf("got %+v", s.Media)
			}
		})
	}
	if m := parse(t, strings.ReplaceAll(head, "c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0")+"m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n").Media[0]; !m.Hold || m.Addr.IsValid() {
		t.Fatalf("hold by 0.0.0.0: %+v", m)
	}
}

func TestParseSDP_RefusesWhatIsNone(t *testing.T) {
	for _, sdp := range []string{"", "hello", "m=audio 1 RTP/AVP 0", head + "m=audio\r\n", head + "m=audio x RTP/AVP 0\r\n", head + "m=audio 70000 RTP/AVP 0\r\n", head + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", 100)} {
		if s, err := siprec.ParseSDP([]byte(sdp)); !errors.Is(err, siprec.ErrSDP) {
			t.Errorf("%.40q: got %+v, %v", sdp, s, err)
		}
	}
}

func TestWriteAnswer_AnswersEveryLine(t *testing.T) {
	offer := parse(t, head+"m=audio 4000 RTP/AVP 18 98 101\r\na=rtpmap:98 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\na=label:1\r\n"+
		"m=video 4002 RTP/AVP 96\r\na=label:2\r\nm=audio 4004 RTP/AVP 0\r\na=inactive\r\na=label:3\r\nm=audio 4006 RTP/AVP 0\r\na=rtcp-mux\r\n")
	got := string(siprec.WriteAnswer(offer, siprec.Answer{Session: 7, Version: 3, Addr: netip.MustParseAddr("192.0.2.9"), Ports: []int{5000, 0, 5002, 5004}}))
	want := "v=0\r\no=earshot 7 3 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" +
		"m=audio 5000 RTP/AVP 98 101\r\na=rtpmap:98 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\na=recvonly\r\na=label:1\r\n" +
		"m=video 0 RTP/AVP 96\r\na=label:2\r\n" +
		"m=audio 5002 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\na=label:3\r\n" +
		"m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=rtcp-mux\r\na=recvonly\r\n"
	if got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWriteOffer_IsReadBackAsItWas(t *testing.T) {
	s := parse(t, string(siprec.WriteOffer(siprec.Answer{Session: 1, Version: 1, Addr: netip.MustParseAddr("::1"), Ports: []int{4000, 4002}},
		siprec.Payload{Type: 9, Name: "G722", Clock: 8000}, []string{"1", "2"}, siprec.SendOnly)))
	if len(s.Media) != 2 || s.Media[1].Port != 4002 || s.Media[1].Label != "2" || s.Media[0].First() != earshot.G722 || s.Media[0].Direction != siprec.SendOnly || s.Media[0].Addr != netip.MustParseAddr("::1") {
		t.Fatalf("got %+v", s.Media)
	}
}

func FuzzParseSDP(f *testing.F) {
	f.Add([]byte(head + "m=audio 4000 RTP/AVP 98 8\r\na=rtpmap:98 G722/8000\r\na=label:1\r\na=sendonly\r\n"))
	f.Add([]byte("v=0\nm=video 0 RTP/SAVP 96\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := siprec.ParseSDP(data)
		if err != nil {
			return
		}
		ports := make([]int, len(s.Media))
		for i := range s.Media {
			if s.Media[i].Usable() == "" {
				ports[i] = 5000 + 2*i
			}
		}
		out := siprec.WriteAnswer(s, siprec.Answer{Session: 1, Version: 1, Addr: netip.MustParseAddr("127.0.0.1"), Ports: ports})
		again, err := siprec.ParseSDP(out)
		if err != nil || len(again.Media) != len(s.Media) {
			t.Fatalf("answer has %d m-lines, offer %d: %v\n%s", len(again.Media), len(s.Media), err, out)
		}
		for i := range ports {
			if again.Media[i].Port != ports[i] {
				t.Fatalf("m-line %d has port %d, want %d\n%s", i, again.Media[i].Port, ports[i], out)
			}
		}
	})
}
