package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"earshot/media/spool"
)

func open(t testing.TB, dir string, bound int64) *spool.Spool {
	t.Helper()
	s, err := spool.Open(dir, bound)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func appendAll(t testing.TB, s *spool.Spool, records ...string) {
	t.Helper()
	for _, r := range records {
		if _, err := s.Append([]byte(r), false); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads and commits everything, at most max records at a time.
func drain(t testing.TB, s *spool.Spool, max int) (out []string) {
	t.Helper()
	for {
		records, upTo, err := s.Next(max)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			out = append(out, string(r.Data))
		}
		if err := s.Commit(upTo); err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return out
		}
	}
}

func TestSpool_ReturnsRecordsInOrderUntilTheyAreCommitted(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	appendAll(t, s, "a", "b", "c")
	for range 2 {
		records, upTo, err := s.Next(2)
		if err != nil || len(records) != 2 || string(records[1].Data) != "b" || upTo != 2 {
			t.Fatalf("got %v up to %d, %v", records, upTo, err)
		}
	}
	if err := s.Commit(2); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, s, 10); fmt.Sprint(got) != "[c]" || s.Len() != 0 {
		t.Fatalf("got %v, %d left", got, s.Len())
	}
}

func TestSpool_SurvivesItsProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	appendAll(t, s, "a", "b", "c")
	if err := s.Commit(1); err != nil {
		t.Fatal(err)
	}
	// Not closed: killed. The last record is half written.
	names, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(names) != 1 {
		t.Fatalf("segments %v, %v", names, err)
	}
	info, err := os.Stat(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(names[0], info.Size()-1); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, 1<<20)
	appendAll(t, again, "d")
	if got := drain(t, again, 10); fmt.Sprint(got) != "[b d]" {
		t.Fatalf("got %v", got)
	}
}

func TestSpool_RefusesWhatIsOverTheBoundUnlessForced(t *testing.T) {
	s := open(t, t.TempDir(), 30)
	appendAll(t, s, "0123456789")
	if _, err := s.Append([]byte("0123456789"), false); !errors.Is(err, spool.ErrFull) {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Append([]byte("mark"), true); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, s, 10); len(got) != 2 || s.Bytes() != 0 {
		t.Fatalf("got %v, %d bytes left", got, s.Bytes())
	}
	appendAll(t, s, "0123456789")
}

func TestSpool_SkipsWhatArrivedAnotherWay(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	appendAll(t, s, "a", "b", "c")
	s.Skip(0)
	s.Skip(1)
	if got := drain(t, s, 1); fmt.Sprint(got) != "[c]" {
		t.Fatalf("got %v", got)
	}
}

func TestSpool_FreesSegmentsAsTheyAreCommitted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<30)
	big := string(bytes.Repeat([]byte("x"), 1<<20))
	for range 20 {
		appendAll(t, s, big)
	}
	if err := s.Commit(17); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(names) != 1 || s.Len() != 3 {
		t.Fatalf("segments %v, %d records left, %v", names, s.Len(), err)
	}
	if got := drain(t, open(t, dir, 1<<30), 2); len(got) != 3 {
		t.Fatalf("%d records after opening again", len(got))
	}
}

// Whatever happens to a spool, what comes out is what went in, once, in order.
func TestSpool_IsAQueue(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		s := open(t, dir, 1<<30)
		var want []string
		n := 0
		r.Repeat(map[string]func(*rapid.T){
			"append": func(r *rapid.T) {
				rec := fmt.Sprintf("%d:%s", n, rapid.StringN(0, 20, 40).Draw(r, "data"))
				n++
				appendAll(t, s, rec)
				want = append(want, rec)
			},
			"take": func(r *rapid.T) {
				records, upTo, err := s.Next(rapid.IntRange(1, 4).Draw(r, "max"))
				if err != nil || (len(records) == 0) != (len(want) == 0) {
					r.Fatalf("got %d records of %d: %v", len(records), len(want), err)
				}
				for i, rec := range records {
					if string(rec.Data) != want[i] {
						r.Fatalf("record %d is %q, want %q", i, rec.Data, want[i])
					}
				}
				if err := s.Commit(upTo); err != nil {
					r.Fatal(err)
				}
				want = want[len(records):]
			},
			"reopen": func(r *rapid.T) {
				if rapid.Bool().Draw(r, "close") {
					if err := s.Close(); err != nil {
						r.Fatal(err)
					}
				}
				s = open(t, dir, 1<<30)
			},
			"": func(r *rapid.T) {
				if s.Len() != len(want) {
					r.Fatalf("%d records, want %d", s.Len(), len(want))
				}
			},
		})
	})
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 0, 'a'}, "3")
	f.Add([]byte{}, "x")
	f.Fuzz(func(t *testing.T, segment []byte, position string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000000000000000000.spool"), segment, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "position"), []byte(position), 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, dir, 1<<20)
		drain(t, s, 10)
		appendAll(t, s, "new")
		if got := drain(t, s, 10); len(got) != 1 || got[0] != "new" {
			t.Fatalf("after damage: %q", got)
		}
	})
}

func BenchmarkSpool_Append(b *testing.B) {
	s := open(b, b.TempDir(), 1<<40)
	record := make([]byte, 1800)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Append(record, false); err != nil {
			b.Fatal(err)
		}
	}
}
