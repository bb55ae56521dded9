package style_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDesigns_SayWhyTheRolesAreAsTheyAre(t *testing.T) {
	for _, room := range []string{"media", "ingest", "asr", "qa", "metrics", "dashboards", "internal/bus", "internal/embedded/clickhouse"} {
		text, err := os.ReadFile(filepath.Join(top, room, "DESIGN.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(text), "\n```") {
			t.Errorf("%s/DESIGN.md does not draw the flow", room)
		}
		if !strings.Contains(string(text), "\n## Decisions") && !strings.Contains(string(text), "\n## Trade-offs") {
			t.Errorf("%s/DESIGN.md gives no decisions or trade-offs", room)
		}
	}
}
