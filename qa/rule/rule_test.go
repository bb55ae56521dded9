package rule_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/qa/rule"
)

var begin = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// lines makes a transcript of "ROLE START END TEXT" lines, times in seconds.
func lines(channel earshot.Channel, list ...string) *rule.Transcript {
	facts := earshot.Interaction{ID: "i", Channel: channel, Queue: "cards", Language: "en-US", Attributes: map[string]string{"level": "gold"}}
	var out []earshot.Utterance
	for n, line := range list {
		f := strings.SplitN(line, " ", 4)
		start, _ := strconv.ParseFloat(f[1], 64)
		end, _ := strconv.ParseFloat(f[2], 64)
		out = append(out, earshot.Utterance{ID: earshot.UtteranceID(fmt.Sprint("u", n)), Channel: channel, Role: earshot.Role(f[0]),
			StartMS: int64(start * 1000), EndMS: int64(end * 1000), Text: f[3], Confidence: 0.9,
			At: begin.Add(time.Duration(start * float64(time.Second)))})
	}
	return rule.NewTranscript(facts, 0, out)
}

func decide(t testing.TB, c rule.Condition, tr *rule.Transcript) rule.Result {
	t.Helper()
	p, err := rule.Compile(c, named)
	if err != nil {
		t.Fatal(err)
	}
	return rule.NewRun(tr, rule.Options{MinConfidence: 0.3}).Decide(p)
}

var named = rule.Named{
	"complaint": {Said: &rule.Said{Scope: rule.Scope{By: rule.Roles{earshot.Customer}}, Any: []string{"angry", "投诉"}}},
}

func said(within string, by earshot.Role, phrases ...string) rule.Condition {
	return rule.Condition{Said: &rule.Said{Scope: rule.Scope{By: rule.Roles{by}, Within: within}, Any: phrases}}
}

var (
	english = lines("voice",
		"agent 0 3 hello thank you for calling", "customer 4 8 i am angry about my card", "agent 8.5 12 i am sorry let me look",
		"agent 30 33 here it is fine now", "customer 33.5 36 ok thanks", "agent 36.5 38 goodbye")
	chinese = lines("voice",
		"agent 0 3 您好感谢您的来电", "customer 4 8 我要投诉你们的服务", "agent 8.5 12 非常抱歉我马上为您查询",
		"agent 30 33 已经处理好了", "customer 33.5 36 好的谢谢", "agent 36.5 38 再见")
	written = lines("chat", "customer 0 0 hi", "customer 10 10 anybody there", "agent 100 100 hello", "customer 120 120 ok", "agent 125 125 bye")
)

func TestCondition_EveryOperator(t *testing.T) {
	yes, no, na := rule.Yes, rule.No, rule.NA
	tests := []struct {
		name string
		cond rule.Condition
		tr   *rule.Transcript
		want rule.Outcome
	}{
		{"said", said("", earshot.Agent, "thank you for calling"), english, yes},
		{"said zh", said("", earshot.Agent, "感谢*4来电"), chinese, yes},
		{"said by the other one", said("", earshot.Customer, "thank you for calling"), english, no},
		{"said by nobody there", said("", earshot.Bot, "hello"), english, na},
		{"first seconds", said("first 5s", earshot.Agent, "sorry"), english, no},
		{"first seconds zh", said("first 10s", earshot.Agent, "抱歉"), chinese, yes},
		{"first turns of the role", said("first 2 turns", earshot.Agent, "sorry"), english, yes},
		{"last turns of the role", said("last 1 turn", earshot.Agent, "goodbye"), english, yes},
		{"last turns miss", said("last 1 turn", earshot.Agent, "sorry"), english, no},
		{"last seconds zh", said("last 5s", earshot.Agent, "再见"), chinese, yes},
		{"last seconds miss", said("last 5s", earshot.Agent, "sorry"), english, no},
		{"all", rule.Condition{Said: &rule.Said{All: []string{"hello", "goodbye"}}}, english, yes},
		{"all zh misses one", rule.Condition{Said: &rule.Said{All: []string{"您好", "晚安"}}}, chinese, no},
		{"at least", rule.Condition{Said: &rule.Said{Any: []string{"hello", "sorry", "never"}, AtLeast: 2}}, english, yes},
		{"at least misses", rule.Condition{Said: &rule.Said{Any: []string{"hello", "nope", "never"}, AtLeast: 2}}, english, no},
		{"not said", rule.Condition{NotSaid: &rule.Said{Any: []string{"shut up"}}}, english, yes},
		{"not said zh", rule.Condition{NotSaid: &rule.Said{Any: []string{"抱歉"}}}, chinese, no},
		{"unless", rule.Condition{Said: &rule.Said{Any: []string{"angry"}, Unless: []string{"am angry"}}}, english, no},
		{"after", rule.Condition{Said: &rule.Said{Scope: rule.Scope{After: "complaint"}, Any: []string{"sorry", "抱歉"}}}, english, yes},
		{"after zh", rule.Condition{Said: &rule.Said{Scope: rule.Scope{After: "complaint"}, Any: []string{"抱歉"}}}, chinese, yes},
		{"after misses what came before", rule.Condition{Said: &rule.Said{Scope: rule.Scope{After: "complaint"}, Any: []string{"hello"}}}, english, no},
		{"after within", rule.Condition{Said: &rule.Said{Scope: rule.Scope{After: "complaint", Within: "first 10s"}, Any: []string{"fine"}}}, english, no},
		{"before", rule.Condition{Said: &rule.Said{Scope: rule.Scope{Before: "complaint"}, Any: []string{"hello"}}}, english, yes},
		{"after what never came", rule.Condition{Said: &rule.Said{Scope: rule.Scope{After: "complaint"}, Any: []string{"sorry"}}}, written, na},
		{"matches", rule.Condition{Matches: &rule.Matches{Pattern: `thank\s+you`}}, english, yes},
		{"matches zh", rule.Condition{Matches: &rule.Matches{Pattern: `感谢.{0,3}来电`}}, chinese, yes},
		{"matches misses", rule.Condition{Matches: &rule.Matches{Scope: rule.Scope{Within: "last 3s"}, Pattern: `hello`}}, english, no},
		{"silence", rule.Condition{Silence: &rule.Silence{LongerThan: "10s"}}, english, yes},
		{"silence of the customer", rule.Condition{Silence: &rule.Silence{LongerThan: "10s", Turn: earshot.Customer}}, english, no},
		{"silence twice", rule.Condition{Silence: &rule.Silence{LongerThan: "10s", AtLeast: 2}}, chinese, no},
		{"silence in writing", rule.Condition{Silence: &rule.Silence{LongerThan: "10s"}}, written, na},
		{"talk speed", rule.Condition{TalkSpeed: &rule.TalkSpeed{By: earshot.Agent, MinWords: 60, MaxWords: 200}}, english, yes},
		{"talk speed zh", rule.Condition{TalkSpeed: &rule.TalkSpeed{By: earshot.Agent, MinCharacters: 60, MaxCharacters: 100}}, chinese, no},
		{"talk speed of few words", rule.Condition{TalkSpeed: &rule.TalkSpeed{By: earshot.Customer, MinWords: 60}}, english, na},
		{"order", rule.Condition{Order: &rule.Order{First: rule.Condition{Is: "complaint"}, Then: said("", earshot.Agent, "sorry", "抱歉")}}, chinese, yes},
		{"order reversed", rule.Condition{Order: &rule.Order{First: said("", earshot.Agent, "sorry"), Then: rule.Condition{Is: "complaint"}}}, english, no},
		{"order without its first", rule.Condition{Order: &rule.Order{First: said("", earshot.Agent, "never"), Then: rule.Condition{Is: "complaint"}}}, english, na},
		{"response first", rule.Condition{ResponseTime: &rule.ResponseTime{By: earshot.Agent, Which: "first", AtMost: "60s"}}, written, no},
		{"response mean", rule.Condition{ResponseTime: &rule.ResponseTime{By: earshot.Agent, Which: "mean", AtMost: "60s"}}, written, yes},
		{"response max", rule.Condition{ResponseTime: &rule.ResponseTime{By: earshot.Agent, AtMost: "2m"}}, written, yes},
		{"response of nobody", rule.Condition{ResponseTime: &rule.ResponseTime{By: earshot.Bot, AtMost: "2m"}}, written, na},
		{"duration", rule.Condition{Duration: &rule.Duration{AtLeast: "30s", AtMost: "1m"}}, english, yes},
		{"duration over", rule.Condition{Duration: &rule.Duration{AtMost: "30s"}}, english, no},
		{"measure", rule.Condition{Measure: &rule.Measure{Name: "agent.turns", AtLeast: number(3)}}, english, yes},
		{"measure under", rule.Condition{Measure: &rule.Measure{Name: "agent.turns", AtMost: number(2)}}, english, no},
		{"measure unknown", rule.Condition{Measure: &rule.Measure{Name: "bot.turns", AtLeast: number(1)}}, english, na},
		{"context", rule.Condition{Context: &rule.Context{Channels: []earshot.Channel{earshot.Voice}, Queues: []string{"cards"}, Languages: []string{"en"},
			Attributes: map[string][]string{"level": {"gold", "black"}}}}, english, yes},
		{"context of another channel", rule.Condition{Context: &rule.Context{Channels: []earshot.Channel{earshot.Chat}}}, english, no},
		{"is", rule.Condition{Is: "complaint"}, chinese, yes},
		{"all of", rule.Condition{All: []rule.Condition{{Is: "complaint"}, said("", earshot.Agent, "sorry")}}, english, yes},
		{"all leaves out what does not apply", rule.Condition{All: []rule.Condition{{Is: "complaint"}, said("", earshot.Bot, "sorry")}}, english, yes},
		{"any of", rule.Condition{Any: []rule.Condition{said("", earshot.Agent, "never"), {Is: "complaint"}}}, chinese, yes},
		{"any of none", rule.Condition{Any: []rule.Condition{said("", earshot.Agent, "never")}}, chinese, no},
		{"not", rule.Condition{Not: &rule.Condition{Is: "complaint"}}, english, no},
		{"not of what does not apply", rule.Condition{Not: &rule.Condition{Silence: &rule.Silence{LongerThan: "10s"}}}, written, na},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := decide(t, tt.cond, tt.tr)
			if r.Outcome != tt.want {
				t.Fatalf("got %v, want %v: %s", r.Outcome, tt.want, r.Reason)
			}
			if r.Reason == "" || r.ReasonZH == "" {
				t.Errorf("reasons %q and %q", r.Reason, r.ReasonZH)
			}
		})
	}
}

func number(f float64) *float64 { return &f }

func TestInterruption_NeedsWordsOverSomebodyWhoSpeaks(t *testing.T) {
	tr := lines("voice", "customer 0 5 i wanted to say that my card", "agent 3 6 no no that is wrong",
		"customer 6 12 but i wanted to ask", "agent 8 8.4 mm hm", "agent 11.8 13 as i said before it works")
	got := func(n int, overlap string) rule.Outcome {
		return decide(t, rule.Condition{Interruption: &rule.Interruption{By: earshot.Agent, AtLeast: n, Overlap: overlap}}, tr).Outcome
	}
	if got(1, "") != rule.Yes || got(2, "") != rule.No || got(2, "200ms") != rule.Yes || got(1, "3s") != rule.No {
		t.Errorf("got %v %v %v %v", got(1, ""), got(2, ""), got(2, "200ms"), got(1, "3s"))
	}
	if n := tr.Measures()["agent.interruptions"]; n != 1 {
		t.Errorf("measured %v", n)
	}
}

func TestSaid_AbstainsOverWordsThatTheRecogniserIsNotSureOf(t *testing.T) {
	word := func(text string, confidence float64) earshot.Word {
		return earshot.Word{Text: text, StartMS: 1000, EndMS: 1500, Confidence: confidence}
	}
	tests := map[string]struct {
		confidence float64
		want       rule.Outcome
	}{"sure": {0.8, rule.Yes}, "unsure": {0.1, rule.Unsure}, "unknown": {0, rule.Yes}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			u := earshot.Utterance{ID: "u", Role: earshot.Agent, Channel: earshot.Voice, EndMS: 4000, Text: "this is a guarantee", Confidence: 0.9,
				Words: []earshot.Word{word("this", 0.9), word("is", 0.9), word("a", 0.9), word("guarantee", tt.confidence)}}
			r := decide(t, rule.Condition{Said: &rule.Said{Any: []string{"guarantee"}}}, rule.NewTranscript(earshot.Interaction{}, 0, []earshot.Utterance{u}))
			if r.Outcome != tt.want || r.Evidence[0].StartMS != 1000 {
				t.Errorf("got %v at %d", r.Outcome, r.Evidence[0].StartMS)
			}
		})
	}
}

func TestSaid_AbstainsWhereTheWholeTranscriptIsTooPoorToTell(t *testing.T) {
	for confidence, want := range map[float64]rule.Outcome{0.9: rule.No, 0.3: rule.Unsure} {
		u := earshot.Utterance{ID: "u", Role: earshot.Agent, Channel: earshot.Voice, EndMS: 4000, Text: "he he not going one", Confidence: confidence}
		tr := rule.NewTranscript(earshot.Interaction{Channel: earshot.Voice}, 4*time.Second, []earshot.Utterance{u})
		for name, c := range map[string]rule.Condition{
			"said":    {Said: &rule.Said{Any: []string{"thank you for calling"}}},
			"matches": {Matches: &rule.Matches{Pattern: "thank"}},
		} {
			p, err := rule.Compile(c, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := rule.NewRun(tr, rule.Options{MinTranscript: 0.45}).Decide(p); got.Outcome != want {
				t.Errorf("%s at %v: got %v, want %v (%s)", name, confidence, got.Outcome, want, got.Reason)
			}
		}
	}
}

func TestOpenTranscript_DecidesOnlyWhatIsCertain(t *testing.T) {
	open := lines("voice", "customer 0 3 i am angry", "agent 4 6 shut up please wait")
	open.Open = true
	tests := map[string]struct {
		cond rule.Condition
		want rule.Outcome
	}{
		"said":                    {said("", earshot.Agent, "shut up"), rule.Yes},
		"not said, and was":       {rule.Condition{NotSaid: &rule.Said{Any: []string{"shut up"}}}, rule.No},
		"not said yet":            {said("", earshot.Agent, "goodbye"), rule.Unsure},
		"not said in time":        {said("first 5s", earshot.Agent, "hello"), rule.No},
		"time is not over":        {said("first 1m", earshot.Agent, "hello"), rule.Unsure},
		"the last is not known":   {said("last 1 turn", earshot.Agent, "shut up"), rule.Unsure},
		"nobody of the role yet":  {said("", earshot.Bot, "x"), rule.Unsure},
		"it lasts longer already": {rule.Condition{Duration: &rule.Duration{AtMost: "5s"}}, rule.No},
		"it may last longer":      {rule.Condition{Duration: &rule.Duration{AtMost: "5m"}}, rule.Unsure},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if r := decide(t, tt.cond, open); r.Outcome != tt.want {
				t.Errorf("got %v, want %v", r.Outcome, tt.want)
			}
		})
	}
}

func TestAdd_IsTheSameAsAllAtOnce(t *testing.T) {
	all := english.Utterances
	late := append(append([]earshot.Utterance(nil), all[1:]...), all[0])
	for name, list := range map[string][]earshot.Utterance{"in order": all, "out of order": late} {
		t.Run(name, func(t *testing.T) {
			tr := rule.NewTranscript(english.Facts, 0, nil)
			for _, u := range list {
				tr.Add(u)
			}
			for _, c := range []rule.Condition{said("first 1 turn", earshot.Agent, "hello"), {Is: "complaint"}} {
				if got, want := decide(t, c, tr), decide(t, c, english); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %v, want %v", got, want)
				}
			}
			if got, want := tr.Measures(), english.Measures(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestNewTranscript_TakesTheChannelOfTheInteraction(t *testing.T) {
	u := earshot.Utterance{ID: "u", Role: earshot.Agent, StartMS: 1000, EndMS: 3000, Text: "hello"}
	tr := rule.NewTranscript(earshot.Interaction{Channel: earshot.Voice}, 0, []earshot.Utterance{u})
	if got := tr.Measures()["agent.talk_ms"]; got != 2000 {
		t.Errorf("talked %v ms", got)
	}
}

func TestMeasures_OfACall(t *testing.T) {
	want := map[string]float64{
		"duration_ms": 38000, "utterances": 6, "agent.talk_ms": 11000, "customer.talk_ms": 6500, "agent.talk_share": 11000.0 / 17500,
		"silence.count": 1, "silence.total_ms": 18000, "silence.longest_ms": 18000, "overlap.count": 0, "agent.turns": 3,
		"agent.longest_monologue_ms": 24500, "customer.response_first_ms": 1000, "agent.response_max_ms": 500,
	}
	for key, v := range want {
		if got := english.Measures()[key]; got != v {
			t.Errorf("%s is %v, want %v", key, got, v)
		}
	}
	if got := chinese.Measures(); got["agent.characters"] != 27 || got["agent.words"] != 0 {
		t.Errorf("characters %v, words %v", got["agent.characters"], got["agent.words"])
	}
}

func TestMeasures_AreAllDocumented(t *testing.T) {
	keys := rule.MeasureKeys()
	for _, tr := range []*rule.Transcript{english, chinese, written} {
		for key := range tr.Measures() {
			role, rest, _ := strings.Cut(key, ".")
			if keys[key] == "" && keys["ROLE."+rest] == "" {
				t.Errorf("%s of %s stands in no document", key, role)
			}
		}
	}
}

func TestCompile_NamesTheMistake(t *testing.T) {
	tests := map[string]struct {
		cond       rule.Condition
		path, want string
	}{
		"none":          {rule.Condition{}, "", "exactly one operator"},
		"two":           {rule.Condition{Is: "complaint", Not: &rule.Condition{Is: "complaint"}}, "", "got 2 [not is]"},
		"phrase":        {said("", earshot.Agent, "ok", "(a"), "said.any[1]", "not closed"},
		"no phrases":    {said("", earshot.Agent), "said", "list phrases"},
		"role":          {said("", "boss", "a"), "said.by[0]", "boss"},
		"window":        {said("early", earshot.Agent, "a"), "said.within", "early"},
		"window number": {said("first few turns", earshot.Agent, "a"), "said.within", "few"},
		"unknown name":  {rule.Condition{Is: "nothing"}, "is", "nothing"},
		"regex":         {rule.Condition{Matches: &rule.Matches{Pattern: "("}}, "matches.pattern", "missing closing"},
		"time":          {rule.Condition{Silence: &rule.Silence{LongerThan: "ten"}}, "silence.longer_than", "ten"},
		"measure":       {rule.Condition{Measure: &rule.Measure{Name: "agent.charm", AtMost: number(1)}}, "measure.name", "charm"},
		"deep":          {rule.Condition{All: []rule.Condition{{Is: "complaint"}, {Not: &rule.Condition{}}}}, "all[1].not", "exactly one"},
		"order":         {rule.Condition{Order: &rule.Order{First: rule.Condition{Is: "complaint"}}}, "order.then", "exactly one"},
		"at least":      {rule.Condition{Said: &rule.Said{Any: []string{"a"}, AtLeast: 2}}, "said.at_least", "got 2 of 1"},
		"no context":    {rule.Condition{Context: &rule.Context{}}, "context", "nothing is compared"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := rule.Compile(tt.cond, named)
			var mistake *rule.Error
			if !errors.As(err, &mistake) || mistake.Path != tt.path || !strings.Contains(mistake.Error(), tt.want) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestCompile_FindsConditionsThatUseThemselves(t *testing.T) {
	circle := rule.Named{"a": {Is: "b"}, "b": {Not: &rule.Condition{Is: "a"}}}
	if _, err := rule.Compile(rule.Condition{Is: "a"}, circle); err == nil || !strings.Contains(err.Error(), "a -> b -> a") {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkSaid(b *testing.B) {
	var phrases, text []string
	for i := range 200 {
		phrases = append(phrases, fmt.Sprintf("(word%d|other%d) *3 thing", i, i))
	}
	for i := range 200 {
		text = append(text, fmt.Sprintf("agent %d %d this is utterance number %d with some word%d and a few more and a thing", i, i, i, i%300))
	}
	tr := lines("voice", text...)
	p, err := rule.Compile(rule.Condition{Said: &rule.Said{Any: phrases}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	start := time.Now()
	for b.Loop() {
		rule.NewRun(tr, rule.Options{}).Decide(p)
	}
	b.ReportMetric(float64(b.N*len(text))/time.Since(start).Seconds(), "utterances/s")
}
