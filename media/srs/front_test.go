package srs

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestRepairLines_LeavesTheBodyAlone(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"whole":       {"A\r\nB: c\r\n\r\nx\ny", "A\r\nB: c\r\n\r\nx\ny"},
		"bare":        {"A\nB: c\n\nx\ny", "A\r\nB: c\r\n\r\nx\ny"},
		"mixed":       {"A\r\nB: c\nD: e\r\n\r\nx\r\ny", "A\r\nB: c\r\nD: e\r\n\r\nx\r\ny"},
		"no body":     {"A\nB: c\n\n", "A\r\nB: c\r\n\r\n"},
		"no end":      {"A\nB: c", "A\r\nB: c\r\n\r\n"},
		"keep-alive":  {"\r\n\r\n", "\r\n\r\n"},
		"nothing":     {"", ""},
		"binary body": {"A\n\n\x00\n\x01", "A\r\n\r\n\x00\n\x01"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := repairLines([]byte(tt.in)); string(got) != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRefusal_AnswersOnlyRequestsThatCanBeAnswered(t *testing.T) {
	whole := "INVITE sip:x SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x>\r\ni: 1\r\nCSeq: 1 INVITE\r\nContact: <\r\n\r\n"
	got := string(refusal([]byte(whole), errors.New("bad\r\nContact")))
	if !strings.HasPrefix(got, "SIP/2.0 400 Bad Request: bad  Contact\r\nv: SIP/2.0/UDP") || strings.Contains(got, "Contact: <") {
		t.Fatalf("got %q", got)
	}
	for _, msg := range []string{
		strings.Replace(whole, "INVITE sip", "ACK sip", 1), strings.Replace(whole, "i: 1\r\n", "", 1),
		"SIP/2.0 200 OK\r\n" + whole, "hello", "",
	} {
		if got := refusal([]byte(msg), errors.New("x")); got != nil {
			t.Errorf("%q is answered %q", msg, got)
		}
	}
}

func FuzzFront(f *testing.F) {
	f.Add([]byte("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:x>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n"))
	f.Add([]byte("INVITE sip:x SIP/2.0\r\nContact: <\r\n\r\n"))
	front := &front{parser: sip.NewParser(), stats: newStats(nil)}
	props := sip.TransportReadProps{Transport: "UDP", LocalAddr: &net.UDPAddr{}, RemoteAddr: &net.UDPAddr{}}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := front.filter(props, data)
		if err != nil {
			t.Fatal("an error would end the listener")
		}
		if len(bytes.TrimSpace(out)) > 0 {
			if _, err := front.parser.ParseSIP(out); err != nil {
				t.Fatalf("let through what can't be parsed: %v", err)
			}
		}
		if again := repairLines(repairLines(data)); !bytes.Equal(again, repairLines(data)) {
			t.Fatalf("repairing twice is not repairing once: %q", data)
		}
	})
}

func TestGlobMatch_TakesAnyRun(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"sip:*@agents.example.com", "sip:ann@agents.example.com", true},
		{"sip:*@agents.example.com", "sip:ann@example.com", false},
		{"*", "", true}, {"a", "a", true}, {"a", "ab", false}, {"a*", "ab", true}, {"*b", "ab", true},
		{"a*b*c", "axxbyyc", true}, {"a*b*c", "axxcyyb", false}, {"ab*ba", "aba", false},
	}
	for _, tt := range tests {
		if got := globMatch(tt.pattern, tt.s); got != tt.want {
			t.Errorf("%q, %q: got %v", tt.pattern, tt.s, got)
		}
	}
}

func TestServer_TellsNumbersFromExtensions(t *testing.T) {
	for a, want := range map[string]bool{
		"tel:+1-555-010-0123": true, "sip:+1 (555) 0100123@carrier.example;user=phone": true, `"Bob" <sip:5550100@x>`: true, "+49": true,
		"sip:1001@pbx": false, "sip:Ann@Example.com": false, "": false,
	} {
		if isNumber(a) != want {
			t.Errorf("%q: got %v", a, !want)
		}
	}
}
