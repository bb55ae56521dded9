package need_test

import (
	"os"
	"path/filepath"
	"testing"

	"earshot/internal/need"
)

// probe is a test that notes how it ended.
type probe struct {
	testing.TB
	skipped, failed bool
}

func (p *probe) Helper()              {}
func (p *probe) Skip(...any)          { p.skipped = true }
func (p *probe) Skipf(string, ...any) { p.skipped = true }
func (p *probe) Fatal(...any)         { p.failed = true }

func TestThat_SkipsUnlessEverythingHasToRun(t *testing.T) {
	for _, tt := range []struct {
		env             string
		ok              bool
		skipped, failed bool
	}{
		{"", true, false, false}, {"", false, true, false}, {"require", true, false, false}, {"require", false, false, true},
	} {
		t.Setenv("EARSHOT_E2E", tt.env)
		p := &probe{TB: t}
		if need.That(p, tt.ok, "nothing"); p.skipped != tt.skipped || p.failed != tt.failed {
			t.Errorf("%+v: skipped %v, failed %v", tt, p.skipped, p.failed)
		}
	}
}

func TestTool_IsTheFirstThatIsInstalled(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "second"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if got := need.Tool(t, "first", "second"); got != filepath.Join(dir, "second") {
		t.Errorf("got %q", got)
	}
	t.Setenv("EARSHOT_E2E", "require")
	p := &probe{TB: t}
	if need.Tool(p, "first", "third"); !p.failed {
		t.Error("a missing tool went unnoticed")
	}
}

func TestData_SkipsWhereThereIsNone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("EARSHOT_TEST_DATA", dir)
	if got := need.Data(t, "."); got != dir {
		t.Errorf("got %q", got)
	}
	t.Setenv("EARSHOT_E2E", "require")
	p := &probe{TB: t}
	if need.Data(p, "calls"); !p.skipped || p.failed {
		t.Error("missing data was not skipped")
	}
}
