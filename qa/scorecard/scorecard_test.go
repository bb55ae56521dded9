package scorecard_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
	"earshot/qa/scorecard"
)

const small = `id: small
name: Small
pass_mark: 60
select: {channels: [voice], queues: [cards], languages: [en]}
conditions:
  greeted:
    said: {by: agent, any: [hello]}
sections:
  - id: opening
    name: Opening
    criteria:
      - id: greeting
        name: Greets
        points: 10
        pass_when: {is: greeted}
`

func parse(t *testing.T, text string) *scorecard.Scorecard {
	t.Helper()
	card, err := scorecard.Parse("card.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func TestParse_ReadsAScorecard(t *testing.T) {
	card := parse(t, small)
	sum := sha256.Sum256([]byte(small))
	if card.Hash != hex.EncodeToString(sum[:]) || card.Sections[0].WeightOrOne() != 1 || card.Criterion("greeting").Pass() == nil {
		t.Fatalf("%+v", card)
	}
	if card.Criterion("nothing") != nil {
		t.Error("found a criterion that is not there")
	}
}

// Each mistake is one edit of the small scorecard.
func TestParse_NamesPlaceAndFix(t *testing.T) {
	tests := map[string]struct{ old, new, want string }{
		"unknown key":       {"pass_mark: 60", "pas_mark: 60", "card.yaml:3:1: unknown"},
		"nearest key":       {"pass_mark: 60", "pas_mark: 60", "pass_mark"},
		"unknown key deep":  {"points: 10", "point: 10", "points"},
		"unknown operator":  {"{is: greeted}", "{sayd: {any: [a]}}", "said"},
		"wrong type":        {"points: 10", "points: ten", "card.yaml:14:"},
		"pass mark":         {"pass_mark: 60", "pass_mark: 600", "card.yaml:3:12: pass_mark: got 600"},
		"no id":             {"id: small", "id: ''", "use a to z"},
		"bad id":            {"id: greeting", "id: Greeting!", "card.yaml:12:13"},
		"no name":           {"name: Greets", "name: ' '", "sections[0].criteria[0].name: is missing"},
		"points":            {"points: 10", "points: -1", "card.yaml:14:17"},
		"channel":           {"[voice]", "[phone]", "card.yaml:4:21: select.channels[0]: unknown channel"},
		"phrase":            {"[hello]", "['(a']", "conditions.greeted.said.any[0]"},
		"unknown condition": {"is: greeted", "is: greted", `card.yaml:15:25: sections[0].criteria[0].pass_when.is: there is no condition "greted"; did you mean "greeted"?`},
		"severity":          {"points: 10", "points: 10\n        alert: loud", "info, warning or critical"},
		"not one operator":  {"{is: greeted}", "{is: greeted, not: {is: greeted}}", "exactly one operator"},
		"min confidence":    {"pass_mark: 60", "pass_mark: 60\nmin_confidence: 2", "use 0 to 1"},
		"negative weight":   {"name: Opening", "name: Opening\n    weight: -1", "use 0 or more"},
		"two of one id":     {"sections:", "alerts: [{id: greeting, name: A, severity: info, when: {is: greeted}}]\nsections:", "a criterion has the id"},
		"not a map":         {small, "- a", "card.yaml:1:1"},
		"not YAML":          {small, "a: [", "card.yaml:1:"},
		"empty":             {small, "", "sections"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := scorecard.Parse("card.yaml", []byte(strings.Replace(small, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			if earshot.KindOf(err) != earshot.Invalid {
				t.Errorf("kind %v", earshot.KindOf(err))
			}
		})
	}
}

func TestParse_ReportsEveryMistake(t *testing.T) {
	text := strings.NewReplacer("60", "-1", "points: 10", "points: 0", "[hello]", "['a|b']", "is: greeted", "is: x").Replace(small)
	_, err := scorecard.Parse("card.yaml", []byte(text))
	if err == nil || strings.Count(err.Error(), "card.yaml:") != 4 {
		t.Fatalf("got %v", err)
	}
}

func TestSet_TheFirstThatFits(t *testing.T) {
	cards := parse(t, small)
	rest := parse(t, strings.Replace(strings.Replace(small, "select: {channels: [voice], queues: [cards], languages: [en]}\n", "", 1), "id: small", "id: rest", 1))
	set := scorecard.Set{cards, rest}
	tests := map[string]struct {
		i    earshot.Interaction
		want string
	}{
		"all fit":          {earshot.Interaction{Channel: earshot.Voice, Queue: "cards", Language: "en-GB"}, "small"},
		"language unknown": {earshot.Interaction{Channel: earshot.Voice, Queue: "cards"}, "small"},
		"another language": {earshot.Interaction{Channel: earshot.Voice, Queue: "cards", Language: "zh"}, "rest"},
		"queue unknown":    {earshot.Interaction{Channel: earshot.Voice, Language: "en"}, "rest"},
		"another channel":  {earshot.Interaction{Channel: earshot.Chat, Queue: "cards", Language: "en"}, "rest"},
	}
	for name, tt := range tests {
		if got := set.For(tt.i); got.ID != tt.want {
			t.Errorf("%s: got %s", name, got.ID)
		}
	}
	if got := (scorecard.Set{cards}).For(earshot.Interaction{Channel: earshot.Chat}); got != nil {
		t.Errorf("got %s", got.ID)
	}
}

func TestLoad_FoldersAndFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("b.yaml", small)
	write("a.yaml", strings.Replace(small, "id: small", "id: first", 1))
	set, err := scorecard.Load(dir)
	if err != nil || len(set) != 2 || set[0].ID != "first" {
		t.Fatalf("%v, %v", set, err)
	}
	if _, err := scorecard.Load(dir, write("c.yml", small)); err == nil || !strings.Contains(err.Error(), `id "small" too`) {
		t.Errorf("got %v", err)
	}
	if _, err := scorecard.Load(filepath.Join(dir, "none")); earshot.KindOf(err) != earshot.Invalid {
		t.Errorf("got %v", err)
	}
	if set, err := scorecard.Load(); err != nil || len(set) != 2 {
		t.Errorf("default: %v, %v", set, err)
	}
}

// People read every criterion and alert in both languages.
func TestDefault_SpeaksBothLanguages(t *testing.T) {
	set, err := scorecard.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, card := range set {
		for _, s := range card.Sections {
			for _, c := range s.Criteria {
				if c.NameZH == "" || c.Advice == "" || c.AdviceZH == "" || s.NameZH == "" {
					t.Errorf("%s: %s lacks a name or advice", card.ID, c.ID)
				}
			}
		}
		for _, a := range card.Alerts {
			if a.NameZH == "" {
				t.Errorf("%s: %s lacks a Chinese name", card.ID, a.ID)
			}
		}
	}
	for _, channel := range earshot.Channels() {
		if set.For(earshot.Interaction{Channel: channel}) == nil {
			t.Errorf("no default scorecard for %s", channel)
		}
	}
}

func TestTally_CountsAsThePageSays(t *testing.T) {
	answer := func(section string, v earshot.Verdict, points, most float64, fatal bool) earshot.Answer {
		return earshot.Answer{Section: section, Verdict: v, Points: points, MaxPoints: most, Fatal: fatal}
	}
	pass, fail, na, abstain := earshot.Pass, earshot.Fail, earshot.NA, earshot.Abstain
	tests := map[string]struct {
		answers        []earshot.Answer
		score          float64
		scored, passed bool
	}{
		"nothing applies":      {[]earshot.Answer{answer("a", na, 0, 10, false), answer("a", abstain, 0, 5, true)}, 0, false, false},
		"na leaves it":         {[]earshot.Answer{answer("a", pass, 10, 10, false), answer("a", na, 0, 90, false)}, 100, true, true},
		"weights multiply":     {[]earshot.Answer{answer("a", pass, 10, 10, false), answer("b", fail, 0, 10, false)}, 25, true, false},
		"pass mark is enough":  {[]earshot.Answer{answer("a", fail, 0, 20, false), answer("b", pass, 10, 10, false)}, 60, true, true},
		"fatal":                {[]earshot.Answer{answer("a", pass, 90, 90, false), answer("a", fail, 0, 10, true)}, 0, true, false},
		"fatal without points": {[]earshot.Answer{answer("a", fail, 0, 0, true)}, 0, true, false},
		"fatal that passed":    {[]earshot.Answer{answer("a", pass, 10, 10, true)}, 100, true, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := earshot.Evaluation{Answers: tt.answers, Measures: map[string]float64{"pass_mark": 60, "section.a.weight": 1, "section.b.weight": 3}}
			scorecard.Tally(&e)
			if e.Score != tt.score || e.Scored != tt.scored || e.Passed != tt.passed {
				t.Errorf("got %v, scored %v, passed %v", e.Score, e.Scored, e.Passed)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("id: &a x\nsections: [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		card, err := scorecard.Parse("f.yaml", data)
		if err != nil {
			if !strings.Contains(err.Error(), "f.yaml") || earshot.KindOf(err) != earshot.Invalid {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		for i := range card.Sections {
			for k := range card.Sections[i].Criteria {
				if card.Sections[i].Criteria[k].Pass() == nil {
					t.Fatal("accepted a criterion that cannot be decided")
				}
			}
		}
	})
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		if _, err := scorecard.Default(); err != nil {
			b.Fatal(err)
		}
	}
}
