// Package scorecard reads scorecards: what is asked of an interaction, how much
// each answer weighs, and for which interactions it is meant.
package scorecard

import (
	"slices"

	"earshot"
	"earshot/qa/rule"
)

// Scorecard is one version of a scorecard, as it stands in its YAML file.
type Scorecard struct {
	// ID stays the same over versions, such as "service-voice".
	ID      string `yaml:"id"`
	Version string `yaml:"version,omitempty"`
	Name    string `yaml:"name"`
	NameZH  string `yaml:"name_zh,omitempty"`
	// PassMark is the least score that passes, 0 to 100.
	PassMark float64 `yaml:"pass_mark"`
	// MinConfidence is 0 to 1: a match over words that the recogniser was less
	// sure of asks for a person. 0 takes all words as they come.
	MinConfidence float64 `yaml:"min_confidence,omitempty"`
	// MinTranscriptConfidence is 0 to 1: where the recogniser was less sure in
	// the mean, words that were not found ask for a person too. 0 takes what was
	// not found as not said.
	MinTranscriptConfidence float64 `yaml:"min_transcript_confidence,omitempty"`
	// Select says which interactions it is for.
	Select Selection `yaml:"select,omitempty"`
	// Conditions are used by name, with "is:", "after:" and "before:".
	Conditions rule.Named `yaml:"conditions,omitempty"`
	Sections   []Section  `yaml:"sections"`
	// Alerts tell people while the interaction goes on; they carry no points.
	Alerts []Alert `yaml:"alerts,omitempty"`

	// Hash is the hex SHA-256 of the file.
	Hash string `yaml:"-"`
}

// Selection says which interactions a scorecard is for: those that fit every
// list that is not empty.
type Selection struct {
	Channels  []earshot.Channel `yaml:"channels,omitempty"`
	Queues    []string          `yaml:"queues,omitempty"`
	Languages []string          `yaml:"languages,omitempty"`
}

// Section groups criteria.
type Section struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	NameZH string `yaml:"name_zh,omitempty"`
	// Weight multiplies the points of its criteria, 1 if absent.
	Weight   *float64    `yaml:"weight,omitempty"`
	Criteria []Criterion `yaml:"criteria"`
}

// WeightOrOne returns the section's weight.
func (s *Section) WeightOrOne() float64 {
	if s.Weight == nil {
		return 1
	}
	return *s.Weight
}

// Criterion is one question.
type Criterion struct {
	ID     earshot.CriterionID `yaml:"id"`
	Name   string              `yaml:"name"`
	NameZH string              `yaml:"name_zh,omitempty"`
	Points float64             `yaml:"points"`
	// Fatal makes the whole score 0 when it fails.
	Fatal bool `yaml:"fatal,omitempty"`
	// Alert is "info", "warning" or "critical": people are told as soon as it
	// is certain that it fails, while the interaction still goes on.
	Alert string `yaml:"alert,omitempty"`
	// AppliesWhen says when it is asked at all; absent is always.
	AppliesWhen *rule.Condition `yaml:"applies_when,omitempty"`
	PassWhen    rule.Condition  `yaml:"pass_when"`
	// Advice tells the agent what to change.
	Advice   string `yaml:"advice,omitempty"`
	AdviceZH string `yaml:"advice_zh,omitempty"`

	applies, pass *rule.Program
}

// Applies returns the compiled AppliesWhen, nil where there is none.
func (c *Criterion) Applies() *rule.Program { return c.applies }

// Pass returns the compiled PassWhen.
func (c *Criterion) Pass() *rule.Program { return c.pass }

// Alert tells people that something happens which they should know at once.
type Alert struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	NameZH string `yaml:"name_zh,omitempty"`
	// Severity is "info", "warning" or "critical".
	Severity string         `yaml:"severity"`
	When     rule.Condition `yaml:"when"`

	when *rule.Program
}

// Program returns the compiled When.
func (a *Alert) Program() *rule.Program { return a.when }

// Options returns what the scorecard sets for all its conditions.
func (s *Scorecard) Options() rule.Options {
	return rule.Options{MinConfidence: s.MinConfidence, MinTranscript: s.MinTranscriptConfidence}
}

// Fits says whether the scorecard is for such an interaction. A language that
// is not known fits, a channel or queue that is not known does not.
func (s *Scorecard) Fits(i earshot.Interaction) bool {
	if len(s.Select.Channels) > 0 && !slices.Contains(s.Select.Channels, i.Channel) {
		return false
	}
	if len(s.Select.Queues) > 0 && !slices.Contains(s.Select.Queues, i.Queue) {
		return false
	}
	return len(s.Select.Languages) == 0 || i.Language == "" ||
		slices.ContainsFunc(s.Select.Languages, func(l string) bool { return rule.SameLanguage(l, i.Language) })
}

// Set is several scorecards; the first that fits an interaction is used.
type Set []*Scorecard

// For returns the first scorecard that fits, nil if none does.
func (s Set) For(i earshot.Interaction) *Scorecard {
	for _, card := range s {
		if card.Fits(i) {
			return card
		}
	}
	return nil
}

// Criterion returns the criterion with the id, nil if there is none.
func (s *Scorecard) Criterion(id earshot.CriterionID) *Criterion {
	for i := range s.Sections {
		for k := range s.Sections[i].Criteria {
			if c := &s.Sections[i].Criteria[k]; c.ID == id {
				return c
			}
		}
	}
	return nil
}
