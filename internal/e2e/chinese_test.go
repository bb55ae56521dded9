package e2e_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"earshot/internal/need"
)

// No built-in engine knows Chinese speech. Such a call is kept and shown, says
// why it has no transcript, and counts in nobody's score.
func TestServe_CallInChineseIsKeptAndNotScored(t *testing.T) {
	need.Tool(t, "espeak-ng")
	var wavs []string
	for name, text := range map[string]string{"agent": "您好，很高兴为您服务。", "customer": "你好，我想查一下账单。"} {
		path := filepath.Join(t.TempDir(), name+".wav")
		if out, err := exec.CommandContext(t.Context(), "espeak-ng", "-v", "cmn", "-w", path, text).CombinedOutput(); err != nil {
			t.Fatalf("cannot speak: %v: %s", err, out)
		}
		wavs = append(wavs, "--wav", path)
	}
	s := newServer(t)
	s.start()
	if _, err := s.command(append([]string{"call", "--language", "zh", "sip:" + s.sip}, wavs...)...); err != nil {
		t.Fatal(err)
	}
	s.expect(1, "SELECT count() FROM earshot.interactions WHERE length(legs) = 2 AND attributes['asr.skipped'] != ''")
	s.expect(1, "SELECT count() FROM earshot.evaluations_current WHERE track = 'final' AND NOT scored")
	s.expect(0, "SELECT count() FROM earshot.utterances_current")
	kept, err := filepath.Glob(filepath.Join(s.data, "recordings", "*", "*", "*", "*.wav"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("recordings: %v, %v", kept, err)
	}
}
