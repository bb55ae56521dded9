package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestShots writes a picture of every page into the folder that
// EARSHOT_SHOTS names, for people to look at.
func TestShots(t *testing.T) {
	dir := os.Getenv("EARSHOT_SHOTS")
	if dir == "" {
		t.Skip("EARSHOT_SHOTS names no folder for pictures")
	}
	srv, world := demo(t, 130)
	b := startBrowser(t, srv, world)
	pages := []struct{ name, path string }{
		{"list", "/interactions"},
		{"empty", "/interactions?q=nothing+says+this"},
		{"call", "/interactions/" + poorCall},
		{"goodcall", "/interactions/" + goodCall},
		{"chat", "/interactions/" + chat},
		{"long", "/interactions/" + longChat},
		{"waiting", "/interactions/" + waiting},
		{"agents", "/agents"},
		{"agent", "/agents/1002"},
		{"notfound", "/nope"},
	}
	for width, height := range map[int64]int64{1440: 900, 390: 1100} {
		for _, look := range [][2]string{{"en", "light"}, {"en", "dark"}, {"zh", "light"}, {"zh", "dark"}} {
			for _, p := range pages {
				b.run(t, b.size(width, height), b.cookie("earshot_lang", look[0]), b.cookie("earshot_theme", look[1]), b.open(p.path))
				picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%s-%d-%s-%s.png", p.name, width, look[0], look[1])
				if err := os.WriteFile(filepath.Join(dir, name), picture, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	b.clean(t, "/nope")
}
