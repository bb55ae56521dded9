package e2e_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"earshot/internal/need"
)

// The commands of the quick start are typed as they stand, but for the ports
// and the data folder.
func TestQuickstart_CommandsDoWhatItSays(t *testing.T) {
	need.Tool(t, "curl")
	s := newServer(t)
	s.start()
	doc, err := os.ReadFile("../../docs/quickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	place := strings.NewReplacer("127.0.0.1:8080", s.http, "127.0.0.1:8123", s.ch, "data/", s.data+"/")
	chat := place.Replace(commands(t, string(doc), "## 4. Send a chat"))
	if out := shell(t, chat); strings.Count(out, `"accepted"`) != 2 {
		t.Fatalf("the chat was answered %s", out)
	}
	s.expect(1, finals)
	if out := shell(t, place.Replace(commands(t, string(doc), "## 5. Ask ClickHouse"))); strings.TrimSpace(out) != "1" {
		t.Fatalf("ClickHouse answered %q", out)
	}
}

// commands returns the indented lines of a section.
func commands(t *testing.T, doc, section string) string {
	t.Helper()
	_, rest, found := strings.Cut(doc, section+"\n")
	if !found {
		t.Fatalf("there is no section %q", section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var out strings.Builder
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "    ") {
			out.WriteString(strings.TrimPrefix(line, "    "))
		}
	}
	if out.Len() == 0 {
		t.Fatalf("%q has no commands", section)
	}
	return out.String()
}

func shell(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-e", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	return string(out)
}
