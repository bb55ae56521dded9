package clickhouse_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"

	"earshot/internal/await"
)

// answer is an HTTP response with its body read.
type answer struct {
	*http.Response
	body string
}

// do sends a request to the shared server with the right password. It may be
// called by other goroutines than the test's: a failure is an empty answer.
func do(t testing.TB, method string, params url.Values, body io.Reader, change ...func(*http.Request)) answer {
	t.Helper()
	needEngine(t)
	failed := answer{Response: &http.Response{Header: http.Header{}}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+shared.Addr()+"/?"+params.Encode(), body)
	if err != nil {
		t.Error(err)
		return failed
	}
	req.SetBasicAuth("default", "pw")
	for _, f := range change {
		f(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return failed
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{res, string(all)}
}

// post sends a query as the body.
func post(t testing.TB, sql string, params ...string) answer {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	return do(t, http.MethodPost, values, strings.NewReader(sql))
}

func (a answer) code() string { return a.Header.Get("X-ClickHouse-Exception-Code") }

func TestPingNeedsNoPassword(t *testing.T) {
	needEngine(t)
	for _, path := range []string{"/ping", "/", "/replicas_status"} {
		res, err := http.Get("http://" + shared.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || string(body) != "Ok.\n" {
			t.Errorf("%s: %d %q %v", path, res.StatusCode, body, err)
		}
	}
}

func TestCredentialsAreTakenFromWhereClickHouseTakesThem(t *testing.T) {
	for name, c := range map[string]struct {
		params url.Values
		change func(*http.Request)
		ok     bool
	}{
		"basic":              {nil, func(*http.Request) {}, true},
		"basic without user": {nil, func(r *http.Request) { r.SetBasicAuth("", "pw") }, true},
		"headers": {nil, func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("X-ClickHouse-User", "default")
			r.Header.Set("X-ClickHouse-Key", "pw")
		}, true},
		"URL":          {url.Values{"user": {"default"}, "password": {"pw"}}, func(r *http.Request) { r.Header.Del("Authorization") }, true},
		"none":         {nil, func(r *http.Request) { r.Header.Del("Authorization") }, false},
		"wrong user":   {nil, func(r *http.Request) { r.SetBasicAuth("admin", "pw") }, false},
		"wrong key":    {nil, func(r *http.Request) { r.Header.Set("X-ClickHouse-Key", "p") }, false},
		"bearer":       {nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer pw") }, false},
		"wrong in URL": {url.Values{"password": {"x"}}, func(r *http.Request) { r.Header.Del("Authorization") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := do(t, http.MethodPost, c.params, strings.NewReader("SELECT 1"), c.change)
			if c.ok && (got.StatusCode != 200 || got.body != "1\n") {
				t.Errorf("was refused: %d %s", got.StatusCode, got.body)
			}
			if !c.ok && (got.StatusCode != 403 || got.code() != "516" || !strings.Contains(got.body, "AUTHENTICATION_FAILED")) {
				t.Errorf("was let in: %d %s", got.StatusCode, got.body)
			}
		})
	}
}

func TestPagesOfOtherSitesAreRefused(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"foreign origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"opaque origin":  func(r *http.Request) { r.Header.Set("Origin", "null") },
		"rebound name":   func(r *http.Request) { r.Host = "evil.example" },
	} {
		if got := do(t, http.MethodPost, nil, strings.NewReader("SELECT 1"), change); got.StatusCode != 403 {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	same := func(r *http.Request) { r.Header.Set("Origin", "http://"+shared.Addr()) }
	if got := do(t, http.MethodPost, nil, strings.NewReader("SELECT 1"), same); got.StatusCode != 200 {
		t.Errorf("own origin: %d %s", got.StatusCode, got.body)
	}
}

func TestGetReadsAndNeverWrites(t *testing.T) {
	post(t, "CREATE TABLE IF NOT EXISTS got (n UInt64) ENGINE = MergeTree ORDER BY n")
	for sql, want := range map[string]int{
		"SELECT 1":                           200,
		"SHOW TABLES":                        200,
		"DESCRIBE TABLE got":                 200,
		"INSERT INTO got VALUES (1)":         403,
		"INSERT INTO got SELECT 1":           403,
		"DROP TABLE got":                     403,
		"TRUNCATE TABLE got":                 403,
		"SET max_threads = 1":                403,
		"KILL QUERY WHERE 1 SYNC":            403,
		"ALTER TABLE got DELETE WHERE 1":     403,
		"SYSTEM FLUSH LOGS":                  403,
		"SELECT 1 INTO OUTFILE '/nowhere/x'": 403,
	} {
		got := do(t, http.MethodGet, url.Values{"query": {sql}}, nil)
		if got.StatusCode != want {
			t.Errorf("%s: %d %s", sql, got.StatusCode, got.body)
		}
		if want == 403 && got.code() != "164" && got.code() != "497" {
			t.Errorf("%s: code %s", sql, got.code())
		}
	}
	if got := post(t, "SELECT count() FROM got"); got.body != "0\n" {
		t.Errorf("a GET wrote: %s", got.body)
	}
}

func TestInsertTakesItsDataFromUrlBodyOrBoth(t *testing.T) {
	post(t, "CREATE TABLE IF NOT EXISTS taken (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
	gz := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	for name, c := range map[string]struct{ query, body, want, encoding string }{
		"VALUES in the body":      {"", "INSERT INTO taken VALUES (1, 'a'), (2, 'b;')", "1\ta\n2\tb;\n", ""},
		"VALUES over both":        {"INSERT INTO taken (n, s) VALUES", "(1, 'a')", "1\ta\n", ""},
		"no format is VALUES":     {"INSERT INTO taken", "(1, 'a')", "1\ta\n", ""},
		"JSONEachRow in URL":      {"INSERT INTO taken FORMAT JSONEachRow", `{"n":1,"s":"中文"}` + "\n" + `{"n":2,"s":"x"}`, "1\t中文\n2\tx\n", ""},
		"JSONEachRow in body":     {"", "INSERT INTO taken FORMAT JSONEachRow {\"n\":1,\"s\":\"a\"}\n", "1\ta\n", ""},
		"CSV after a line end":    {"", "INSERT INTO taken FORMAT CSV\n1,\"a, b\"\n2,c\n", "1\ta, b\n2\tc\n", ""},
		"TSV in gzip":             {"INSERT INTO taken FORMAT TSV", gz("1\ta\n"), "1\ta\n", "gzip"},
		"settings":                {"INSERT INTO taken SETTINGS max_insert_threads = 1 FORMAT TSV", "3\tc\n", "3\tc\n", ""},
		"lower case":              {"insert into taken format tsv", "3\tc\n", "3\tc\n", ""},
		"SELECT":                  {"", "INSERT INTO taken SELECT number, 'x' FROM numbers(2)", "0\tx\n1\tx\n", ""},
		"SELECT in URL":           {"INSERT INTO taken SELECT number, 'x' FROM numbers(2)", "", "0\tx\n1\tx\n", ""},
		"query over URL and body": {"INSERT INTO taken SELECT number, 'x'", "FROM numbers(1)", "0\tx\n", ""},
		"empty":                   {"INSERT INTO taken FORMAT TSV", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			post(t, "TRUNCATE TABLE taken")
			params := url.Values{}
			if c.query != "" {
				params.Set("query", c.query)
			}
			got := do(t, http.MethodPost, params, strings.NewReader(c.body), func(r *http.Request) {
				if c.encoding != "" {
					r.Header.Set("Content-Encoding", c.encoding)
				}
			})
			if got.StatusCode != 200 {
				t.Fatalf("%d %s", got.StatusCode, got.body)
			}
			rows := fmt.Sprintf(`"written_rows":"%d"`, strings.Count(c.want, "\n"))
			if sum := got.Header.Get("X-ClickHouse-Summary"); !strings.Contains(sum, rows) {
				t.Errorf("the summary is %s, want %s", sum, rows)
			}
			if got := post(t, "SELECT * FROM taken ORDER BY n"); got.body != c.want {
				t.Errorf("the table holds %q, want %q", got.body, c.want)
			}
		})
	}
}

func TestTornInsertStoresNothing(t *testing.T) {
	post(t, "CREATE TABLE IF NOT EXISTS torn (n UInt64) ENGINE = MergeTree ORDER BY n")
	whole := func(method compress.Method) []byte {
		var b bytes.Buffer
		c := compress.NewWriter(compress.LevelZero, method)
		for i := range 3 {
			if err := c.Compress(fmt.Appendf(nil, "%d\n", i)); err != nil {
				t.Fatal(err)
			}
			b.Write(c.Data)
		}
		return b.Bytes()
	}
	for _, method := range []compress.Method{compress.LZ4, compress.ZSTD} {
		all := whole(method)
		flipped := bytes.Clone(all)
		flipped[len(flipped)-1] ^= 1
		params := url.Values{"query": {"INSERT INTO torn FORMAT TSV"}, "decompress": {"1"}}
		for name, data := range map[string][]byte{
			"within a block": all[:len(all)-1], "within a header": all[:len(all)/3+5], "flipped bit": flipped,
			"absurd size": append(make([]byte, 16), 0x82, 255, 255, 255, 127, 255, 255, 255, 127),
		} {
			if got := do(t, http.MethodPost, params, bytes.NewReader(data)); got.StatusCode == 200 {
				t.Errorf("%s: was accepted", name)
			}
		}
		if got := post(t, "SELECT count() FROM torn"); got.body != "0\n" {
			t.Errorf("a torn body stored %s rows", got.body)
		}
		if got := do(t, http.MethodPost, params, bytes.NewReader(all)); got.StatusCode != 200 {
			t.Errorf("the whole body: %d %s", got.StatusCode, got.body)
		}
		if got := post(t, "SELECT count() FROM torn"); got.body != "3\n" {
			t.Errorf("the whole body stored %s rows", got.body)
		}
		post(t, "TRUNCATE TABLE torn")
	}
}

func TestClientThatLeavesWithinItsInsertStoresNothing(t *testing.T) {
	post(t, "CREATE TABLE IF NOT EXISTS left (n UInt64) ENGINE = MergeTree ORDER BY n")
	conn, err := net.Dial("tcp", shared.Addr())
	if err != nil {
		t.Fatal(err)
	}
	request := "POST /?user=default&password=pw&query=" + url.QueryEscape("INSERT INTO left FORMAT TSV") +
		" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	running := func(want string) func() bool {
		return func() bool {
			return post(t, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO left%'").body == want
		}
	}
	await.That(t, "the insert has begun", running("1\n"))
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the insert has ended", running("0\n"))
	if got := post(t, "SELECT count() FROM left"); got.body != "0\n" {
		t.Errorf("%s rows were stored", got.body)
	}
}

func TestResultFormatIsTheQuerysThenTheDefault(t *testing.T) {
	for _, c := range []struct{ sql, format, body, mime string }{
		{"SELECT 1 AS a", "", "1\n", "text/tab-separated-values"},
		{"SELECT 1 AS a", "CSVWithNames", "\"a\"\n1\n", "text/csv; charset=UTF-8; header=present"},
		{"SELECT 1 AS a FORMAT JSONEachRow", "Native", "{\"a\":1}\n", "application/x-ndjson"},
		{"SELECT 1 AS a SETTINGS max_threads = 1 FORMAT CSV;", "Native", "1\n", "text/csv"},
		{"SELECT 1 AS format FORMAT Vertical", "", "", "text/plain"},
		{"SHOW DATABASES LIKE 'earshot' FORMAT JSONCompactEachRow", "", "[\"earshot\"]\n", "application/x-ndjson"},
	} {
		got := post(t, c.sql, "default_format", c.format)
		if got.StatusCode != 200 || c.body != "" && got.body != c.body || !strings.HasPrefix(got.Header.Get("Content-Type"), c.mime) {
			t.Errorf("%s: %d %q %s", c.sql, got.StatusCode, got.body, got.Header.Get("Content-Type"))
		}
	}
	got := post(t, "SELECT number FROM numbers(3) FORMAT JSON")
	var parsed struct {
		Rows int
		Data []struct{ Number int }
	}
	if err := json.Unmarshal([]byte(got.body), &parsed); err != nil || parsed.Rows != 3 || len(parsed.Data) != 3 {
		t.Errorf("FORMAT JSON: %v %s", err, got.body)
	}
}

func TestExceptionsHaveStatusCodeAndText(t *testing.T) {
	for sql, want := range map[string]struct {
		status int
		code   string
	}{
		"SELEC 1":                         {400, "62"},
		"":                                {400, "62"},
		"SELECT * FROM not_there":         {404, "60"},
		"SELECT * FROM nodb.t":            {404, "81"},
		"SELECT nofunc(1)":                {404, "46"},
		"SELECT nocolumn FROM system.one": {404, "47"},
		"SELECT 1 FORMAT NoSuchFormat":    {404, "73"},
		"SELECT 1; SELECT 2":              {400, "62"},
		"SELECT throwIf(1)":               {500, "395"},
		"CREATE USER u":                   {403, "497"},
		"SELECT sum(sleepEachRow(0.1)) FROM numbers(100) SETTINGS max_block_size = 1, max_execution_time = 0.2": {408, "159"},
		"SELECT uniqExact(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000":                 {500, "241"},
	} {
		got := post(t, sql)
		if got.StatusCode != want.status || got.code() != want.code || !strings.HasPrefix(got.body, "Code: "+want.code+". DB::Exception: ") {
			t.Errorf("%s: %d code %s: %.200s", sql, got.StatusCode, got.code(), got.body)
		}
	}
	if got := post(t, "SELECT 1", "database", "nodb"); got.code() != "81" {
		t.Errorf("unknown database: %d %s", got.StatusCode, got.body)
	}
}

func TestWaitEndOfQueryGivesALateExceptionItsStatus(t *testing.T) {
	const late = "SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_threads = 1"
	if got := post(t, late, "wait_end_of_query", "1"); got.StatusCode != 500 || got.code() != "395" {
		t.Errorf("waiting: %d %s", got.StatusCode, got.code())
	}
	got := post(t, late)
	tag := got.Header.Get("X-ClickHouse-Exception-Tag")
	if got.StatusCode != 200 || len(tag) != 16 || !strings.HasSuffix(got.body, " "+tag+"\r\n__exception__\r\n") ||
		!strings.Contains(got.body, "\r\n__exception__\r\n"+tag+"\r\nCode: 395. DB::Exception: ") {
		t.Errorf("streaming: %d, tag %q, ends %q", got.StatusCode, tag, got.body[max(0, len(got.body)-300):])
	}
}

func TestMultipartFormsAreRefusedClearly(t *testing.T) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := errors.Join(w.WriteField("query", "SELECT 1"), w.Close()); err != nil {
		t.Fatal(err)
	}
	got := do(t, http.MethodPost, nil, &body, func(r *http.Request) { r.Header.Set("Content-Type", w.FormDataContentType()) })
	if got.StatusCode != 501 || got.code() != "48" || !strings.Contains(got.body, "temporary table in a session") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestSessionsAreCheckedLockedAndForgotten(t *testing.T) {
	id := "session-" + rand.Text()
	if got := post(t, "SELECT 1", "session_id", id, "session_check", "1"); got.StatusCode != 404 || got.code() != "372" {
		t.Errorf("an unknown session: %d %s", got.StatusCode, got.body)
	}
	post(t, "SET max_threads = 7", "session_id", id, "session_timeout", "30")
	if got := post(t, "SELECT getSetting('max_threads')", "session_id", id, "session_check", "1"); got.body != "7\n" {
		t.Errorf("the session forgot its setting: %s", got.body)
	}
	if got := post(t, "SELECT 1", "session_id", id, "session_timeout", "99999"); got.code() != "36" {
		t.Errorf("a long timeout: %d %s", got.StatusCode, got.body)
	}
	busy := make(chan answer, 1)
	go func() { busy <- post(t, "SELECT 'locker', sleep(2)", "session_id", id) }()
	await.That(t, "the session is busy", func() bool {
		return post(t, "SELECT count() FROM system.processes WHERE query LIKE '%locker%' AND query NOT LIKE '%processes%'").body == "1\n"
	})
	if got := post(t, "SELECT 1", "session_id", id); got.code() != "373" {
		t.Errorf("a busy session: %d %s", got.StatusCode, got.body)
	}
	if got := <-busy; got.StatusCode != 200 {
		t.Errorf("the locker: %d %s", got.StatusCode, got.body)
	}
	post(t, "SELECT 1", "session_id", id, "session_timeout", "0")
	await.That(t, "the session has expired", func() bool {
		return post(t, "SELECT 1", "session_id", id, "session_check", "1", "session_timeout", "0").code() == "372"
	})
}

func TestQueryIdIsAnsweredAndTheDatabaseDefaults(t *testing.T) {
	got := post(t, "SELECT currentDatabase()", "query_id", "my-query")
	if got.Header.Get("X-ClickHouse-Query-Id") != "my-query" || got.body != "earshot\n" {
		t.Errorf("%v %s", got.Header, got.body)
	}
	if got := post(t, "SELECT currentDatabase()", "database", "default"); got.body != "earshot\n" {
		t.Errorf("the database default is %s", got.body)
	}
}

func TestOddRequestsAreAnswered(t *testing.T) {
	if got := do(t, http.MethodPut, nil, strings.NewReader("SELECT 1")); got.StatusCode != 405 {
		t.Errorf("PUT: %d", got.StatusCode)
	}
	res, err := http.Get("http://" + shared.Addr() + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 404 {
		t.Errorf("/nowhere: %d", res.StatusCode)
	}
	if got := post(t, "SELECT "+strings.Repeat("1+", 600_000)+"1"); got.StatusCode != 400 || got.code() != "62" {
		t.Errorf("a long query: %d %.200s", got.StatusCode, got.body)
	}
	if got := do(t, http.MethodPost, nil, strings.NewReader("x"), func(r *http.Request) { r.Header.Set("Content-Encoding", "br") }); got.StatusCode != 501 {
		t.Errorf("brotli: %d %s", got.StatusCode, got.body)
	}
	if got := post(t, "SELECT 1", "bad name", "1"); got.code() != "115" {
		t.Errorf("a setting that is no name: %s", got.body)
	}
}
