package rule_test

import (
	"strings"
	"testing"

	"earshot/qa/rule"
)

// matches says whether one utterance of an agent holds the phrase.
func matches(t testing.TB, phrase, text string) bool {
	t.Helper()
	r := decide(t, rule.Condition{Said: &rule.Said{Any: []string{phrase}}}, lines("chat", "agent 0 0 "+text))
	return r.Outcome == rule.Yes
}

func TestPhrase_MatchesAsItSays(t *testing.T) {
	tests := []struct {
		phrase, yes, no string
	}{
		{"thank you", "Well, THANK YOU!", "thank them you"},
		{"thank you", "Ｔｈａｎｋ　ｙｏｕ", "thankyou"},
		{"I'm sorry", "i am sorry", "sorry i am"},
		{"do not know", "I don't know", "I do know"},
		{"i do not", "i dont", "i do"},
		{"can't", "we cannot", "we can"},
		{"it is", "it's fine", "its fine"},
		{"apolog*", "we apologize", "we pologize"},
		{"*ing", "i am calling", "i am called"},
		{"record*", "this is recorded", "rec orded"},
		{"call * recorded", "this call may be recorded", "call one two three four five recorded"},
		{"call *2 recorded", "call is being recorded", "call may also be recorded"},
		{"how (can|may) i help", "how may I help", "how will i help"},
		{"thank you (very much)? goodbye", "thank you goodbye", "thank you much goodbye"},
		{"thank you (very much)? goodbye", "thank you very much goodbye", "thank you very goodbye"},
		{"cancel NEAR/2 account", "account i want cancel", "cancel one two three account"},
		{"cancel NEAR/2 account", "cancel my account", "cancel"},
		{"(a|b (c|d)) e", "b d e", "b e"},
		{"您好*请问", "您好，这里是，请问有什么事", "您好这里是北风银行客服中心请问"},
		{"您好*12请问", "您好，这里是北风银行客服，请问", "请问您好"},
		{"有什么可以帮(您|你)", "请问有什么可以帮您？", "有什么可以给您"},
		{"（保证|承诺）收益", "我们保证收益", "我们保证服务"},
		{"vip客户", "您是VIP 客户", "您是客户"},
		{"[CARD]", "it is [CARD] thanks", "it is a card"},
		{"anything else?", "is there anything else", "anything"},
	}
	for _, tt := range tests {
		if !matches(t, tt.phrase, tt.yes) {
			t.Errorf("%q should be in %q", tt.phrase, tt.yes)
		}
		if matches(t, tt.phrase, tt.no) {
			t.Errorf("%q should not be in %q", tt.phrase, tt.no)
		}
	}
}

func TestPhrase_MatchesOverTwoUtterancesOfOneTurn(t *testing.T) {
	c := rule.Condition{Said: &rule.Said{Any: []string{"thank you for calling"}}}
	r := decide(t, c, lines("voice", "agent 0 1 well thank you", "agent 2 3 for calling us"))
	if r.Outcome != rule.Yes || r.Evidence[0].Quote != "thank you for calling" {
		t.Errorf("%v %v", r.Outcome, r.Evidence)
	}
	r = decide(t, c, lines("voice", "agent 0 1 thank you", "customer 1 2 hm", "agent 2 3 for calling"))
	if r.Outcome != rule.No {
		t.Errorf("over another speaker: %v", r.Outcome)
	}
}

func TestParsePhrase_NamesTheMistake(t *testing.T) {
	tests := map[string]string{
		"":                           "no word that must be there",
		"(a)?":                       "no word that must be there",
		"(a|b":                       "not closed",
		"a)":                         "without a (",
		"a|b":                        "outside a group",
		"(a|)":                       "has no word",
		"* a":                        "begins or ends with a gap",
		"a *40 b":                    "1 to 30",
		"a NEAR/x b":                 "number of words",
		"NEAR/3 b":                   "no word before",
		"a NEAR/3":                   "no word after",
		strings.Repeat("a ", 300):    "at most 500",
		strings.Repeat("(", 9) + "a": "deeper",
	}
	for phrase, want := range tests {
		if _, err := rule.ParsePhrase(phrase); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", phrase, err, want)
		}
	}
}

func FuzzPhrase(f *testing.F) {
	for _, s := range []string{"how (can|may) i * help", "a NEAR/3 b", "您好*8请问", "(a|b (c)?)? d*", "*x [CARD] it's", "（是|否）"} {
		f.Add(s, "how may i please help it is 您好请问 [CARD]")
	}
	f.Fuzz(func(t *testing.T, phrase, text string) {
		p, err := rule.ParsePhrase(phrase)
		if err != nil {
			return
		}
		if p.Example() == "" {
			t.Fatalf("phrase %q has no example", phrase)
		}
		r := decide(t, rule.Condition{Said: &rule.Said{Any: []string{phrase}}}, lines("chat", "agent 0 0 "+strings.ReplaceAll(text, "\n", " ")))
		for _, e := range r.Evidence {
			if e.Quote == "" || !strings.Contains(text, e.Quote) && !strings.Contains(strings.ReplaceAll(text, "\n", " "), e.Quote) {
				t.Fatalf("quote %q is not in %q", e.Quote, text)
			}
		}
	})
}
