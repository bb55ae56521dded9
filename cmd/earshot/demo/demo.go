// Package demo holds the conversations of the demonstration: scripts that were
// made up, and the synthesizer that speaks the calls among them.
package demo

import (
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"earshot"
	"earshot/asr/wer"
	"earshot/internal/config"
	"earshot/internal/redact"
)

//go:embed *.yaml
var files embed.FS

// Script is one conversation.
type Script struct {
	ID string `yaml:"id"`
	// Title says in one line what it shows.
	Title   string          `yaml:"title"`
	Channel earshot.Channel `yaml:"channel"`
	// Language is a BCP 47 tag.
	Language string `yaml:"language"`
	Queue    string `yaml:"queue"`
	Agent    Person `yaml:"agent"`
	Customer Person `yaml:"customer"`
	Turns    []Turn `yaml:"turns"`
	Expect   Expect `yaml:"expect"`
}

// Person is one side of a conversation.
type Person struct {
	// ID is the agent's id or the customer's CRM id.
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	// Address is the customer's: a telephone number, or a visitor's id.
	Address string `yaml:"address"`
	// Voice is flite's; calls only.
	Voice string `yaml:"voice"`
}

// Turn is what one side says or writes at once.
type Turn struct {
	Role earshot.Role `yaml:"role"`
	Text string       `yaml:"text"`
	// PauseMS is how long after the turn before it begins, OverlapMS how long
	// before that one's end, in milliseconds; one of the two is 0.
	PauseMS   int `yaml:"pause_ms"`
	OverlapMS int `yaml:"overlap_ms"`
}

// Pause is how long after the end of the turn before this one begins; negative
// when it overlaps it.
func (t Turn) Pause() time.Duration {
	return time.Duration(t.PauseMS-t.OverlapMS) * time.Millisecond
}

// Expect is what the default scorecard should find.
type Expect struct {
	// Failed are the criteria that the conversation was written to fail.
	Failed []earshot.CriterionID `yaml:"failed"`
}

// Scripts returns the conversations, the calls first.
func Scripts() ([]Script, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("cannot list the scripts: %w", err)
	}
	var out []Script
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("cannot read script %s: %w", name, err)
		}
		var s Script
		if err := config.Decode(name, data, &s); err != nil {
			return nil, err
		}
		if err := s.validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Script) int { return cmp.Compare(calls(b), calls(a)) })
	return out, nil
}

func calls(s Script) int {
	if s.Channel == earshot.Voice {
		return 1
	}
	return 0
}

func (s Script) validate() error {
	if s.ID == "" || s.Language == "" || len(s.Turns) == 0 {
		return earshot.InvalidField("id, language, turns", "give all of them", "script %q, language %q, %d turns", s.ID, s.Language, len(s.Turns))
	}
	if !slices.Contains(earshot.Channels(), s.Channel) {
		return earshot.InvalidField("channel", "use one of earshot.Channels", "is %q", s.Channel)
	}
	if s.Channel == earshot.Voice && (s.Agent.Voice == "" || s.Customer.Voice == "") {
		return earshot.InvalidField("voice", "give both sides one of flite's", "agent has %q, customer %q", s.Agent.Voice, s.Customer.Voice)
	}
	for i, t := range s.Turns {
		field := fmt.Sprintf("turns[%d]", i)
		if t.Role != earshot.Agent && t.Role != earshot.Customer {
			return earshot.InvalidField(field+".role", "use agent or customer", "is %q", t.Role)
		}
		if t.Text == "" || t.PauseMS < 0 || t.OverlapMS < 0 || t.PauseMS > 0 && t.OverlapMS > 0 {
			return earshot.InvalidField(field, "give a text, and a pause or an overlap", "text %q, pause %d ms, overlap %d ms", t.Text, t.PauseMS, t.OverlapMS)
		}
	}
	return nil
}

// Reference is all that one side says, in order.
func (s Script) Reference(role earshot.Role) string {
	var texts []string
	for _, t := range s.Turns {
		if t.Role == role {
			texts = append(texts, t.Text)
		}
	}
	return strings.Join(texts, " ")
}

// WER compares a transcript with the script, each side for itself. What a
// transcript has masked is masked in the script too.
func (s Script) WER(utterances []earshot.Utterance) wer.Result {
	heard := slices.Clone(utterances)
	slices.SortStableFunc(heard, func(a, b earshot.Utterance) int { return cmp.Compare(a.StartMS, b.StartMS) })
	var sum wer.Result
	for _, role := range []earshot.Role{earshot.Agent, earshot.Customer} {
		said, _ := redact.Text(s.Reference(role), s.Language)
		var texts []string
		for _, u := range heard {
			if u.Role == role {
				texts = append(texts, u.Text)
			}
		}
		sum = sum.Add(wer.Compare(said, strings.Join(texts, " ")))
	}
	return sum
}
