package clickhouse

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
)

// fuzzGuard refuses what the engine's own lists would.
func fuzzGuard() *guard {
	return &guard{functions: map[string]bool{"file": true}, engines: map[string]bool{"file": true}}
}

func FuzzSplit(f *testing.F) {
	for _, sql := range []string{"SELECT 1 FORMAT CSV", "INSERT INTO t (a) FORMAT Native\n\x00", "INSERT INTO t VALUES ('x''y')", "WITH x AS (SELECT 1) SELECT * FROM x", "/* ' */ $a$ \xff"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s := split(sql)
		if s.data < 0 || s.data > len(sql) {
			t.Fatalf("data begins at %d of %d", s.data, len(sql))
		}
		if !strings.HasPrefix(sql, s.sql) {
			t.Fatalf("the statement %q is no beginning of %q", s.sql, sql)
		}
		if s.inserts && (s.streams || s.format == "") {
			t.Fatalf("an insert with %+v", s)
		}
	})
}

func FuzzTokens(f *testing.F) {
	for _, sql := range []string{"a.`b``c`(1)", "'\\", "--", "/*/* */", "$$", "$a$x$a$", "\u200bx\u2018", "1.5e3"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		end := 0
		for _, tok := range tokens(sql) {
			if tok.start < end || tok.end <= tok.start || tok.end > len(sql) {
				t.Fatalf("%q: token %+v after %d", sql, tok, end)
			}
			end = tok.end
		}
	})
}

// FuzzGuard asserts that a call of a refused function is seen behind any text
// that is closed, and that the guard never fails otherwise than by refusing.
func FuzzGuard(f *testing.F) {
	for _, sql := range []string{"SELECT 1", "SELECT 'a' \"b\" `c`", "ENGINE = File", "{d:Identifier}.x", "SYSTEM"} {
		f.Add(sql)
	}
	g := fuzzGuard()
	f.Fuzz(func(t *testing.T, sql string) {
		if err := g.check(sql); err != nil {
			if _, code := asException(err); code != codeDenied {
				t.Fatalf("%q: %v", sql, err)
			}
			return
		}
		if strings.ContainsAny(sql, "'\"`$#-/\\") {
			return // may leave a quote or comment open
		}
		if g.check(sql+" file('x')") == nil {
			t.Fatalf("the call after %q was not seen", sql)
		}
	})
}

func FuzzSettings(f *testing.F) {
	f.Add("max_threads", "1")
	f.Add("param_x", `'; DROP TABLE t; --\`)
	f.Add("a b", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		set, err := settingsStatement(url.Values{name: {value}})
		if err != nil || set == "" {
			return
		}
		all := tokens(set)
		if len(all) != 4 || !all[0].is("SET") || all[1].text != name || !all[2].symbol('=') || all[3].kind != text {
			t.Fatalf("%q = %q became %q", name, value, set)
		}
	})
}

func FuzzUnframer(f *testing.F) {
	for _, method := range []compress.Method{compress.None, compress.LZ4, compress.ZSTD} {
		c := compress.NewWriter(compress.LevelZero, method)
		if err := c.Compress([]byte("一句话 one sentence")); err != nil {
			f.Fatal(err)
		}
		f.Add(c.Data)
		f.Add(append(bytes.Clone(c.Data), c.Data...))
		f.Add(c.Data[:len(c.Data)-1])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := io.ReadAll(io.LimitReader(&unframer{r: bytes.NewReader(data)}, 1<<24))
		if err != nil || len(out) == 1<<24 {
			return
		}
		// What was read without an error reads the same when it is framed anew.
		var again bytes.Buffer
		w := newFramer(&again, url.Values{})
		if len(out) > 0 {
			if _, err := w.Write(out); err != nil {
				t.Fatal(err)
			}
		}
		back, err := io.ReadAll(&unframer{r: &again})
		if err != nil || !bytes.Equal(back, out) {
			t.Fatalf("%d bytes came back as %d, %v", len(out), len(back), err)
		}
	})
}

func FuzzException(f *testing.F) {
	f.Add("Code: 60. DB::Exception: x. (UNKNOWN_TABLE)")
	f.Add("Code: 99999999999.")
	f.Add("")
	f.Fuzz(func(t *testing.T, message string) {
		whole, code := asException(&chdbError{message})
		if code <= 0 && !strings.HasPrefix(message, "Code: 0") || !strings.Contains(whole, message) {
			t.Fatalf("%q: code %d, %q", message, code, whole)
		}
		if status := statusOf(code); status < 400 || status > 599 {
			t.Fatalf("code %d has status %d", code, status)
		}
	})
}

// chdbError stands for any error text.
type chdbError struct{ s string }

func (e *chdbError) Error() string { return e.s }
