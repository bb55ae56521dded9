package clickhouse

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot/internal/embedded/clickhouse/chdb"
)

func TestStatementsAreTakenApart(t *testing.T) {
	for sql, want := range map[string]statement{
		"SELECT 1":                        {sql: "SELECT 1", streams: true},
		" /* c */ ( SELECT 1) FORMAT CSV": {sql: " /* c */ ( SELECT 1) FORMAT CSV", streams: true, format: "CSV"},
		"WITH 1 AS x SELECT x":            {sql: "WITH 1 AS x SELECT x", streams: true},
		"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x":          {sql: "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x"},
		"SHOW TABLES FORMAT JSON":                                     {sql: "SHOW TABLES FORMAT JSON", format: "JSON"},
		"SELECT format FROM t WHERE format = 1":                       {sql: "SELECT format FROM t WHERE format = 1", streams: true},
		"SELECT 'FORMAT x' -- FORMAT CSV":                             {sql: "SELECT 'FORMAT x' -- FORMAT CSV", streams: true},
		"SELECT 1 FORMAT CSV SETTINGS a = 1":                          {sql: "SELECT 1 FORMAT CSV SETTINGS a = 1", streams: true, format: "CSV"},
		"INSERT INTO t VALUES (1)":                                    {sql: "INSERT INTO t ", inserts: true, format: "Values", data: 20},
		"insert t(a) values(1)":                                       {sql: "insert t(a) ", inserts: true, format: "Values", data: 18},
		"INSERT INTO t":                                               {sql: "INSERT INTO t", inserts: true, format: "Values", data: 13},
		"INSERT INTO t FORMAT CSV\n\n1":                               {sql: "INSERT INTO t ", inserts: true, format: "CSV", data: 25},
		"INSERT INTO t FORMAT CSV \r\n1":                              {sql: "INSERT INTO t ", inserts: true, format: "CSV", data: 27},
		"INSERT INTO t FORMAT JSONEachRow {}":                         {sql: "INSERT INTO t ", inserts: true, format: "JSONEachRow", data: 33},
		"INSERT INTO TABLE d.`format` (a, b) SETTINGS x=1 FORMAT TSV": {sql: "INSERT INTO TABLE d.`format` (a, b) SETTINGS x=1 ", inserts: true, format: "TSV", data: 59},
		"INSERT INTO format FORMAT TSV":                               {sql: "INSERT INTO format ", inserts: true, format: "TSV", data: 29},
		"INSERT INTO values (values) VALUES (1)":                      {sql: "INSERT INTO values (values) ", inserts: true, format: "Values", data: 34},
		"INSERT INTO table (a) VALUES (1)":                            {sql: "INSERT INTO table (a) ", inserts: true, format: "Values", data: 28},
		"INSERT INTO t (a) SELECT 1":                                  {sql: "INSERT INTO t (a) SELECT 1"},
		"INSERT INTO t (a) (SELECT 1)":                                {sql: "INSERT INTO t (a) (SELECT 1)"},
		"INSERT INTO t WITH 1 AS x SELECT x":                          {sql: "INSERT INTO t WITH 1 AS x SELECT x"},
		"INSERT INTO t FORMAT TSV SETTINGS a = 1":                     {sql: "INSERT INTO t FORMAT TSV SETTINGS a = 1"},
		"":           {},
		"INSERT":     {sql: "INSERT"},
		"-- nothing": {sql: "-- nothing"},
	} {
		if got := split(sql); got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", sql, got, want)
		}
	}
}

func TestTokensAreReadAsClickHouseReadsThem(t *testing.T) {
	for sql, want := range map[string]string{
		"a.b1(2)":                     "a . b1 ( 2 )",
		"'it''s' 'a\\'b' x":           "it's a\\'b x",
		"`a``b` \"c\"\"d\"":           "a`b c\"d",
		"1 -- x\n2 # y\n3 #! z\n4":    "1 2 3 4",
		"/* a /* b */ c */ d /* open": "d",
		"$$ ' $$ $t$ $$ $t$ x$y":      "$$ ' $$ $t$ $$ $t$ x$y",
		"file\u200b(\u00a0x)":         "file ( x )",
		"'open":                       "open",
		"a-b":                         "a - b",
		"\u2018x\u2019":               "\u2018 x \u2019",
	} {
		var texts []string
		for _, tok := range tokens(sql) {
			texts = append(texts, tok.text)
		}
		if got := strings.Join(texts, " "); got != want {
			t.Errorf("%q: got %q, want %q", sql, got, want)
		}
	}
}

func TestSettingsAreOrderedAndQuoted(t *testing.T) {
	got, err := settingsStatement(map[string][]string{
		"query": {"SELECT 1"}, "max_threads": {"1", "2"}, "param_s": {`it's \`}, "user": {"u"}, "a_b": {""}, "empty": {},
	})
	if want := `SET a_b = '', max_threads = '2', param_s = 'it\'s \\'`; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
	for _, name := range []string{"a b", "a=1,b", "", "1a", "名"} {
		if _, err := settingsStatement(map[string][]string{name: {"1"}}); err == nil {
			t.Errorf("the setting %q was taken", name)
		}
	}
}

func TestEveryReservedParameterIsSkipped(t *testing.T) {
	for _, name := range reserved {
		if got, err := settingsStatement(map[string][]string{name: {"1"}}); got != "" || err != nil {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if !slices.IsSorted(reserved) {
		t.Error("the list is not in order")
	}
}

func TestIdleSessionsExpireAndBusyOnesStay(t *testing.T) {
	s := sessions{byID: map[string]*session{}}
	open := func() (*chdb.Conn, error) { return new(chdb.Conn), nil }
	idle, err := s.take("idle", time.Minute, false, open)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.take("busy", time.Minute, false, open); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	s.give(idle, now)
	s.expire(now.Add(time.Minute))
	if len(s.byID) != 2 {
		t.Error("a session expired before its time")
	}
	s.expire(now.Add(time.Minute + 1))
	if s.byID["idle"] != nil || s.byID["busy"] == nil {
		t.Errorf("left are %v", s.byID)
	}
	for i := len(s.byID); i < maxSessions; i++ {
		if _, err := s.take(strings.Repeat("x", i+1), 0, false, open); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.take("one more", 0, false, open); err == nil {
		t.Error("the number of sessions has no bound")
	}
}

func TestForeignPagesAreToldFromOwnClients(t *testing.T) {
	for _, c := range []struct {
		host, origin, remote string
		foreign              bool
	}{
		{"127.0.0.1:8123", "", "127.0.0.1:5", false},
		{"localhost:8123", "", "127.0.0.1:5", false},
		{"[::1]:8123", "", "[::1]:5", false},
		{"clickhouse:8123", "", "10.0.0.2:5", false},
		{"ch.example.com:8123", "", "10.0.0.2:5", false},
		{"ch.example.com:8123", "", "127.0.0.1:5", true},
		{"127.0.0.1:8123", "http://127.0.0.1:8123", "127.0.0.1:5", false},
		{"127.0.0.1:8123", "http://127.0.0.1:3000", "127.0.0.1:5", true},
		{"127.0.0.1:8123", "null", "127.0.0.1:5", true},
		{"127.0.0.1:8123", "http://%", "127.0.0.1:5", true},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Host, r.RemoteAddr = c.host, c.remote
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := foreign(r); got != c.foreign {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
