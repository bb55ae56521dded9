package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"earshot"
	"earshot/dashboards/web"
	"earshot/dashboards/web/webtest"
)

// site is a visitor with cookies who is not taken along by redirects.
type site struct {
	t      *testing.T
	srv    *httptest.Server
	world  *webtest.World
	client *http.Client
	// htmx makes requests those of htmx.
	htmx bool
	lang string
}

func visitor(t *testing.T, srv *httptest.Server, world *webtest.World) *site {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t: t, srv: srv, world: world, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (s *site) do(method, path string, form url.Values, header ...string) (*http.Response, string) {
	s.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.srv.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if s.htmx {
		req.Header.Set("HX-Request", "true")
	}
	req.Header.Set("Accept-Language", s.lang)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(page)
}

func (s *site) get(path string) (*http.Response, string) {
	s.t.Helper()
	return s.do(http.MethodGet, path, nil)
}

// withLogins serves a workbench with three people; their passwords are their
// names twice.
func withLogins(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	file := "users:\n"
	for _, u := range []string{"ada admin", "rita reviewer", "tom agent"} {
		name, role, _ := strings.Cut(u, " ")
		hash, err := bcrypt.GenerateFromPassword([]byte(name+name), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		file += "  - name: " + name + "\n    role: " + role + "\n    password: " + string(hash) + "\n"
		if role == "agent" {
			file += "    agent: \"1002\"\n"
		}
	}
	path := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := web.DefaultConfig()
	cfg.Users = path
	if change != nil {
		change(&cfg)
	}
	srv, world := serve(t, cfg, 0)
	return visitor(t, srv, world)
}

func (s *site) login(name string) *http.Response {
	s.t.Helper()
	res, _ := s.do(http.MethodPost, "/login", url.Values{"name": {name}, "password": {name + name}})
	return res
}

func TestStrangersSeeOnlyTheLogin(t *testing.T) {
	s := withLogins(t, nil)
	for _, path := range []string{"/", "/interactions", "/interactions/" + poorCall, "/interactions/" + poorCall + "/audio.wav",
		"/interactions/" + poorCall + "/peaks.json", "/agents", "/agents/1002"} {
		res, page := s.get(path)
		if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/login") || strings.Contains(page, "Becker") {
			t.Errorf("%s: %d to %q", path, res.StatusCode, res.Header.Get("Location"))
		}
	}
	res, _ := s.do(http.MethodPost, "/interactions/"+poorCall+"/reviews", url.Values{"kind": {"verdict"}})
	if res.StatusCode != http.StatusSeeOther || len(s.world.Reviews()) != 0 {
		t.Errorf("a stranger's review: %d, %d reviews", res.StatusCode, len(s.world.Reviews()))
	}
	if res, _ := s.do(http.MethodPost, "/demo/agent", url.Values{"agent": {"1002"}}); res.StatusCode != http.StatusNotFound {
		t.Errorf("the demo's door answers %d", res.StatusCode)
	}
	s.htmx = true
	if res, _ := s.get("/interactions"); res.Header.Get("HX-Redirect") != "/login" {
		t.Errorf("htmx is sent to %q", res.Header.Get("HX-Redirect"))
	}
}

func TestLoginOpensAndLogoutCloses(t *testing.T) {
	s := withLogins(t, nil)
	if res, page := s.do(http.MethodPost, "/login", url.Values{"name": {"ada"}, "password": {"wrong"}}); res.StatusCode != http.StatusUnauthorized || !strings.Contains(page, "Name or password is wrong") {
		t.Errorf("a wrong password: %d", res.StatusCode)
	}
	res := s.login("ada")
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the right password: %d", res.StatusCode)
	}
	for _, c := range res.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s: HttpOnly %v, SameSite %v", c.Name, c.HttpOnly, c.SameSite)
		}
	}
	if res, page := s.get("/interactions"); res.StatusCode != http.StatusOK || !strings.Contains(page, "Tom Becker") || strings.Contains(page, "Demo:") {
		t.Errorf("the list after the login: %d", res.StatusCode)
	}
	if res, _ := s.do(http.MethodPost, "/logout", url.Values{}); res.StatusCode != http.StatusSeeOther {
		t.Errorf("logout: %d", res.StatusCode)
	}
	if res, _ := s.get("/interactions"); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the list after the logout: %d", res.StatusCode)
	}
}

func TestLoginNeverLeadsToAnotherSite(t *testing.T) {
	for back, want := range map[string]string{
		"/agents?x=1":            "/agents?x=1",
		"/interactions?q=a%26b":  "/interactions?q=a%26b",
		"//evil.example":         "/",
		"/\\evil.example":        "/",
		"https://evil.example/":  "/",
		"javascript:alert(1)":    "/",
		"/\t/evil.example":       "/",
		"/%2f/evil.example":      "/",
		"":                       "/",
		"/ok\r\nSet-Cookie: a=b": "/",
	} {
		s := withLogins(t, nil)
		res, _ := s.do(http.MethodPost, "/login", url.Values{"name": {"ada"}, "password": {"adaada"}, "back": {back}})
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("back to %q leads to %q, want %q", back, got, want)
		}
		res, _ = s.do(http.MethodPost, "/settings", url.Values{"lang": {"zh"}, "back": {back}})
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("settings back to %q leads to %q, want %q", back, got, want)
		}
	}
}

func TestTooManyWrongPasswordsWait(t *testing.T) {
	s := withLogins(t, func(c *web.Config) { c.LoginAttempts = 3 })
	wrong := url.Values{"name": {"ada"}, "password": {"no"}}
	for range 3 {
		if res, _ := s.do(http.MethodPost, "/login", wrong); res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a wrong password: %d", res.StatusCode)
		}
	}
	if res := s.login("ada"); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the fourth attempt, with the right password: %d, want 429", res.StatusCode)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	form := url.Values{"kind": {"verdict"}, "criterion": {"closing"}, "verdict": {"pass"}, "comment": {"x"}, "nonce": {nonce}}
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		res, page := s.do(http.MethodPost, "/interactions/"+poorCall+"/reviews", form, h...)
		if res.StatusCode != http.StatusForbidden || !strings.Contains(page, "You may not do this") {
			t.Errorf("%v: %d", h, res.StatusCode)
		}
	}
	if len(world.Reviews()) != 0 {
		t.Error("a forged review was produced")
	}
}

func TestAgentsSeeTheirOwnContactsOnly(t *testing.T) {
	s := withLogins(t, nil)
	s.login("tom")
	if res, _ := s.get("/"); res.Header.Get("Location") != "/agents/1002" {
		t.Errorf("an agent starts at %q", res.Header.Get("Location"))
	}
	for _, path := range []string{"/interactions", "/interactions?agent=1001"} {
		if _, page := s.get(path); strings.Contains(page, "Mary Jones") && strings.Contains(page, goodCall) || !strings.Contains(page, poorCall) {
			t.Errorf("%s shows the wrong contacts", path)
		}
	}
	for path, want := range map[string]int{
		"/interactions/" + poorCall:                       200,
		"/interactions/" + poorCall + "/audio.wav":        200,
		"/interactions/" + poorCall + "/peaks.json":       200,
		"/interactions/" + goodCall:                       404,
		"/interactions/" + goodCall + "/audio.wav":        404,
		"/interactions/" + goodCall + "/peaks.json":       404,
		"/interactions/" + goodCall + "/reviews/" + nonce: 404,
		"/agents/1002": 200,
		"/agents/1001": 404,
		"/agents":      403,
	} {
		if res, _ := s.get(path); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	for _, c := range []struct {
		id   string
		form url.Values
		want int
	}{
		{poorCall, url.Values{"kind": {"verdict"}, "criterion": {"closing"}, "verdict": {"pass"}, "comment": {"x"}}, 403},
		{goodCall, url.Values{"kind": {"acknowledge"}}, 404},
		{poorCall, url.Values{"kind": {"appeal"}, "criterion": {"closing"}}, 400},
		{poorCall, url.Values{"kind": {"appeal"}, "criterion": {"closing"}, "comment": {"I did"}}, 303},
		{poorCall, url.Values{"kind": {"acknowledge"}}, 303},
	} {
		c.form.Set("nonce", nonce)
		if res, _ := s.do(http.MethodPost, "/interactions/"+c.id+"/reviews", c.form); res.StatusCode != c.want {
			t.Errorf("%v: %d, want %d", c.form, res.StatusCode, c.want)
		}
	}
	for _, r := range s.world.Reviews() {
		if r.By != "tom" || r.ByRole != "agent" {
			t.Errorf("%s is by %s, %s", r.Action, r.By, r.ByRole)
		}
	}
}

const nonce = "11111111-2222-4333-8444-555555555555"

func TestReviewsFollowWhatStands(t *testing.T) {
	for _, c := range []struct {
		name, criterion, verdict, comment string
		status                            int
		action                            earshot.ReviewAction
		kept                              earshot.Verdict
	}{
		{"the same verdict confirms", "card", "fail", "", 303, earshot.Confirm, ""},
		{"another one overrides", "card", "pass", "why", 303, earshot.Override, earshot.Pass},
		{"an open appeal is resolved", "greeting", "fail", "why", 303, earshot.Resolve, earshot.Fail},
		{"an unclear one is decided", "response", "na", "why", 303, earshot.Override, earshot.NA},
		{"a change needs a comment", "card", "pass", " ", 400, "", ""},
		{"nobody decides to abstain", "card", "abstain", "why", 400, "", ""},
		{"the criterion must exist", "other", "pass", "why", 400, "", ""},
		{"a comment is not a book", "card", "pass", strings.Repeat("字", 2001), 400, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withLogins(t, nil)
			s.login("rita")
			form := url.Values{"kind": {"verdict"}, "criterion": {c.criterion}, "verdict": {c.verdict}, "comment": {c.comment}, "nonce": {nonce}}
			for range 2 { // a second click is the same review
				if res, page := s.do(http.MethodPost, "/interactions/"+poorCall+"/reviews", form); res.StatusCode != c.status {
					t.Fatalf("%d, want %d: %s", res.StatusCode, c.status, page)
				}
			}
			got := s.world.Reviews()
			if c.status != 303 {
				if len(got) != 0 {
					t.Fatalf("produced %v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Action != c.action || got[0].Verdict != c.kept || got[0].By != "rita" || got[0].Evaluation == "" || got[0].At.IsZero() {
				t.Errorf("produced %+v", got)
			}
		})
	}
}

func TestPollingForAReviewEnds(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	s.htmx = true
	path := "/interactions/" + poorCall + "/reviews/" + nonce + "?criterion=card&poll="
	if _, page := s.get(path + "3"); !strings.Contains(page, "poll=4") {
		t.Errorf("the page asks no more: %s", page)
	}
	for _, n := range []string{"30", "999999999"} {
		if _, page := s.get(path + n); strings.Contains(page, "poll=") || !strings.Contains(page, "takes longer") {
			t.Errorf("the page asks on for ever: %s", page)
		}
	}
	for path, want := range map[string]int{
		"/interactions/" + poorCall + "/reviews/x":                             404,
		"/interactions/" + poorCall + "/reviews/" + nonce + "?criterion=other": 404,
	} {
		if res, _ := s.get(path); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
}

func TestWrongInputIsNamed(t *testing.T) {
	srv, world := demo(t, 0)
	for lang, want := range map[string]string{"en": "The lowest score must be", "zh": "最低分须为"} {
		s := visitor(t, srv, world)
		s.lang = lang
		if res, page := s.get("/interactions?min=200"); res.StatusCode != 400 || !strings.Contains(page, want) {
			t.Errorf("%s: %d without %q", lang, res.StatusCode, want)
		}
	}
	s := visitor(t, srv, world)
	for path, want := range map[string]int{
		"/interactions?min=NaN":                              400,
		"/interactions?max=-1":                               400,
		"/interactions?from=yesterday":                       400,
		"/interactions?to=2026-13-01":                        400,
		"/interactions?channel=fax":                          400,
		"/interactions?q=" + strings.Repeat("a", 201):        400,
		"/interactions?page=99999999999999999999":            200,
		"/interactions?page=3":                               200,
		"/interactions?from=2026-11-22&to=2026-11-22":        200,
		"/interactions/nope":                                 404,
		"/interactions/..%2f..%2fetc%2fpasswd":               404,
		"/interactions/99999999-0000-5000-8000-000000000001": 404,
		"/interactions/" + chat + "/audio.wav":               404,
		"/agents/nobody":                                     404,
		"/agents/a%00b":                                      404,
		"/assets/../web.go":                                  404,
		"/assets/manifest.json":                              404,
		"/assets/":                                           404,
		"/nope":                                              404,
	} {
		if res, page := s.get(path); res.StatusCode != want && res.StatusCode != http.StatusMovedPermanently && res.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("%s: %d, want %d: %.200s", path, res.StatusCode, want, page)
		}
	}
}

func TestDatesIncludeTheirLastDay(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	_, page := s.get("/interactions?from=2026-11-22&to=2026-11-22")
	if !strings.Contains(page, chat) || strings.Contains(page, poorCall) || strings.Contains(page, longChat) {
		t.Error("the 22nd holds other contacts than the chat")
	}
}

func TestFailuresOfTheStoreSaySo(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	world.Fail(earshot.Errorf(earshot.Unavailable, "cannot reach clickhouse at 10.0.0.7"))
	for _, path := range []string{"/interactions", "/interactions/" + poorCall, "/agents", "/agents/1002"} {
		res, page := s.get(path)
		if res.StatusCode != 503 || !strings.Contains(page, "does not answer") || strings.Contains(page, "10.0.0.7") {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	s.htmx = true
	if res, page := s.get("/interactions"); res.StatusCode != 503 || strings.Contains(page, "<html") {
		t.Errorf("htmx gets %d and a whole page", res.StatusCode)
	}
}

func TestAudioCanBeReadInRanges(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	res, all := s.get("/interactions/" + poorCall + "/audio.wav")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "audio/wav" || !strings.HasPrefix(all, "RIFF") {
		t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	res, part := s.do(http.MethodGet, "/interactions/"+poorCall+"/audio.wav", nil, "Range", "bytes=100-199")
	if res.StatusCode != http.StatusPartialContent || part != all[100:200] {
		t.Errorf("bytes 100 to 199: %d, %d bytes", res.StatusCode, len(part))
	}
	if res, peaks := s.get("/interactions/" + poorCall + "/peaks.json"); res.StatusCode != 200 || !strings.Contains(peaks, `"rate_ms":20`) {
		t.Errorf("peaks: %d", res.StatusCode)
	}
}

func TestHostileTextIsShownNotRun(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	_, page := s.get("/interactions/" + longChat)
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert") {
		t.Error("an utterance's markup is not escaped")
	}
	_, page = s.get("/interactions?q=" + url.QueryEscape(`"><img src=x onerror=alert(1)>`))
	if strings.Contains(page, "<img") {
		t.Error("the searched text is not escaped")
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	for _, path := range []string{"/interactions", "/interactions/" + poorCall, "/nope", "/login"} {
		res, page := s.get(path)
		csp := res.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q", path, csp)
		}
		for _, bad := range []string{"<style", " style=", " onclick=", "<script>", "hx-on", "http://", "https://"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s contains %q", path, bad)
			}
		}
	}
}

func TestLanguageFollowsBrowserThenChoice(t *testing.T) {
	srv, world := demo(t, 0)
	s := visitor(t, srv, world)
	s.lang = "fr, zh-CN;q=0.9, en;q=0.8"
	if _, page := s.get("/interactions"); !strings.Contains(page, "由语音合成器朗读") || !strings.Contains(page, `lang="zh"`) {
		t.Error("a Chinese browser gets no Chinese page")
	}
	s.do(http.MethodPost, "/settings", url.Values{"lang": {"en"}, "theme": {"dark"}})
	if _, page := s.get("/interactions"); !strings.Contains(page, "Demo: no login; conversations are scripted and spoken by a synthesizer") || !strings.Contains(page, `data-theme="dark"`) {
		t.Error("the choice of language or theme is not kept")
	}
}
