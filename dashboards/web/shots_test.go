package web_test

import (
	"fmt"
	"os"
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
	all := []string{"/interactions", "/interactions?q=nothing+says+this", "/interactions/" + poorCall, "/interactions/" + goodCall,
		"/interactions/" + chat, "/interactions/" + longChat, "/interactions/" + waiting, "/agents", "/agents/1002", "/nope"}
	own := []string{"/agents/1002", "/interactions/" + poorCall, "/interactions"}
	for _, height := range []int64{900, 1100} {
		width := map[int64]int64{900: 1440, 1100: 390}[height]
		for _, look := range [][2]string{{"en", "light"}, {"en", "dark"}, {"zh", "light"}, {"zh", "dark"}} {
			b.run(t, b.size(width, height), b.cookie("earshot_lang", look[0]), b.cookie("earshot_theme", look[1]))
			for n, path := range all {
				b.shoot(t, path, fmt.Sprintf("%s/%02d-%d-%s-%s.png", dir, n, width, look[0], look[1]))
			}
			b.run(t, b.open("/agents/1002"), click(".agent-head button"), wait(`location.pathname === "/agents/1002" && document.querySelector(".agent-head button") === null`), b.settle())
			for n, path := range own {
				b.shoot(t, path, fmt.Sprintf("%s/own%d-%d-%s-%s.png", dir, n, width, look[0], look[1]))
			}
			b.run(t, click(".bar-end .accent"), wait(`location.pathname === "/interactions"`), b.settle())
		}
	}
	b.clean(t, "/nope")
	s := withLogins(t, nil)
	b.url = s.srv.URL
	b.shoot(t, "/login", dir+"/login.png")
}

// shoot writes what is seen of a page at first, with its first form open.
func (b *browser) shoot(t *testing.T, path, file string) {
	t.Helper()
	b.run(t, b.open(path), chromedp.Evaluate[chromedp.Void](`document.querySelector("details.act, details.appeal")?.setAttribute("open", "")`), b.settle())
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
