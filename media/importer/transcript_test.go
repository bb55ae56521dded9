package importer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/media/importer"
)

func writeTranscript(t *testing.T, dir, name string, lines ...string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, start, start); err != nil {
		t.Fatal(err)
	}
	return path
}

// talk is what the utterances topic says of one interaction.
type talk struct {
	utterances []earshot.Utterance
	end        earshot.TranscriptEnd
	types      []string
}

func read(t *testing.T, c *bus.Client, n int) map[earshot.InteractionID]*talk {
	t.Helper()
	talks := map[earshot.InteractionID]*talk{}
	for _, r := range bustest.ReadAll(t, c, earshot.TopicUtterances, n) {
		x := talks[r.Interaction]
		if x == nil {
			x = &talk{}
			talks[r.Interaction] = x
		}
		x.types = append(x.types, r.Type)
		var err error
		if r.Type == earshot.TypeTranscriptEnd {
			err = json.Unmarshal(r.Value, &x.end)
		} else {
			var u earshot.Utterance
			err = json.Unmarshal(r.Value, &u)
			x.utterances = append(x.utterances, u)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return talks
}

func TestTranscript_OfACallHasLegsAndTimes(t *testing.T) {
	c := bustest.New(t)
	file := writeTranscript(t, t.TempDir(), "call.jsonl",
		`{"role":"customer","text":"Hi.","start_ms":1500,"end_ms":2000,"channel":"voice","confidence":0.5}`, ``,
		`{"role":"agent","text":"Good morning.","start_ms":0,"end_ms":1200,"channel":"voice","agent_name":"Ann","language":"en"}`)
	ids, err := importer.New(c).Transcript(t.Context(), file, importer.Options{Facts: earshot.Interaction{Queue: "q", Agent: "a1"}})
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	x := read(t, c, 3)[ids[0]]
	if !slices.Equal(x.types, []string{earshot.TypeUtterance, earshot.TypeUtterance, earshot.TypeTranscriptEnd}) {
		t.Fatalf("records %v", x.types)
	}
	a, b := x.utterances[0], x.utterances[1]
	if a.Role != earshot.Agent || a.StartMS != 0 || a.EndMS != 1200 || a.Text != "Good morning." || a.Leg != "agent" || a.Confidence != 1 || a.Facts != nil {
		t.Errorf("first utterance %+v", a)
	}
	if b.Role != earshot.Customer || b.StartMS != 1500 || b.Confidence != 0.5 || a.ID == b.ID || b.Interaction != ids[0] {
		t.Errorf("second utterance %+v", b)
	}
	i := x.end.Interaction
	if x.end.Utterances != 2 || x.end.DurationMS != 2000 || i.Queue != "q" || i.AgentName != "Ann" || len(i.Legs) != 2 || i.Channel != earshot.Voice {
		t.Errorf("end %+v", x.end)
	}
	if !i.EndedAt.Equal(start) || !i.StartedAt.Equal(start.Add(-2*time.Second)) || !b.At.Equal(i.StartedAt.Add(1500*time.Millisecond)) {
		t.Errorf("from %v to %v", i.StartedAt, i.EndedAt)
	}
	if events := bustest.ReadAll(t, c, earshot.TopicEvents, 2); events[0].Interaction != ids[0] || events[1].Interaction != ids[0] {
		t.Error("the events are of another interaction")
	}
}

func TestTranscript_HoldsManyConversations(t *testing.T) {
	c := bustest.New(t)
	file := writeTranscript(t, t.TempDir(), "chats.jsonl",
		"\xef\xbb\xbf"+`{"conversation_id":"c1","role":"customer","text":"你好","sent_at":"2026-03-02T17:00:05+08:00","channel":"wecom","customer":"k9","language":"zh"}`,
		`{"conversation_id":"c2","role":"customer","text":"hello","sent_at":"2026-03-02T09:10:00Z","id":"m1"}`,
		`{"conversation_id":"c1","role":"agent","text":"您好，请讲。","sent_at":"2026-03-02T17:00:00+08:00","channel":"wecom"}`,
		`{"conversation_id":"c2","role":"bot","text":"hi","sent_at":"2026-03-02T09:10:02.5Z","id":"m2","attributes":{"site":"shop"}}`)
	ids, err := importer.New(c).Transcript(t.Context(), file, importer.Options{})
	if err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	if ids[0] != earshot.ConversationID("", earshot.WeCom, "c1") || ids[1] != earshot.ConversationID("", earshot.Chat, "c2") {
		t.Errorf("ids %v are not those that posted messages have", ids)
	}
	talks := read(t, c, 6)
	one, two := talks[ids[0]], talks[ids[1]]
	if one.utterances[0].Text != "您好，请讲。" || one.utterances[1].StartMS != 5000 || one.end.Interaction.Customer != "k9" || !one.end.Interaction.StartedAt.Equal(start) {
		t.Errorf("first conversation %+v", one)
	}
	if u := two.utterances[1]; u.ID != earshot.MessageID(ids[1], "m2") || u.StartMS != 2500 || u.EndMS != 2500 || u.Leg != "" || u.Facts == nil || u.Facts.Attributes["site"] != "shop" {
		t.Errorf("second conversation's second message %+v", u)
	}
}

func TestTranscript_ImportedTwiceIsOneInteraction(t *testing.T) {
	c, dir := bustest.New(t), t.TempDir()
	line := `{"role":"agent","text":"hello","start_ms":0}`
	files := []string{writeTranscript(t, dir, "a.jsonl", line, line), writeTranscript(t, dir, "b.jsonl", line, line)}
	ids, err := importer.New(c).Import(t.Context(), files, importer.Options{})
	if err != nil || len(ids) != 2 || ids[0] != ids[1] {
		t.Fatal(ids, err)
	}
	seen := map[earshot.UtteranceID]int{}
	for _, u := range read(t, c, 6)[ids[0]].utterances {
		seen[u.ID]++
	}
	if len(seen) != 2 {
		t.Errorf("%d different utterances, want 2, each twice", len(seen))
	}
}

func TestTranscript_ErrorsNameFileLineAndField(t *testing.T) {
	c, dir := bustest.New(t), t.TempDir()
	good := `{"role":"agent","text":"hello","start_ms":0}`
	for want, line := range map[string]string{
		`role: it is "boss"`:                             `{"role":"boss","text":"x","start_ms":0}`,
		`role: it is ""`:                                 `{"text":"x","start_ms":0}`,
		`text: it is empty`:                              `{"role":"agent","text":" ","start_ms":0}`,
		`text: it is not UTF-8`:                          `{"role":"agent","text":"` + "\xc4\xe3" + `","start_ms":0}`,
		`text: it is a JSON number`:                      `{"role":"agent","text":7,"start_ms":0}`,
		`start_ms: neither is there`:                     `{"role":"agent","text":"x"}`,
		`start_ms: it is -5`:                             `{"role":"agent","text":"x","start_ms":-5}`,
		`start_ms: it is a JSON string`:                  `{"role":"agent","text":"x","start_ms":"0"}`,
		`end_ms: it is 1, before start_ms 2`:             `{"role":"agent","text":"x","start_ms":2,"end_ms":1}`,
		`end_ms: it is missing`:                          `{"role":"agent","text":"x","start_ms":2,"channel":"voice"}`,
		`sent_at: yesterday is no time`:                  `{"role":"agent","text":"x","sent_at":"yesterday"}`,
		`sent_at: it is 0001`:                            `{"role":"agent","text":"x","sent_at":"0001-01-01T00:00:00Z"}`,
		`channel: it is "fax"`:                           `{"role":"agent","text":"x","start_ms":0,"channel":"fax"}`,
		`channel: it is "sms", and before it was "chat"`: `{"role":"agent","text":"x","start_ms":0,"channel":"sms"}`,
		`direction: it is "up"`:                          `{"role":"agent","text":"x","start_ms":0,"direction":"up"}`,
		`confidence: it is 2`:                            `{"role":"agent","text":"x","start_ms":0,"confidence":2}`,
		`txt: there is no such field`:                    `{"role":"agent","txt":"x","start_ms":0}`,
		`: it is no JSON object`:                         `role,text`,
		`: there is more after`:                          good + good,
	} {
		file := writeTranscript(t, dir, "t.jsonl", good, "", line)
		_, err := importer.New(c).Transcript(t.Context(), file, importer.Options{})
		if err == nil || earshot.KindOf(err) != earshot.Invalid || !strings.HasPrefix(err.Error(), file+":3: "+strings.TrimPrefix(want, ": ")) {
			t.Errorf("line %s\n gives %v\n want %s", line, err, want)
		}
	}
	twice := writeTranscript(t, dir, "twice.jsonl", `{"role":"agent","text":"x","start_ms":0,"id":"a"}`, `{"role":"agent","text":"y","start_ms":0,"id":"a"}`)
	if _, err := importer.New(c).Transcript(t.Context(), twice, importer.Options{}); err == nil || !strings.Contains(err.Error(), "twice.jsonl:2: id: it is that of line 1") {
		t.Errorf("the same id twice: %v", err)
	}
	for name, lines := range map[string][]string{"empty": nil, "long": {strings.Repeat("x", 1<<20)}} {
		if _, err := importer.New(c).Transcript(t.Context(), writeTranscript(t, dir, name, lines...), importer.Options{}); earshot.KindOf(err) != earshot.Invalid || !strings.Contains(err.Error(), name) {
			t.Errorf("%s file: %v", name, err)
		}
	}
}
