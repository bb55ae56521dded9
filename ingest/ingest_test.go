package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"earshot"
	"earshot/ingest"
	"earshot/internal/address"
	"earshot/internal/bus"
)

// memory keeps what was produced, or fails.
type memory struct {
	msgs []bus.Message
	err  error
}

func (m *memory) Produce(_ context.Context, msgs ...bus.Message) error {
	if m.err == nil {
		m.msgs = append(m.msgs, msgs...)
	}
	return m.err
}

func newHandler(t testing.TB, sink ingest.Sink, change func(*ingest.Config)) http.Handler {
	t.Helper()
	cfg := ingest.DefaultConfig()
	cfg.Open = true
	cfg.AddressKey = key
	if change != nil {
		change(&cfg)
	}
	s, err := ingest.New(cfg, sink, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func post(t testing.TB, h http.Handler, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for k := 0; k+1 < len(header); k += 2 {
		r.Header.Set(header[k], header[k+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var key = []byte("0123456789abcdef0123456789abcdef")

const message = `{"id":"m1","conversation_id":"c1","channel":"chat","role":"customer","text":"你好","sent_at":"2026-11-23T09:30:00+08:00",
	"customer":"crm-7","customer_address":"+86 138 0013 8000","agent":"a1","agent_name":"李娜","queue":"billing","language":"zh","attributes":{"page":"/pay"}}`

func TestMessages_BecomeUtterancesWithFacts(t *testing.T) {
	sink := &memory{}
	w := post(t, newHandler(t, sink, nil), "/v1/messages", message)
	if w.Code != http.StatusAccepted || len(sink.msgs) != 1 {
		t.Fatalf("%d %s, %d records", w.Code, w.Body, len(sink.msgs))
	}
	var u earshot.Utterance
	if err := json.Unmarshal(sink.msgs[0].Value, &u); err != nil {
		t.Fatal(err)
	}
	id := earshot.ConversationID("", earshot.Chat, "c1")
	if u.Interaction != id || u.ID != earshot.MessageID(id, "m1") || u.Role != earshot.Customer || u.Text != "你好" {
		t.Fatalf("got %+v", u)
	}
	if u.Facts.Agent != "a1" || u.Facts.Queue != "billing" || u.Facts.Customer != "crm-7" || u.Facts.CustomerHash != address.Hash(key, "tel:+8613800138000") {
		t.Fatalf("got facts %+v", u.Facts)
	}
	if bytes.Contains(sink.msgs[0].Value, []byte("0013")) {
		t.Fatal("the customer's address was kept")
	}
	if got := sink.msgs[0]; got.Topic != earshot.TopicUtterances || got.Interaction != id {
		t.Fatalf("got record %+v", got)
	}
}

func TestMessages_RepeatedDeliveryIsTheSameRecord(t *testing.T) {
	sink := &memory{}
	h := newHandler(t, sink, nil)
	post(t, h, "/v1/messages", message)
	post(t, h, "/v1/messages", "["+message+"]")
	if len(sink.msgs) != 2 || !reflect.DeepEqual(sink.msgs[0], sink.msgs[1]) {
		t.Fatalf("got %+v", sink.msgs)
	}
}

func TestMessages_BadInputNamesTheFieldAndWritesNothing(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(message, old, new, 1) }
	tests := map[string]struct{ body, field string }{
		"empty body":            {"", "body"},
		"no JSON":               {"{", ""},
		"empty list":            {"[]", "body"},
		"no id":                 {change(`"id":"m1",`, ""), "id"},
		"no conversation":       {change(`"conversation_id":"c1",`, ""), "conversation_id"},
		"voice":                 {change(`"chat"`, `"voice"`), "channel"},
		"unknown channel":       {change(`"chat"`, `"fax"`), "channel"},
		"unknown role":          {change(`"role":"customer"`, `"role":"boss"`), "role"},
		"no text":               {change(`"你好"`, `""`), "text"},
		"no time":               {change(`"sent_at":"2026-11-23T09:30:00+08:00",`, ""), "sent_at"},
		"bad time":              {change(`2026-11-23T09:30:00+08:00`, `yesterday`), ""},
		"unknown field":         {change(`"queue"`, `"queu"`), "queu"},
		"wrong type":            {change(`"m1"`, `7`), "id"},
		"second of a list":      {"[" + message + "," + change(`"role":"customer"`, `"role":"boss"`) + "]", "messages[1].role"},
		"text after the object": {message + "{}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			sink := &memory{}
			w := post(t, newHandler(t, sink, nil), "/v1/messages", tt.body)
			var p struct{ Field, Fix, Detail string }
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
			if w.Code != http.StatusBadRequest || p.Field != tt.field || p.Fix == "" || len(sink.msgs) != 0 {
				t.Fatalf("%d %s, %d records", w.Code, w.Body, len(sink.msgs))
			}
		})
	}
}

func TestMessages_TooMuchAtOnceIsRefused(t *testing.T) {
	h := newHandler(t, &memory{}, func(c *ingest.Config) { c.MaxItems, c.MaxBody = 1, 2048 })
	for name, body := range map[string]string{
		"items": "[" + message + "," + message + "]",
		"bytes": strings.Replace(message, "你好", strings.Repeat("好", 1000), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if w := post(t, h, "/v1/messages", body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"field":"body"`) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestEvents_EndOfAConversationEndsItsTranscript(t *testing.T) {
	sink := &memory{}
	w := post(t, newHandler(t, sink, nil), "/v1/events",
		`{"id":"e1","type":"interaction.ended","at":"2026-11-23T01:40:00Z","channel":"chat","conversation_id":"c1","disposition":"solved"}`)
	if w.Code != http.StatusAccepted || len(sink.msgs) != 2 {
		t.Fatalf("%d %s, %d records", w.Code, w.Body, len(sink.msgs))
	}
	if sink.msgs[0].Topic != earshot.TopicEvents || sink.msgs[1].Topic != earshot.TopicUtterances || sink.msgs[1].Type != earshot.TypeTranscriptEnd {
		t.Fatalf("got %+v", sink.msgs)
	}
	var end earshot.TranscriptEnd
	if err := json.Unmarshal(sink.msgs[1].Value, &end); err != nil {
		t.Fatal(err)
	}
	if end.Interaction.ID != earshot.ConversationID("", earshot.Chat, "c1") || end.Interaction.Disposition != "solved" || end.Interaction.EndedAt.IsZero() {
		t.Fatalf("got %+v", end)
	}
}

func TestEvents_EndOfACallLeavesItsTranscriptToASR(t *testing.T) {
	sink := &memory{}
	post(t, newHandler(t, sink, nil), "/v1/events", `{"id":"e1","type":"interaction.ended","at":"2026-11-23T01:40:00Z","call_id":"session-1"}`)
	if len(sink.msgs) != 1 || sink.msgs[0].Interaction != earshot.CallID("", "session-1") {
		t.Fatalf("got %+v", sink.msgs)
	}
}

func TestEvents_BadInputNamesTheField(t *testing.T) {
	tests := map[string]struct{ body, field string }{
		"no id":          {`{"type":"contact.queued","at":"2026-11-23T01:40:00Z","call_id":"s"}`, "id"},
		"unknown type":   {`{"id":"1","type":"queued","at":"2026-11-23T01:40:00Z","call_id":"s"}`, "type"},
		"no time":        {`{"id":"1","type":"contact.queued","call_id":"s"}`, "at"},
		"no interaction": {`{"id":"1","type":"contact.queued","at":"2026-11-23T01:40:00Z"}`, "interaction"},
		"bad id":         {`{"id":"1","type":"contact.queued","at":"2026-11-23T01:40:00Z","interaction":"7"}`, "interaction"},
		"no channel":     {`{"id":"1","type":"contact.queued","at":"2026-11-23T01:40:00Z","conversation_id":"c"}`, "channel"},
		"no state":       {`{"id":"1","type":"agent.state","at":"2026-11-23T01:40:00Z","agent":"a"}`, "state"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := post(t, newHandler(t, &memory{}, nil), "/v1/events", tt.body)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"field":"`+tt.field+`"`) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestAPI_NeedsAToken(t *testing.T) {
	h := newHandler(t, &memory{}, func(c *ingest.Config) { c.Open, c.Tokens = false, []string{"one", "two"} })
	for header, want := range map[string]int{"": 401, "Bearer wrong": 401, "Basic two": 401, "Bearer two": 202} {
		if w := post(t, h, "/v1/messages", message, "Authorization", header); w.Code != want {
			t.Errorf("%q: got %d, want %d", header, w.Code, want)
		}
	}
	if _, err := ingest.New(ingest.DefaultConfig(), &memory{}, slog.Default()); earshot.KindOf(err) != earshot.Invalid {
		t.Errorf("no token at all: got %v", err)
	}
}

func TestAPI_KafkaAwayIs503AndTellsWhenToRetry(t *testing.T) {
	h := newHandler(t, &memory{err: earshot.Errorf(earshot.Unavailable, "cannot reach Kafka")}, nil)
	if w := post(t, h, "/v1/messages", message); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(message)
	f.Add("[" + message + "]")
	f.Add(`{"id":1}`)
	sink := &memory{}
	h := newHandler(f, sink, nil)
	f.Fuzz(func(t *testing.T, body string) {
		sink.msgs = nil
		w := post(t, h, "/v1/messages", body)
		if w.Code == http.StatusAccepted == (len(sink.msgs) == 0) {
			t.Fatalf("%d with %d records", w.Code, len(sink.msgs))
		}
		if w.Code != http.StatusAccepted && w.Code != http.StatusBadRequest {
			t.Fatalf("got %d for %q", w.Code, body)
		}
	})
}

func BenchmarkMessages(b *testing.B) {
	h := newHandler(b, &memory{err: nil}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if w := post(b, h, "/v1/messages", message); w.Code != http.StatusAccepted {
			b.Fatal(w.Code)
		}
	}
}
