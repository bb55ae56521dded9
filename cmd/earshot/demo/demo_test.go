package demo_test

import (
	"testing"
	"time"

	"earshot"
	"earshot/cmd/earshot/demo"
	"earshot/qa/scorecard"
)

func scripts(t *testing.T) []demo.Script {
	t.Helper()
	all, err := demo.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestScripts_FourCallsThenFourChats_TwoOfThemChinese(t *testing.T) {
	var calls, chats, chinese int
	seen := map[string]bool{}
	for _, s := range scripts(t) {
		if seen[s.ID] {
			t.Errorf("%s is there twice", s.ID)
		}
		seen[s.ID] = true
		switch {
		case s.Channel == earshot.Voice && chats > 0:
			t.Errorf("call %s comes after a chat", s.ID)
		case s.Channel == earshot.Voice:
			calls++
		default:
			chats++
			if s.Language == "zh" {
				chinese++
			}
		}
	}
	if calls < 4 || chats < 4 || chinese < 2 {
		t.Errorf("%d calls, %d chats, %d of them Chinese", calls, chats, chinese)
	}
}

func TestScripts_ChatsFailWhatTheyShould(t *testing.T) {
	cards, err := scorecard.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts(t) {
		if s.Channel == earshot.Voice {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			var at time.Duration
			var messages []earshot.Utterance
			for _, turn := range s.Turns {
				at += turn.Pause()
				ms := at.Milliseconds()
				messages = append(messages, earshot.Utterance{
					ID: earshot.SpokenID("i", "", ms), Role: turn.Role, Channel: s.Channel,
					StartMS: ms, EndMS: ms, At: time.Unix(0, 0).Add(at), Text: turn.Text, Language: s.Language, Confidence: 1,
				})
			}
			checkFailed(t, cards, s, messages, at)
		})
	}
}

func TestScript_ReferenceIsOneSide(t *testing.T) {
	s := demo.Script{Turns: []demo.Turn{{Role: earshot.Agent, Text: "One."}, {Role: earshot.Customer, Text: "Two."}, {Role: earshot.Agent, Text: "Three."}}}
	if got := s.Reference(earshot.Agent); got != "One. Three." {
		t.Errorf("got %q", got)
	}
}

func TestScript_WERLooksAtEachSideInOrder(t *testing.T) {
	s := demo.Script{Language: "en", Turns: []demo.Turn{{Role: earshot.Agent, Text: "one two"}, {Role: earshot.Customer, Text: "three"}, {Role: earshot.Agent, Text: "four"}}}
	heard := []earshot.Utterance{
		{Role: earshot.Agent, StartMS: 9, Text: "four"},
		{Role: earshot.Customer, StartMS: 5, Text: "tree"},
		{Role: earshot.Agent, StartMS: 1, Text: "one two"},
	}
	if r := s.WER(heard); r.Words != 4 || r.Substitutions != 1 || r.Rate() != 0.25 {
		t.Errorf("got %+v", r)
	}
}

func TestSpeak_RefusesAChat(t *testing.T) {
	if _, err := (demo.Script{Channel: earshot.Chat}).Speak(t.Context()); earshot.KindOf(err) != earshot.Invalid {
		t.Errorf("got %v", err)
	}
}
