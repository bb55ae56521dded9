package style_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// edges lists what each room may import beside the standard library, other
// modules, the root package and the rooms below itself. A new edge is a line
// here, with a reason.
var edges = map[string][]string{
	"media":      {"internal/bus", "internal/address"}, // a customer has one hash on all channels
	"ingest":     {"internal/bus", "internal/address", "internal/redact"},
	"asr":        {"internal/bus", "internal/redact", "media/audio"}, // RTP to PCM is written once
	"qa":         {"internal/bus", "internal/config"},
	"metrics":    {"internal/bus"},
	"dashboards": {"internal/bus", "internal/config", "metrics/kpi", "metrics/query"}, // reads what metrics defines
	// imported transcripts are redacted before they are written
	"media/importer":    {"internal/redact"},
	"internal/address":  {},
	"internal/bus":      {},
	"internal/redact":   {},
	"internal/config":   {},
	"internal/embedded": {},
	// for tests: a broker, an engine, waiting, and what becomes of a test without its tool
	"internal/await":       {},
	"internal/need":        {},
	"internal/bus/bustest": {"internal/embedded/kafka"},
	"metrics/metricstest":  {"internal/embedded/clickhouse", "internal/need"},
	"asr/asrtest":          {"internal/need"},
	"media/mediatest":      {"internal/need"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "earshot/...").Output()
	if err != nil {
		t.Fatalf("cannot list packages: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports_PointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "earshot/")
		if room == "earshot" {
			for _, i := range p.Imports {
				if strings.Contains(i, ".") || strings.HasPrefix(i, "earshot") {
					t.Errorf("the root package imports %s; it may import only the standard library", i)
				}
			}
			continue
		}
		if strings.HasPrefix(room, "cmd/") || strings.HasPrefix(room, "internal/e2e") {
			continue // wires everything together; nothing imports it
		}
		for _, i := range p.Imports {
			target, ours := strings.CutPrefix(i, "earshot/")
			if ours && !allowed(room, target) {
				t.Errorf("%s imports %s: not in the table of edges", room, target)
			}
		}
	}
}

// allowed looks for the edge at the room itself and at every room around it.
func allowed(room, target string) bool {
	if strings.HasPrefix(target, "cmd/") {
		return false
	}
	for r := room; r != "."; r = path.Dir(r) {
		if target == r || strings.HasPrefix(target, r+"/") && r != "internal" {
			return true
		}
		for _, e := range edges[r] {
			if target == e {
				return true
			}
		}
	}
	return false
}
