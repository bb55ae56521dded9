package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"testing"

	"earshot"
)

// What a person decides on a page goes to Kafka, through qa, and back into the
// score that the page shows, and a restart does not lose it.
func TestServe_ReviewInTheWorkbenchChangesTheScore(t *testing.T) {
	s := newServer(t)
	s.start()
	if err := s.chat("c1"); err != nil {
		t.Fatal(err)
	}
	s.expect(1, finals)
	id := string(earshot.ConversationID("", earshot.Chat, "c1"))
	before := s.score(id)

	page := "http://" + s.http + "/interactions/" + id
	client := browser(t)
	if body := fetch(t, client, page); !regexp.MustCompile(`name="password"`).MatchString(body) {
		t.Fatalf("without a login the page shows %.300s", body)
	}
	submit(t, client, "http://"+s.http+"/login", url.Values{"name": {"admin"}, "password": {s.read("admin.password")}})
	nonce := regexp.MustCompile(`name="criterion" value="greeting"><input type="hidden" name="nonce" value="([^"]+)"`).FindStringSubmatch(fetch(t, client, page))
	if nonce == nil {
		t.Fatal("the page has no form for the greeting")
	}
	submit(t, client, page+"/reviews", url.Values{"kind": {"verdict"}, "criterion": {"greeting"}, "nonce": {nonce[1]},
		"verdict": {"fail"}, "comment": {"Too cold."}})

	s.expect(1, "SELECT count() FROM earshot.reviews_current WHERE action = 'override' AND verdict = 'fail'")
	s.expect(1, "SELECT count() FROM earshot.evaluations_current WHERE track = 'final' AND has(failed, 'greeting')")
	after := s.score(id)
	if after >= before {
		t.Fatalf("the score was %v and is %v", before, after)
	}
	s.stop()
	s.start()
	if again := s.score(id); again != after {
		t.Fatalf("the score was %v and after a restart is %v", after, again)
	}
	s.expect(1, finals)
}

// score returns the final score of an interaction.
func (s *server) score(id string) float64 {
	s.t.Helper()
	rows, err := s.query(fmt.Sprintf("SELECT score FROM earshot.evaluations_current WHERE track = 'final' AND interaction = '%s'", id))
	if err != nil || len(rows) != 1 {
		s.t.Fatalf("%v, %v", rows, err)
	}
	return rows[0]["score"].(float64)
}

// browser keeps cookies as a browser does.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func fetch(t *testing.T, c *http.Client, addr string) string {
	t.Helper()
	res, err := c.Get(addr)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

func submit(t *testing.T, c *http.Client, addr string, form url.Values) {
	t.Helper()
	res, err := c.PostForm(addr, form)
	if err != nil {
		t.Fatal(err)
	}
	if body := read(t, res); res.StatusCode >= 300 {
		t.Fatalf("%s: %s %.300s", addr, res.Status, body)
	}
}

func read(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
