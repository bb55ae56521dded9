package asrtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"earshot/internal/need"
	"earshot/media/audio"
)

// Rate of the speech that Say makes, in Hz.
const Rate = 16000

// Say has flite speak a text with one of its voices (slt, rms, awb, kal16).
func Say(t testing.TB, voice, text string) []int16 {
	t.Helper()
	flite := need.Tool(t, "flite")
	file := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.Command(flite, "-voice", voice, "-o", file, "-t", text).CombinedOutput(); err != nil {
		t.Fatalf("cannot speak with %s: %v: %s", flite, err, out)
	}
	return readWAV(t, file)
}

func readWAV(t testing.TB, file string) []int16 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := audio.NewWAVReader(f, file)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Format(); got.Rate != Rate || got.Channels != 1 {
		t.Fatalf("%s: %d Hz, %d channels, want %d Hz, 1 channel", file, got.Rate, got.Channels, Rate)
	}
	pcm, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}
