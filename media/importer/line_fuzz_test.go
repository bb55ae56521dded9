package importer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"earshot"
)

func FuzzParseLines(f *testing.F) {
	f.Add([]byte(`{"role":"agent","text":"hello","start_ms":0,"end_ms":5,"channel":"voice"}`))
	f.Add([]byte("\n{\"role\":\"customer\",\"text\":\"你好\",\"sent_at\":\"2026-03-02T09:00:05+08:00\",\"conversation_id\":\"c\"}\r\n"))
	f.Add([]byte(`{"role":"agent","text":"x","start_ms":99999999999999999999}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, err := parseLines(bytes.NewReader(b), "f")
		if err != nil {
			var e *earshot.Error
			if !errors.As(err, &e) || e.Kind != earshot.Invalid || e.Fix == "" || !strings.HasPrefix(e.Field, "f") {
				t.Fatalf("error without file or fix: %v", err)
			}
			return
		}
		for _, l := range lines {
			if !utf8.ValidString(l.Text) || !slices.Contains(earshot.Roles(), l.Role) || l.StartMS == nil && l.SentAt == nil {
				t.Fatalf("accepted %+v", l)
			}
		}
	})
}
