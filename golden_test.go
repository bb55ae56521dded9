package earshot_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"earshot"
)

// The records in testdata/v1 are what version 1 wrote into Kafka. They are kept
// for ever: nothing writes them, and every later version has to read them.

var (
	began = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

	// call is a call with all that can be known of one.
	call = earshot.Interaction{
		ID: "d9a99ed9-1f22-5a56-b1ef-7bf61c519a4d", Tenant: "acme", Channel: earshot.Voice, Direction: earshot.Inbound,
		Queue: "billing", Region: "berlin", Language: "en", Agent: "1001", AgentName: "Anna Weber",
		Customer: "crm-7", CustomerHash: "5f0c6a1d3a0b8e7c9d2f4b6a8c0e1f3d5b7a9c8e6d4f2b0a1c3e5d7f9b8a6c4e",
		StartedAt: began, QueuedAt: began.Add(time.Second), AnsweredAt: began.Add(8500 * time.Millisecond), EndedAt: began.Add(3 * time.Minute),
		Disposition: "resolved",
		Legs: []earshot.Leg{
			{
				ID: "7f7b1a52-8f0e-5a53-9a3e-0c0c6f1f4f01", Label: "1", Role: earshot.Agent, RoleSource: "metadata", Name: "Anna Weber",
				AoR: "sip:1001@agents.example.com", Codec: earshot.PCMA, ClockRate: 8000, SSRC: 305419896,
			},
			{
				ID: "7f7b1a52-8f0e-5a53-9a3e-0c0c6f1f4f02", Label: "2", Role: earshot.Customer, RoleSource: "address",
				AddressHash: "5f0c6a1d3a0b8e7c9d2f4b6a8c0e1f3d5b7a9c8e6d4f2b0a1c3e5d7f9b8a6c4e", Codec: earshot.G722, ClockRate: 8000, SSRC: 4294967295,
			},
		},
		Attributes: map[string]string{"campaign": "spring", "sip.call_id": "a84b4c76e66710@pbx.example.com"},
	}

	// chat is a Chinese conversation, of which less is known.
	chat = earshot.Interaction{
		ID: "24c03933-45ca-51a0-9c6b-e74d66fe66eb", Channel: earshot.WeCom, Queue: "售后", Language: "zh",
		Agent: "2001", AgentName: "张伟", Attributes: map[string]string{"门店": "上海"},
	}
)

// records are the Go values that the JSON files have to be.
func records() map[string]any {
	return map[string]any{
		"utterance-voice.json": &earshot.Utterance{
			ID: "4e093e26-0706-50be-91c8-15be5d255db6", Interaction: call.ID, Tenant: "acme", Channel: earshot.Voice,
			Leg: call.Legs[1].ID, Role: earshot.Customer, StartMS: 1500, EndMS: 3920, At: began.Add(1500 * time.Millisecond),
			Text: "my card is [CARD] thanks", Language: "en", Confidence: 0.875,
			Words: []earshot.Word{
				{Text: "my", StartMS: 1500, EndMS: 1640, Confidence: 0.99},
				{Text: "card", StartMS: 1640, EndMS: 1980, Confidence: 0.97},
				{Text: "is", StartMS: 1980, EndMS: 2100, Confidence: 0.95},
				{Text: "[CARD]", StartMS: 2100, EndMS: 3500, Confidence: 0.71},
				{Text: "thanks", StartMS: 3510, EndMS: 3920, Confidence: 0.9},
			},
			Redactions: []earshot.Span{{Start: 11, End: 17, Type: "CARD"}},
		},
		"utterance-message.json": &earshot.Utterance{
			ID: "4326c293-3e9f-5488-a618-f3d9074e466f", Interaction: "7d0c3a5e-60c5-5d0e-8f0b-0f6f2f6f9b11", Channel: earshot.Chat,
			Role: earshot.Agent, At: began.Add(250 * time.Millisecond), Text: "Hello, how can I help?", Language: "en", Confidence: 1,
			Facts: &earshot.Interaction{
				ID: "7d0c3a5e-60c5-5d0e-8f0b-0f6f2f6f9b11", Channel: earshot.Chat, Queue: "billing", Language: "en", Agent: "1001", Customer: "crm-7",
			},
		},
		"utterance-chinese.json": &earshot.Utterance{
			ID: "b0d6a1f4-93a7-5b5e-8a55-6f2f0c6b1d20", Interaction: chat.ID, Channel: earshot.WeCom, Role: earshot.Customer,
			At: began, Text: "你好,我的电话是[PHONE]", Language: "zh", Confidence: 1,
			Redactions: []earshot.Span{{Start: 22, End: 29, Type: "PHONE"}}, Facts: &chat,
		},
		"transcript-end.json": &earshot.TranscriptEnd{Interaction: call, Utterances: 12, DurationMS: 180000, At: began.Add(181 * time.Second)},
		"event.json": &earshot.Event{
			ID: "0b7c4ad0-2f8a-5d11-9f0e-5a3f4c9e7b21", Type: earshot.AgentState, At: began, Source: "ingest/host1",
			Facts: earshot.Interaction{Agent: "1001", Queue: "billing"}, State: "available", Data: map[string]string{"reason": "shift"},
		},
		"evaluation.json": evaluation(),
		"alert.json": &earshot.Alert{
			ID: "e5a2f1f0-7c55-5b8e-b3b5-3d7d0b0c2a31", Interaction: call.ID, Tenant: "acme", Rule: "threat", Name: "Customer threatens to leave",
			NameZH: "客户威胁离开", Severity: "critical", At: began.Add(time.Minute),
			Evidence: []earshot.Evidence{{
				Utterance: "4e093e26-0706-50be-91c8-15be5d255db6", Role: earshot.Customer, Quote: "I will cancel", StartMS: 59000, EndMS: 60250,
			}},
			Facts: call,
		},
		"review.json": &earshot.Review{
			ID: "019ab0c2-5b1e-7c43-8d02-6f1f2a3b4c5d", Interaction: call.ID, Tenant: "acme", Evaluation: evaluation().ID,
			Criterion: "greeting", Action: earshot.Override, Verdict: earshot.Pass, Comment: "开场白在录音开始之前。",
			By: "anna", ByRole: "reviewer", At: began.Add(24 * time.Hour),
		},
	}
}

func evaluation() *earshot.Evaluation {
	return &earshot.Evaluation{
		ID: "6a1e0c0e-55a4-5a0b-9d0a-1c2d3e4f5a6b", Interaction: call.ID, Tenant: "acme", Track: earshot.TrackFinal,
		Scorecard: "voice", ScorecardName: "Calls", ScorecardHash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		At: began.Add(182 * time.Second), Score: 82.5, Scored: true, Passed: false, Fatal: true, Utterances: 12,
		Answers: []earshot.Answer{
			{
				Criterion: "greeting", Name: "Greets with name", NameZH: "报出姓名", Section: "Opening", Verdict: earshot.Fail,
				Points: 0, MaxPoints: 10, Fatal: true, Reason: "no greeting in the first 15 seconds", ReasonZH: "前15秒没有问候",
				Evidence:   []earshot.Evidence{{StartMS: 0, EndMS: 15000}},
				Confidence: 0.8, Reviews: []earshot.ReviewID{"019ab0c2-5b1e-7c43-8d02-6f1f2a3b4c5d"},
				Advice: "Begin with your name.", AdviceZH: "先报姓名。",
			},
			{Criterion: "hold", Name: "Asks before a hold", Verdict: earshot.NA, MaxPoints: 5, Confidence: 1},
		},
		Measures: map[string]float64{"agent.talk_ms": 61250, "silence.share": 0.125},
		Facts:    call, Model: "qwen3-8b", PromptHash: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
	}
}

// bundles are the Go values that the hex files have to be.
func bundles() map[string]earshot.AudioBundle {
	leg := call.Legs[0]
	start := earshot.Interaction{ID: call.ID, Channel: earshot.Voice, StartedAt: began, Legs: []earshot.Leg{leg}}
	return map[string]earshot.AudioBundle{
		"audio-media.hex": {
			Kind: earshot.AudioMedia, Leg: leg.ID, Codec: earshot.PCMA, ClockRate: 8000, ReceivedAt: began.Add(123456789),
			Packets: []earshot.AudioPacket{
				{RTP: rtp(1, 0)},
				{After: 20007 * time.Microsecond, RTP: rtp(2, 160)},
			},
		},
		"audio-leg-start.hex": {
			Kind: earshot.AudioLegStart, Leg: leg.ID, Codec: earshot.PCMA, ClockRate: 8000, ReceivedAt: began, Mark: &earshot.AudioMark{Interaction: start},
		},
		"audio-leg-end.hex": {
			Kind: earshot.AudioLegEnd, Leg: leg.ID, Codec: earshot.PCMA, ClockRate: 8000, ReceivedAt: began.Add(3 * time.Minute),
			Mark: &earshot.AudioMark{Interaction: start, Reason: "bye", Lost: 2},
		},
		"audio-call-end.hex": {
			Kind: earshot.AudioCallEnd, ReceivedAt: began.Add(3 * time.Minute),
			Mark: &earshot.AudioMark{Interaction: earshot.Interaction{ID: call.ID, AgentName: "张伟", EndedAt: began.Add(3 * time.Minute)}, Reason: "bye"},
		},
	}
}

// rtp is a short packet of payload type 8 with eight samples.
func rtp(sequence, timestamp byte) []byte {
	return []byte{0x80, 8, 0, sequence, 0, 0, 1, timestamp, 0x12, 0x34, 0x56, 0x78, 0xd5, 0x55, 0xd4, 0x54, 0xd7, 0x57, 0xd6, 0x56}
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/v1", name))
	if err != nil {
		t.Fatalf("cannot read what is kept for ever: %v", err)
	}
	return data
}

func TestRecords_OfVersion1AreReadAndWrittenTheSame(t *testing.T) {
	for name, want := range records() {
		t.Run(name, func(t *testing.T) {
			data := golden(t, name)
			got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
			dec := json.NewDecoder(bytes.NewReader(data))
			dec.DisallowUnknownFields()
			if err := dec.Decode(got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, data); err != nil {
				t.Fatal(err)
			}
			if again, err := json.Marshal(got); err != nil || !bytes.Equal(again, compact.Bytes()) {
				t.Fatalf("%v, wrote\n%s\nread\n%s", err, again, compact.Bytes())
			}
		})
	}
}

func TestAudioBundles_OfVersion1AreReadAndWrittenTheSame(t *testing.T) {
	for name, want := range bundles() {
		t.Run(name, func(t *testing.T) {
			data := fromHex(t, string(golden(t, name)))
			var got earshot.AudioBundle
			if err := got.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v", got, want)
			}
			if again, err := got.MarshalBinary(); err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%v, wrote\n%x\nread\n%x", err, again, data)
			}
		})
	}
}

// fromHex reads lines of hex digits; # begins a comment.
func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	data, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoldens_AreAllRead(t *testing.T) {
	files, err := os.ReadDir("testdata/v1")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for name := range records() {
		known = append(known, name)
	}
	for name := range bundles() {
		known = append(known, name)
	}
	for _, f := range files {
		if !slices.Contains(known, f.Name()) {
			t.Errorf("no test reads testdata/v1/%s", f.Name())
		}
	}
}
