package siprec_test

import (
	"bytes"
	"strings"
	"testing"

	"earshot/media/siprec"
)

const (
	sdpText = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
	xmlText = "<recording/>"
)

func TestParseBody_TakesWhatIsDeployed(t *testing.T) {
	part := func(kind, content string) string {
		return "--b\r\nContent-Type: " + kind + "\r\n\r\n" + content + "\r\n"
	}
	sdp, meta := part("application/sdp", sdpText), part("application/rs-metadata+xml", xmlText)
	tests := map[string]struct{ kind, body string }{
		"as the RFC writes it":      {"multipart/mixed;boundary=b", sdp + meta + "--b--\r\n"},
		"metadata first":            {"multipart/mixed;boundary=b", meta + sdp + "--b--\r\n"},
		"quoted boundary":           {`multipart/mixed; boundary="b"`, sdp + meta + "--b--\r\n"},
		"no space in part headers":  {"multipart/mixed;boundary=b", strings.ReplaceAll(sdp+meta, "Content-Type: ", "Content-Type:") + "--b--"},
		"leading empty line":        {"multipart/mixed;boundary=b", "\r\n" + sdp + meta + "--b--\r\n"},
		"preamble":                  {"multipart/mixed;boundary=b", "This is SIPREC\r\n" + sdp + meta + "--b--\r\n"},
		"no closing boundary":       {"multipart/mixed;boundary=b", sdp + meta},
		"bare line feeds":           {"multipart/mixed;boundary=b", strings.ReplaceAll(sdp+meta+"--b--", "\r\n", "\n")},
		"third part":                {"multipart/mixed;boundary=b", part("application/gtd", "IAM,") + sdp + meta + "--b--\r\n"},
		"old metadata type":         {"multipart/mixed;boundary=b", sdp + part("application/rs-metadata", xmlText) + "--b--\r\n"},
		"types with parameters":     {"Multipart/Mixed;boundary=b", part("application/SDP;charset=x", sdpText) + meta + "--b--\r\n"},
		"parts without a type":      {"multipart/mixed;boundary=b", "--b\r\n\r\n" + sdpText + "\r\n--b\r\n\r\n" + xmlText + "\r\n--b--\r\n"},
		"no boundary parameter":     {"multipart/mixed", sdp + meta + "--b--\r\n"},
		"boundary with odd letters": {"multipart/mixed;boundary=OSS-unique-boundary-42", strings.ReplaceAll(sdp+meta+"--b--\r\n", "--b", "--OSS-unique-boundary-42")},
		"disposition before type":   {"multipart/mixed;boundary=b", strings.ReplaceAll(sdp+meta, "Content-Type", "Content-Disposition: session\r\nContent-Type") + "--b--"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := siprec.ParseBody(tt.kind, []byte(tt.body))
			if err != nil || !bytes.HasPrefix(b.SDP, []byte("v=0")) || !bytes.HasPrefix(b.Metadata, []byte(xmlText)) {
				t.Fatalf("got SDP %q, metadata %q, %v", b.SDP, b.Metadata, err)
			}
		})
	}
}

func TestParseBody_TakesSinglePartsByTypeOrLook(t *testing.T) {
	tests := map[string]struct {
		kind, body string
		sdp, meta  bool
	}{
		"SDP":                   {"application/sdp", sdpText, true, false},
		"metadata":              {"application/rs-metadata+xml", xmlText, false, true},
		"SDP without a type":    {"", sdpText, true, false},
		"metadata as plain XML": {"application/xml", xmlText, false, true},
		"nothing":               {"application/sdp", "", false, false},
		"DTMF relay":            {"application/dtmf-relay", "Signal=1", false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := siprec.ParseBody(tt.kind, []byte(tt.body))
			if err != nil || (b.SDP != nil) != tt.sdp || (b.Metadata != nil) != tt.meta {
				t.Fatalf("got %+v, %v", b, err)
			}
		})
	}
}

func TestParseBody_RefusesAMultipartWithoutParts(t *testing.T) {
	for _, kind := range []string{"multipart/mixed;boundary=b", "multipart/mixed"} {
		if b, err := siprec.ParseBody(kind, []byte("nothing")); err == nil {
			t.Errorf("%s: got %+v", kind, b)
		}
	}
}

func TestWriteBody_IsReadBackAsItWas(t *testing.T) {
	kind, body, err := siprec.WriteBody([]byte(sdpText), []byte(xmlText))
	if err != nil {
		t.Fatal(err)
	}
	b, err := siprec.ParseBody(kind, body)
	if err != nil || string(b.SDP) != sdpText || string(b.Metadata) != xmlText || len(b.Others) != 0 {
		t.Fatalf("got %+v, %v", b, err)
	}
}

func FuzzParseBody(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--"))
	f.Add("multipart/mixed", []byte("--x\n\n<a/>\n--x--"))
	f.Add("application/sdp", []byte("v=0"))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		b, err := siprec.ParseBody(kind, data)
		if err == nil && len(b.SDP)+len(b.Metadata) > len(data) {
			t.Fatalf("%d bytes of SDP and %d of metadata from %d", len(b.SDP), len(b.Metadata), len(data))
		}
	})
}
