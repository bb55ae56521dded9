package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot/internal/need"
	"earshot/media/audio"
	"earshot/media/mediatest"
)

// A peer that shares no code with us sends a SIPREC call with speech; it ends
// as an interaction with two legs, utterances of both, and a score.
func TestServe_CallFromSippIsScored(t *testing.T) {
	need.Tool(t, "flite")
	s := newServer(t)
	s.start()
	legs := [2][]byte{
		muLaw(t, "Good morning and thank you for calling customer service. This call is recorded."),
		muLaw(t, "Hello, I would like to pay my bill today please. Can you help me with that?"),
	}
	const frame = 160
	n := max(len(legs[0]), len(legs[1])) / frame
	capture := mediatest.Capture(n, func(leg, i int) []byte {
		out := make([]byte, frame)
		for k := range out {
			out[k] = 0xff // silence
		}
		if from := i * frame; from < len(legs[leg]) {
			copy(out, legs[leg][from:])
		}
		return out
	})
	mediatest.Sipp(t, mediatest.Call{Scenario: "../../media/testdata/sipp/siprec.xml", Capture: capture, Plays: time.Duration(n) * 20 * time.Millisecond,
		Target: s.sip, Transport: "udp", MediaPort: 42000})
	s.expect(1, interactions)
	s.expect(2, "SELECT length(legs) FROM earshot.interactions")
	s.expect(1, finals)
	for _, role := range []string{"agent", "customer"} {
		if n, err := s.count("SELECT count() FROM earshot.utterances_current WHERE role = '" + role + "'"); err != nil || n == 0 {
			t.Errorf("%s: %d utterances, %v", role, n, err)
		}
	}
	s.expect(0, "SELECT count() FROM earshot.interactions WHERE position(toString(legs), '5550100123') > 0")
}

// muLaw speaks a text as G.711 mu-law at 8 kHz.
func muLaw(t *testing.T, text string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	speak(t, path, text)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := audio.NewWAVReader(f, path)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	down, err := audio.NewResampler(r.Format().Rate, 8000)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, sample := range down.Flush(down.Process(nil, pcm)) {
		out = append(out, audio.EncodeMuLaw(sample))
	}
	return out
}
