package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot/internal/need"
	"earshot/media/audio"
)

// chat posts a short conversation and its end.
func (s *server) chat(id string) error {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	turns := []struct{ role, text string }{
		{"customer", "Hello, I was charged twice this month."},
		{"agent", "Hello, thank you for contacting us. I am sorry about that, let me check."},
		{"customer", "My number is 13800138000."},
		{"agent", "The second charge is refunded. Is there anything else I can help you with?"},
		{"customer", "No, thanks."},
		{"agent", "Thank you for contacting us, have a nice day. Goodbye."},
	}
	var messages []map[string]any
	for k, turn := range turns {
		messages = append(messages, map[string]any{
			"id": fmt.Sprintf("%s-%d", id, k), "conversation_id": id, "channel": "chat", "role": turn.role, "text": turn.text,
			"sent_at": at.Add(time.Duration(k) * 20 * time.Second), "agent": "1001", "agent_name": "Anna", "queue": "billing", "language": "en",
		})
	}
	if err := s.post("/v1/messages", messages); err != nil {
		return err
	}
	return s.post("/v1/events", map[string]any{
		"id": id + "-end", "type": "interaction.ended", "at": at.Add(2 * time.Minute), "channel": "chat", "conversation_id": id,
	})
}

const (
	interactions = "SELECT count() FROM earshot.interactions"
	finals       = "SELECT count() FROM earshot.evaluations_current WHERE track = 'final'"
)

func TestServe_ChatBecomesAScorecardAndPersonalDataIsMasked(t *testing.T) {
	s := newServer(t)
	s.start()
	if err := s.chat("c1"); err != nil {
		t.Fatal(err)
	}
	s.expect(1, interactions)
	s.expect(1, finals)
	s.expect(6, "SELECT count() FROM earshot.utterances_current")
	s.expect(0, "SELECT count() FROM earshot.utterances WHERE position(text, '13800138000') > 0")
	s.expect(1, "SELECT count() FROM earshot.utterances_current WHERE position(text, '[PHONE]') > 0")
	s.stop()
}

func TestServe_APIWithoutTokenIsRefused(t *testing.T) {
	s := newServer(t)
	s.start()
	s.token = "wrong"
	if err := s.chat("c1"); err == nil || !strings.HasPrefix(err.Error(), "401") {
		t.Fatalf("got %v", err)
	}
	s.chPass = "wrong"
	if _, err := s.count(interactions); err == nil {
		t.Fatal("ClickHouse answered without the password")
	}
}

// A retry of what was accepted already, and a kill at a bad moment, must not
// count anything twice or lose it.
func TestServe_KilledAtAnyMomentLosesAndDoublesNothing(t *testing.T) {
	need.Tool(t, "flite")
	s := newServer(t)
	s.start()
	accepted := 0
	for round := range 3 {
		call := s.dial()
		s.expect(accepted+1, interactions) // the call is accepted once its start is there
		for k := range 2 {
			if err := s.chat(fmt.Sprintf("c%d-%d", round, k)); err != nil {
				t.Fatal(err)
			}
		}
		accepted += 3
		for range round { // further into the call each time
			s.expectMore("SELECT count() FROM earshot.utterances_current WHERE channel = 'voice'")
		}
		s.kill()
		_ = call.Process.Kill() // it may have seen that nobody answers
		_ = call.Wait()         // killed
		s.start()
		if err := s.chat(fmt.Sprintf("c%d-0", round)); err != nil { // a client that saw no answer sends again
			t.Fatal(err)
		}
		s.expect(accepted, interactions)
	}
	s.expect(accepted, finals)
	s.expect(accepted, "SELECT uniqExact(interaction) FROM earshot.evaluations_current WHERE track = 'final'")
	s.expect(3, "SELECT count() FROM earshot.events_current WHERE type = 'interaction.ended' AND position(body, 'interrupted') > 0")
	s.stop()
	s.start()
	s.expect(accepted, interactions)
	s.expect(accepted, finals)
}

// dial begins a call that goes on while the test does.
func (s *server) dial() *exec.Cmd {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), binary, "call", "sip:"+s.sip)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd
}

func TestServe_RealCallBecomesTwoLegsWithUtterances(t *testing.T) {
	agent := beginning(t, need.Data(t, "calls/auto_repairs_40_agent.wav"))
	customer := beginning(t, need.Data(t, "calls/auto_repairs_40_caller.wav"))
	s := newServer(t)
	s.start()
	out, err := s.command("call", "--json", "--codec", "pcmu", "--wav", agent, "--wav", customer,
		"--agent", "Real Agent", "--customer", "+15550100", "--queue", "repairs", "sip:"+s.sip)
	if err != nil {
		t.Fatal(err)
	}
	var called struct {
		ID string `json:"interaction"`
	}
	if err := json.Unmarshal([]byte(out), &called); err != nil || called.ID == "" {
		t.Fatalf("%v: %s", err, out)
	}
	s.stop()
	s.start()
	s.expect(1, finals)
	where := fmt.Sprintf(" FROM earshot.interactions WHERE id = '%s'", called.ID)
	s.expect(2, "SELECT length(legs)"+where)
	for _, role := range []string{"agent", "customer"} {
		n, err := s.count(fmt.Sprintf("SELECT count() FROM earshot.utterances_current WHERE interaction = '%s' AND role = '%s'", called.ID, role))
		if err != nil || n == 0 {
			t.Fatalf("%s has %d utterances, %v", role, n, err)
		}
		rows, err := s.query(fmt.Sprintf("SELECT start_ms, text, confidence FROM earshot.utterances_current WHERE interaction = '%s' AND role = '%s' ORDER BY start_ms LIMIT 8", called.ID, role))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d utterances, the first: %v", role, n, rows)
	}
}

// beginning writes the first minute of a mono recording to a file of its own.
func beginning(t *testing.T, path string) string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := audio.NewWAVReader(in, path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(path)))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := audio.NewWAVWriter(out, r.Format().Rate, 1)
	if err != nil {
		t.Fatal(err)
	}
	minute := make([]int16, 60*r.Format().Rate)
	n := 0
	for n < len(minute) {
		m, err := r.Read(minute[n:])
		if err != nil {
			break // a shorter recording
		}
		n += m
	}
	if err := errors.Join(w.Write(minute[:n]), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

func speak(t *testing.T, path, text string) {
	t.Helper()
	if out, err := exec.Command("flite", "-voice", "slt", "-t", text, "-o", path).CombinedOutput(); err != nil {
		t.Fatalf("cannot speak: %v: %s", err, out)
	}
}

func TestImport_RecordingTwiceIsOneInteraction(t *testing.T) {
	need.Tool(t, "flite")
	wav := filepath.Join(t.TempDir(), "note.wav")
	speak(t, wav, "Thank you for calling. How may I help you today?")
	s := newServer(t)
	s.start()
	var ids [2]string
	for k := range ids {
		out, err := s.command("import", "--json", wav)
		if err != nil {
			t.Fatal(err)
		}
		ids[k] = out
	}
	if ids[0] != ids[1] {
		t.Fatalf("got %s, then %s", ids[0], ids[1])
	}
	s.expect(1, interactions)
	s.expect(1, finals)
}

func TestDemo_ScoresAreWhatTheScriptsWereWrittenFor(t *testing.T) {
	need.Tool(t, "flite")
	file := filepath.Join(t.TempDir(), "demo.json")
	out, err := exec.CommandContext(t.Context(), binary, "demo", "--exit", "--json", file).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Interactions []struct {
			ID, Channel, Agent string
			Score              *float64
			Failed             []string
			Utterances         int
			WER                *float64
		}
	}
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	calls, chats := 0, 0
	for _, i := range result.Interactions {
		if i.Score == nil || i.Utterances == 0 || i.Agent == "" {
			t.Errorf("%s: %+v", i.ID, i)
		}
		if i.Channel != "voice" {
			chats++
			continue
		}
		calls++
		if i.WER == nil || *i.WER >= 0.35 {
			t.Errorf("%s: word error rate %v", i.ID, i.WER)
		}
	}
	if calls < 4 || chats < 4 {
		t.Fatalf("%d calls and %d chats", calls, chats)
	}
}
