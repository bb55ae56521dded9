package web

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"earshot"
	"earshot/metrics/query"
)

// format writes values the way one language does.
type format struct {
	lang  language
	texts catalogue
	zone  *time.Location
}

func (f format) funcs() template.FuncMap {
	return template.FuncMap{
		"t":           f.texts.text,
		"tn":          f.texts.count,
		"word":        f.texts.word,
		"when":        f.when,
		"whenFull":    f.whenFull,
		"iso":         func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"clock":       clock,
		"number":      number,
		"percent":     percent,
		"one":         f.one,
		"customer":    f.customer,
		"section":     f.section,
		"agentName":   agentName,
		"interaction": interactionURL,
		"agentURL":    agentURL,
		"languages":   languages,
		"part":        part,
		"themes":      func() []string { return []string{"auto", "light", "dark"} },
		"displayName": displayName,
		"hour":        func(t time.Time) string { return t.In(f.zone).Format("15:04:05") },
		"seconds":     func(ms int64) string { return number(float64(ms) / 1000) },
		"add":         func(a, b int) int { return a + b },
		"more":        func(as []earshot.Answer, shown int) int { return max(0, len(as)-shown) },
		"moment":      momentURL,
		"nonce":       uuid.NewString,
	}
}

// when is short: this year's dates go without the year.
func (f format) when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(f.zone)
	layout := f.texts.text("format.when")
	if t.Year() != time.Now().In(f.zone).Year() {
		layout = f.texts.text("format.when_year")
	}
	return t.Format(layout)
}

func (f format) whenFull(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(f.zone).Format("2006-01-02 15:04:05 MST")
}

// one picks the text of this language, the other one where it is missing.
func (f format) one(en, zh string) string {
	if f.lang == chinese && zh != "" || en == "" {
		return zh
	}
	return en
}

// customer names whoever called by the CRM id, or by the start of the hash
// that stands for the address.
func (f format) customer(i earshot.Interaction) string {
	if i.Customer != "" {
		return string(i.Customer)
	}
	if i.CustomerHash == "" {
		return f.texts.text("customer.unknown")
	}
	return f.texts.text("customer.hash", i.CustomerHash[:min(6, len(i.CustomerHash))])
}

// section names a section of a scorecard by its id, which is all that an
// answer carries.
func (f format) section(id string) string {
	if name, ok := f.texts["section."+id]; ok {
		return name
	}
	if id == "" {
		return ""
	}
	name := strings.NewReplacer("_", " ", "-", " ").Replace(id)
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

func agentName(i earshot.Interaction) string {
	if i.AgentName != "" {
		return i.AgentName
	}
	return string(i.Agent)
}

// clock writes milliseconds as m:ss, or h:mm:ss from an hour on.
func clock(ms int64) string {
	s := max(ms, 0) / 1000
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// number writes at most one decimal.
func number(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

func percent(x float64) string { return number(math.Round(x*100)) + "%" }

func interactionURL(id earshot.InteractionID) string {
	return "/interactions/" + url.PathEscape(string(id))
}

// momentURL opens an interaction at a piece of evidence.
func momentURL(m *moment) string {
	u := interactionURL(m.Interaction.ID) + "?" + url.Values{"at": {strconv.FormatInt(m.StartMS, 10)}}.Encode()
	if m.Utterance == "" {
		return u
	}
	return u + "#u-" + url.PathEscape(string(m.Utterance))
}

func agentURL(id earshot.AgentID) string { return "/agents/" + url.PathEscape(string(id)) }

// part joins a visit and a part's own data, for templates within templates.
func part(v view, data any) view { return view{visit: v.visit, Data: data} }

// measure is one of an interaction's numbers, in words.
type measure struct{ Name, Value string }

// measures writes the numbers of an evaluation, those that we have words for
// first; what the score itself was made with is left out.
func (f format) measures(m map[string]float64) []measure {
	var known, other []measure
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if k == measurePassMark || k == "appeals.open" || strings.HasPrefix(k, "section.") {
			continue
		}
		name, ok := f.measureName(k)
		out := &other
		if ok {
			out = &known
		}
		*out = append(*out, measure{name, f.quantity(k, m[k])})
	}
	return append(known, other...)
}

// measurePassMark is the key of the score from which an evaluation passes.
const measurePassMark = "pass_mark"

// measureName finds the words for a key; those of a role, such as
// "agent.talk_ms", are made of the role's name and the words for the rest.
func (f format) measureName(key string) (string, bool) {
	if name, ok := f.texts["measure."+key]; ok {
		return name, true
	}
	role, rest, _ := strings.Cut(key, ".")
	if name, ok := f.texts["measure.ROLE."+rest]; ok && slices.Contains(earshot.Roles(), earshot.Role(role)) {
		return fmt.Sprintf(name, f.texts.word("role", role)), true
	}
	return key, false
}

// quantity reads the unit off the end of the measure's name.
func (f format) quantity(key string, x float64) string {
	switch {
	case strings.HasSuffix(key, "_ms") && x >= 120_000:
		return clock(int64(x))
	case strings.HasSuffix(key, "_ms"):
		return f.texts.text("unit.seconds", number(x/1000))
	case strings.HasSuffix(key, "share"), key == "confidence":
		return percent(x)
	case strings.HasSuffix(key, "words_per_minute"):
		return f.texts.text("unit.words_per_minute", number(math.Round(x)))
	case strings.HasSuffix(key, "characters_per_minute"):
		return f.texts.text("unit.characters_per_minute", number(math.Round(x)))
	default:
		return number(x)
	}
}

func displayName(a query.AgentName) string {
	if a.Name != "" {
		return a.Name
	}
	return string(a.ID)
}
