package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"earshot/dashboards/web"
	"earshot/dashboards/web/webtest"
	"earshot/internal/need"
)

const (
	poorCall = string(webtest.PoorCall)
	goodCall = string(webtest.GoodCall)
	chat     = string(webtest.Chat)
	longChat = string(webtest.LongChat)
	waiting  = string(webtest.Waiting)
)

// now is when the newest sample begins; the samples never depend on the clock.
var now = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// demo serves a demo over samples.
func demo(t *testing.T, extra int) (*httptest.Server, *webtest.World) {
	t.Helper()
	cfg := web.DefaultConfig()
	cfg.Demo = true
	cfg.TimeZone = "UTC"
	return serve(t, cfg, extra)
}

func serve(t *testing.T, cfg web.Config, extra int) (*httptest.Server, *webtest.World) {
	t.Helper()
	world := webtest.New(webtest.Samples(now, extra))
	s, err := web.New(cfg, web.Deps{
		Store: world, Recordings: world, Reviews: world,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv, world
}

// browser is a real Chromium with an empty profile, and what it complained of.
type browser struct {
	ctx   context.Context
	url   string
	world *webtest.World

	mu     sync.Mutex
	faults []string
}

func startBrowser(t *testing.T, srv *httptest.Server, world *webtest.World) *browser {
	t.Helper()
	path := need.Tool(t, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
	need.That(t, assetsBuilt(t, srv), "dashboards/web/dist (make setup builds it)")
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx, url: srv.URL, world: world}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("cannot start %s: %v", path, err)
	}
	if err := chromedp.Do(ctx, command(network.Enable, network.EnableParams{}), command(log.Enable, cdp.Empty{}),
		command(runtime.Enable, cdp.Empty{})); err != nil {
		t.Fatal(err)
	}
	return b
}

// command makes an action from a protocol command.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func assetsBuilt(t *testing.T, srv *httptest.Server) bool {
	t.Helper()
	res, err := srv.Client().Get(srv.URL + "/interactions")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(page), "/assets/app-")
}

// listen gathers what a visitor never should cause: errors and warnings in the
// console, violations of the content policy, requests to other hosts.
func (b *browser) listen(event any) {
	fault := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			fault = e.Entry.Text + " " + e.Entry.URL
		}
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			for _, a := range e.Args {
				fault += string(a.Value) + a.Description + " "
			}
		}
	case *network.EventRequestWillBeSent:
		// data: is the browser's own calendar picture in a date field.
		if !strings.HasPrefix(e.Request.URL, b.url) && !strings.HasPrefix(e.Request.URL, "data:") {
			fault = "request to " + e.Request.URL
		}
	}
	if fault != "" {
		b.mu.Lock()
		b.faults = append(b.faults, fault)
		b.mu.Unlock()
	}
}

// clean fails the test when the browser complained of anything but what is
// expected.
func (b *browser) clean(t *testing.T, expected ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, f := range b.faults {
		for _, e := range expected {
			if strings.Contains(f, e) {
				continue next
			}
		}
		t.Errorf("the browser complained: %s", f)
	}
}

type step = chromedp.Action[chromedp.Void]

func (b *browser) run(t *testing.T, steps ...step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		page, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.querySelector("main")?.innerText ?? "").slice(0, 400)`))
		t.Fatalf("%v; the page was %s", err, page)
	}
}

func (b *browser) open(path string) step {
	return chromedp.Steps(chromedp.Navigate(b.url+path), chromedp.WaitReady(chromedp.CSS("main")), b.settle())
}

func (b *browser) cookie(name, value string) step {
	return command(network.SetCookie, network.SetCookieParams{Name: name, Value: value, URL: b.url})
}

func (b *browser) size(width, height int64) step {
	return chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1))
}

// eval asks the page.
func eval[T any](t *testing.T, b *browser, js string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return out
}

// wait polls the page until the answer is true; unlike a poll within the page
// it lives through a navigation.
func wait(js string) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tick := time.NewTicker(30 * time.Millisecond)
		defer tick.Stop()
		for {
			ok, err := chromedp.Evaluate[bool](js)(ctx, t)
			if err == nil && ok {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s: %w (last: %v)", js, ctx.Err(), err)
			case <-tick.C:
			}
		}
	})
}

func click(css string) step { return chromedp.Click(chromedp.CSS(css)) }

// settle waits until a call's sound and picture are there, where there are any.
func (b *browser) settle() step {
	return wait(`(() => { const a = document.querySelector("audio"); return document.readyState === "complete" && (!a || a.readyState >= 1 || a.error !== null); })()`)
}

var _ web.Store = (*webtest.World)(nil)
var _ web.Recordings = (*webtest.World)(nil)
var _ web.Reviews = (*webtest.World)(nil)
