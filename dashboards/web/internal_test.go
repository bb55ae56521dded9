package web

import (
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"text/template/parse"
	"time"

	"golang.org/x/crypto/bcrypt"

	"earshot"
	"earshot/metrics/query"
)

func catalogues(t *testing.T) (en, zh catalogue) {
	t.Helper()
	en, err := readCatalogue(english)
	if err != nil {
		t.Fatal(err)
	}
	zh, err = readCatalogue(chinese)
	if err != nil {
		t.Fatal(err)
	}
	return en, zh
}

func TestBothLanguagesHaveTheSameTexts(t *testing.T) {
	en, zh := catalogues(t)
	verbs := regexp.MustCompile(`%(\[\d+\])?[a-z%]`)
	for k, text := range en {
		other, ok := zh[k]
		if !ok || text == "" || other == "" {
			t.Errorf("%s: en %q, zh %q", k, text, other)
		}
		if a, b := verbs.FindAllString(text, -1), verbs.FindAllString(other, -1); len(a) != len(b) {
			t.Errorf("%s: en puts in %v, zh %v", k, a, b)
		}
	}
	for k := range zh {
		if _, ok := en[k]; !ok {
			t.Errorf("%s is missing in English", k)
		}
	}
}

func TestEveryValueHasAWord(t *testing.T) {
	en, _ := catalogues(t)
	var want []string
	for _, c := range earshot.Channels() {
		want = append(want, "channel."+string(c))
	}
	for _, r := range earshot.Roles() {
		want = append(want, "role."+string(r))
	}
	for _, v := range earshot.Verdicts() {
		want = append(want, "verdict."+string(v))
	}
	for _, a := range earshot.ReviewActions() {
		want = append(want, "did."+string(a))
	}
	for _, e := range earshot.EventTypes() {
		want = append(want, "event."+string(e))
	}
	for k := earshot.Internal; k <= earshot.Unavailable; k++ {
		name := strings.ReplaceAll(k.String(), " ", "_")
		want = append(want, "error.title."+name, "error.text."+name)
	}
	for _, k := range want {
		if en[k] == "" {
			t.Errorf("no text for %s", k)
		}
	}
}

// TestTemplatesHoldNoTextOfTheirOwn walks every template: outside tags nothing
// but signs may stand, no spoken attribute may be written out, and every key
// that is asked for must exist.
func TestTemplatesHoldNoTextOfTheirOwn(t *testing.T) {
	en, _ := catalogues(t)
	p, err := readPages(time.UTC, &assets{})
	if err != nil {
		t.Fatal(err)
	}
	tag := regexp.MustCompile(`(?s)<[^>]*>?|^[^<]*>`)
	spoken := regexp.MustCompile(`(?:title|aria-label|placeholder|alt)="[^"]*\pL`)
	letters := regexp.MustCompile(`\pL{2,}`)
	for _, tmpl := range p[english].set.Templates() {
		if tmpl.Tree == nil {
			continue
		}
		var page strings.Builder
		walk(tmpl.Tree.Root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.TextNode:
				page.Write(n.Text)
			case *parse.ActionNode, *parse.TemplateNode:
				page.WriteString("\x00")
			case *parse.CommandNode:
				checkKey(t, tmpl.Name(), en, n)
			}
		})
		html := page.String()
		if m := spoken.FindString(html); m != "" {
			t.Errorf("%s writes out %s", tmpl.Name(), m)
		}
		if m := letters.FindString(tag.ReplaceAllString(html, " ")); m != "" {
			t.Errorf("%s holds the text %q", tmpl.Name(), m)
		}
	}
}

func checkKey(t *testing.T, name string, texts catalogue, c *parse.CommandNode) {
	t.Helper()
	if len(c.Args) < 2 {
		return
	}
	f, ok := c.Args[0].(*parse.IdentifierNode)
	key, isText := c.Args[1].(*parse.StringNode)
	if !ok || !isText {
		return
	}
	switch f.Ident {
	case "t":
		if _, ok := texts[key.Text]; !ok {
			t.Errorf("%s asks for %q, which is in no catalogue", name, key.Text)
		}
	case "tn":
		if _, ok := texts[key.Text+".other"]; !ok {
			t.Errorf("%s counts %q, which is in no catalogue", name, key.Text)
		}
	}
}

func walk(n parse.Node, see func(parse.Node)) {
	if n == nil {
		return
	}
	see(n)
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, see)
		walk(b.List, see)
		if b.ElseList != nil {
			walk(b.ElseList, see)
		}
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, c := range n.Nodes {
			walk(c, see)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.ActionNode:
		walk(n.Pipe, see)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, see)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, see)
			for _, a := range c.Args {
				if p, ok := a.(*parse.PipeNode); ok {
					walk(p, see)
				}
			}
		}
	}
}

func TestPagesWithoutAssetsSayHowToBuildThem(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Demo = true
	s, err := newServer(cfg, Deps{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, fstest.MapFS{".keep": {}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/nope", nil))
	if page := w.Body.String(); w.Code != http.StatusNotFound || !strings.Contains(page, "make setup") || strings.Contains(page, "/assets/") {
		t.Errorf("%d: %s", w.Code, page)
	}
}

func TestAssetsMayBeKeptForEver(t *testing.T) {
	files := fstest.MapFS{
		"manifest.json":   {Data: []byte(`{"app.js":"app-AAAA1111.js"}`)},
		"app-AAAA1111.js": {Data: []byte("1")},
		"secret.txt":      {Data: []byte("2")},
	}
	a, err := readAssets(files)
	if err != nil {
		t.Fatal(err)
	}
	if a.url("app.js") != "/assets/app-AAAA1111.js" {
		t.Errorf("app.js is at %s", a.url("app.js"))
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/assets/app-AAAA1111.js", nil))
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/assets/secret.txt", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("a file outside the manifest: %d", w.Code)
	}
	if _, err := readAssets(fstest.MapFS{"manifest.json": {Data: []byte("[")}}); err == nil {
		t.Error("a broken manifest is taken")
	}
	var _ fs.FS = files
}

func TestConfigNamesTheKeyAndTheFix(t *testing.T) {
	good := DefaultConfig()
	good.Demo = true
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, change := range map[string]func(*Config){
		"users":            func(c *Config) { c.Demo = false },
		"language":         func(c *Config) { c.Language = "fr" },
		"time_zone":        func(c *Config) { c.TimeZone = "Mars" },
		"page_size":        func(c *Config) { c.PageSize = 5 },
		"session_lifetime": func(c *Config) { c.SessionLifetime = time.Second },
		"login_attempts":   func(c *Config) { c.LoginAttempts = 0 },
		"trusted_origins":  func(c *Config) { c.TrustedOrigins = []string{"desk"} },
	} {
		c := good
		change(&c)
		if err := c.Validate(); earshot.KindOf(err) != earshot.Invalid || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func parseLogins(data []byte) (logins, error) {
	f, err := parseUsers("users.yaml", data)
	if err != nil {
		return nil, err
	}
	return f.logins()
}

func TestUsersFileIsChecked(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	one := "users:\n- {name: ada, role: admin, password: '" + string(hash) + "'}\n"
	u, err := parseLogins([]byte(one))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password string
		ok             bool
	}{
		{"ada", "secret", true}, {"ada", "wrong", false}, {"eve", "secret", false}, {"", "", false},
		{"ada", "secret" + strings.Repeat("x", 100), false},
	} {
		if _, ok := u.check(c.name, c.password); ok != c.ok {
			t.Errorf("%q with %q: %v", c.name, c.password, ok)
		}
	}
	for name, file := range map[string]string{
		"nobody":          "users: []",
		"no name":         "users:\n- {role: admin, password: '" + string(hash) + "'}",
		"twice":           one + "- {name: ada, role: admin, password: '" + string(hash) + "'}",
		"unknown role":    "users:\n- {name: a, role: king, password: '" + string(hash) + "'}",
		"agent without":   "users:\n- {name: a, role: agent, password: '" + string(hash) + "'}",
		"plain password":  "users:\n- {name: a, role: admin, password: secret}",
		"unknown key":     "users:\n- {name: a, role: admin, pasword: secret}",
		"not yaml at all": "\x00",
	} {
		if _, err := parseLogins([]byte(file)); earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := bcrypt.Cost([]byte(nobody)); err != nil {
		t.Errorf("the hash for unknown names: %v", err)
	}
}

func TestLimiterForgetsAfterItsWindow(t *testing.T) {
	l := newLimiter(2)
	start := time.Unix(1000, 0)
	l.add("ada", "h", start)
	l.add("ada", "h", start.Add(time.Minute))
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{time.Minute, true}, {loginWindow, true}, {loginWindow + time.Second, false}} {
		if got := l.full("ada", "h", start.Add(c.after)); got != c.want {
			t.Errorf("after %v full is %v", c.after, got)
		}
	}
}

func TestLimiterTellsOfficesFromAttacks(t *testing.T) {
	now := time.Unix(1000, 0)
	l := newLimiter(2)
	for range 2 {
		l.add("ada", "office", now)
	}
	if !l.full("ada", "office", now) || l.full("ada", "home", now) || l.full("rita", "office", now) {
		t.Error("a name's wrong passwords at one address must stop this name there alone")
	}
	for i := range 20 {
		l.add(fmt.Sprint("guess", i), "attacker", now)
		l.add("rita", fmt.Sprint("botnet", i), now)
	}
	if !l.full("new", "attacker", now) || !l.full("rita", "anywhere", now) || l.full("new", "anywhere", now) {
		t.Error("many names from one address, and one name from many, must stop")
	}
	for i := range maxKeys + 10 {
		l.add(fmt.Sprint("flood", i), "x", now)
	}
	if len(l.seen) > maxKeys {
		t.Errorf("%d keys are kept", len(l.seen))
	}
}

func TestPiecesMarkMasksAndDoubtfulWords(t *testing.T) {
	u := earshot.Utterance{
		Text:       "It is [card] and so on",
		Redactions: []earshot.Span{{Start: 6, End: 12, Type: "card"}, {Start: 90, End: 99}, {Start: -1, End: 2}, {Start: 8, End: 4}},
		Words: []earshot.Word{
			{Text: "It", Confidence: 0.9}, {Text: "is", Confidence: 0.2}, {Text: "[card]", Confidence: 0.1},
			{Text: "missing", Confidence: 0.1}, {Text: "so", Confidence: 0.3}, {Text: "", Confidence: 0},
		},
	}
	want := []piece{{"It ", "", ""}, {"is", "unsure", ""}, {" ", "", ""}, {"[card]", "removed", "card"}, {" and ", "", ""}, {"so", "unsure", ""}, {" on", "", ""}}
	if got := pieces(u); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func FuzzPiecesKeepTheText(f *testing.F) {
	f.Add("It is [card]", 6, 12, "is")
	f.Add("你好，世界", 3, 6, "世界")
	f.Fuzz(func(t *testing.T, text string, start, end int, word string) {
		u := earshot.Utterance{Text: text, Redactions: []earshot.Span{{Start: start, End: end}},
			Words: []earshot.Word{{Text: word}, {Text: word, Confidence: 1}, {Text: word}}}
		var got strings.Builder
		for _, p := range pieces(u) {
			got.WriteString(p.Text)
		}
		if got.String() != text {
			t.Errorf("%q became %q", text, got.String())
		}
	})
}

func FuzzOwnPathStaysHere(f *testing.F) {
	for _, s := range []string{"/", "//a", "/\\a", "/a?b=c#d", "http://a", "/%2f/a", "/;//a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := ownPath(s)
		if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
			t.Errorf("%q leads to %q", s, p)
		}
	})
}

func FuzzUsersAreWholeOrRefused(f *testing.F) {
	f.Add([]byte("users:\n- {name: a, role: admin, password: x}\n"))
	f.Add([]byte("users: {}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		us, err := parseLogins(data)
		if err != nil {
			if earshot.KindOf(err) != earshot.Invalid {
				t.Errorf("kind %v: %v", earshot.KindOf(err), err)
			}
			return
		}
		for name, u := range us {
			if name == "" || u.Name != name || u.Role == "" || u.Password == "" || u.Role == RoleAgent && u.Agent == "" {
				t.Errorf("%q is %+v", name, u)
			}
		}
	})
}

func TestNegotiatePicksTheBestLiked(t *testing.T) {
	for header, want := range map[string]language{
		"": english, "zh": chinese, "zh-TW,en;q=0.5": chinese, "en;q=0.5,zh;q=0.4": english,
		"fr,de": english, "zh;q=x,en": english, "zh;q=0": english, "EN-gb": english, "ZH-Hans-CN;q=0.9": chinese,
	} {
		if got := negotiate(header, english); got != want {
			t.Errorf("%q gives %s, want %s", header, got, want)
		}
	}
}

func TestNumbersReadAsPeopleWriteThem(t *testing.T) {
	en, _ := catalogues(t)
	f := format{lang: english, texts: en, zone: time.UTC}
	for _, c := range []struct{ got, want string }{
		{clock(0), "0:00"}, {clock(61_999), "1:01"}, {clock(3_600_000), "1:00:00"}, {clock(-5), "0:00"},
		{number(78.57), "78.6"}, {number(100), "100"}, {percent(0.416), "42%"},
		{f.quantity("agent.talk_ms", 21_400), "21.4 s"}, {f.quantity("agent.talk_share", 0.5), "50%"},
		{f.quantity("agent.words_per_minute", 148.4), "148 words/min"}, {f.quantity("duration_ms", 150_000), "2:30"},
		{f.quantity("silence.share", 0.25), "25%"}, {f.quantity("agent.turns", 4), "4"},
		{f.section("manner"), "Manner"}, {f.section("my_own-part"), "My own part"}, {f.section("专项"), "专项"},
		{f.one("a", "b"), "a"}, {f.one("", "b"), "b"}, {format{lang: chinese}.one("a", ""), "a"},
		{f.customer(earshot.Interaction{Customer: "C-1", CustomerHash: "abc"}), "C-1"},
		{f.customer(earshot.Interaction{CustomerHash: "abcdefgh"}), "no. abcdef…"},
		{f.customer(earshot.Interaction{CustomerHash: "abc"}), "no. abc…"},
		{f.customer(earshot.Interaction{}), "unknown"},
		{agentURL("a/b c"), "/agents/a%2Fb%20c"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestMeasuresAreSaidInWords(t *testing.T) {
	en, _ := catalogues(t)
	f := format{lang: english, texts: en, zone: time.UTC}
	got := f.measures(map[string]float64{
		"agent.talk_ms": 1500, "pass_mark": 75, "section.a.weight": 1, "appeals.open": 1, "new.thing": 2, "nobody.talk_ms": 1000,
	})
	want := []measure{{"Agent: spoke", "1.5 s"}, {"new.thing", "2"}, {"nobody.talk_ms", "1 s"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestMessagesTellWhenTheyBegan(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 5, 0, time.UTC)
	d := times(query.Detail{Utterances: []earshot.Utterance{{At: at, StartMS: 5000}, {StartMS: 9000, EndMS: 9000}}})
	if want := at.Add(-5 * time.Second); !d.Interaction.StartedAt.Equal(want) || d.DurationMS != 9000 {
		t.Errorf("began %v, lasted %d ms", d.Interaction.StartedAt, d.DurationMS)
	}
	if r := newRow(query.Row{Interaction: earshot.Interaction{EndedAt: at}}); !r.Interaction.StartedAt.Equal(at) {
		t.Errorf("the list says %v", r.Interaction.StartedAt)
	}
}
