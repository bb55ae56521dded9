// Package rule decides conditions over a transcript: what was said, when and by
// whom, how it sounded, in which order; with evidence and a reason in words.
package rule

import (
	"earshot"
)

// Condition is one question about a transcript. Exactly one field is set; it
// names the operator. All text works in English and Chinese.
type Condition struct {
	// Said: phrases were said or written. NotSaid is the opposite.
	Said    *Said `yaml:"said,omitempty"`
	NotSaid *Said `yaml:"not_said,omitempty"`
	// Matches: a regular expression fits an utterance.
	Matches *Matches `yaml:"matches,omitempty"`
	// Silence: nobody spoke for longer than a time. Voice only.
	Silence *Silence `yaml:"silence,omitempty"`
	// TalkSpeed: somebody spoke within a range of speed. Voice only.
	TalkSpeed *TalkSpeed `yaml:"talk_speed,omitempty"`
	// Interruption: somebody began to talk while somebody else did. Voice only.
	Interruption *Interruption `yaml:"interruption,omitempty"`
	// Order: one condition hit and another one after it.
	Order *Order `yaml:"order,omitempty"`
	// ResponseTime: somebody answered within a time.
	ResponseTime *ResponseTime `yaml:"response_time,omitempty"`
	// Duration of the interaction.
	Duration *Duration `yaml:"duration,omitempty"`
	// Measure compares one of the interaction's numbers; see [MeasureKeys].
	Measure *Measure `yaml:"measure,omitempty"`
	// Context compares what is known of the interaction.
	Context *Context `yaml:"context,omitempty"`
	// All and Any of the conditions; Not of one.
	All []Condition `yaml:"all,omitempty"`
	Any []Condition `yaml:"any,omitempty"`
	Not *Condition  `yaml:"not,omitempty"`
	// Is names a condition of the scorecard's "conditions".
	Is string `yaml:"is,omitempty"`
}

// Scope narrows where a condition looks.
type Scope struct {
	// By are the roles that speak: agent, customer, bot, other; none is anybody.
	By Roles `yaml:"by,omitempty"`
	// Within is "first 20s", "last 1m", "first 3 turns" or "last 2 turns" of the
	// part that After and Before leave. Turns are those of the roles in By.
	Within string `yaml:"within,omitempty"`
	// After and Before name conditions; what counts is their first hit. Where
	// that condition does not hold, the answer is not applicable.
	After  string `yaml:"after,omitempty"`
	Before string `yaml:"before,omitempty"`
}

// Roles is one role or a list of them.
type Roles []earshot.Role

// UnmarshalYAML reads "agent" as well as "[agent, bot]".
func (r *Roles) UnmarshalYAML(unmarshal func(any) error) error {
	var one earshot.Role
	if unmarshal(&one) == nil {
		*r = Roles{one}
		return nil
	}
	var many []earshot.Role
	if err := unmarshal(&many); err != nil {
		return err
	}
	*r = many
	return nil
}

// Said looks for phrases; see [Phrase] for what they can say. One of Any and
// All is set.
type Said struct {
	Scope `yaml:",inline"`
	Any   []string `yaml:"any,omitempty"`
	All   []string `yaml:"all,omitempty"`
	// AtLeast of the phrases in Any must be said, 1 if zero.
	AtLeast int `yaml:"at_least,omitempty"`
	// Unless are phrases around a hit that take it back, such as "not *3
	// guarantee" around "guarantee".
	Unless []string `yaml:"unless,omitempty"`
}

// Matches looks for a regular expression (RE2) in single utterances, in half
// width and without regard to case.
type Matches struct {
	Scope   `yaml:",inline"`
	Pattern string `yaml:"pattern"`
}

// Silence looks for gaps in which nobody spoke, the one before the first word
// and the one after the last included.
type Silence struct {
	// LongerThan such as "10s".
	LongerThan string `yaml:"longer_than"`
	// Turn is the role that was waited for, that is, who speaks next; empty is
	// anybody.
	Turn earshot.Role `yaml:"turn,omitempty"`
	// AtLeast so many times, 1 if zero.
	AtLeast int `yaml:"at_least,omitempty"`
}

// TalkSpeed compares the speed of all speech of a role: words a minute for
// English, characters a minute for Chinese, by what was spoken most. It does
// not apply to less than ten seconds of speech.
type TalkSpeed struct {
	By            earshot.Role `yaml:"by"`
	MinWords      float64      `yaml:"min_words,omitempty"`
	MaxWords      float64      `yaml:"max_words,omitempty"`
	MinCharacters float64      `yaml:"min_characters,omitempty"`
	MaxCharacters float64      `yaml:"max_characters,omitempty"`
}

// Interruption looks for utterances that begin while somebody else has been
// speaking for a second or more, and go on together for a time.
type Interruption struct {
	By earshot.Role `yaml:"by"`
	// Overlap is how long both speak at least, "500ms" if empty.
	Overlap string `yaml:"overlap,omitempty"`
	// AtLeast so many times, 1 if zero.
	AtLeast int `yaml:"at_least,omitempty"`
}

// Order holds when Then hits after the first hit of First; it does not apply
// when First never hits. "A without B" is the opposite: not: {order: ...}.
type Order struct {
	First Condition `yaml:"first"`
	Then  Condition `yaml:"then"`
}

// ResponseTime compares how long somebody took to answer the other side.
type ResponseTime struct {
	By earshot.Role `yaml:"by"`
	// Which is "first", "mean" or "max"; max if empty.
	Which string `yaml:"which,omitempty"`
	// AtMost such as "60s".
	AtMost string `yaml:"at_most"`
}

// Duration compares the interaction's length, such as "30s" or "1h".
type Duration struct {
	AtLeast string `yaml:"at_least,omitempty"`
	AtMost  string `yaml:"at_most,omitempty"`
}

// Measure compares a number; it does not apply where the number is unknown.
type Measure struct {
	Name    string   `yaml:"name"`
	AtLeast *float64 `yaml:"at_least,omitempty"`
	AtMost  *float64 `yaml:"at_most,omitempty"`
}

// Context compares facts; each list is "one of", all lists must fit.
type Context struct {
	Channels   []earshot.Channel   `yaml:"channels,omitempty"`
	Queues     []string            `yaml:"queues,omitempty"`
	Languages  []string            `yaml:"languages,omitempty"`
	Regions    []string            `yaml:"regions,omitempty"`
	Directions []earshot.Direction `yaml:"directions,omitempty"`
	// Attributes by name, each with the values that fit.
	Attributes map[string][]string `yaml:"attributes,omitempty"`
}

// Outcome is the answer to a condition.
type Outcome uint8

// The outcomes. NA does not apply here; Unsure rests on words that the
// recogniser was not sure of, or on an interaction that still goes on.
const (
	No Outcome = iota
	Yes
	NA
	Unsure
)

// String returns the outcome in lower case.
func (o Outcome) String() string {
	return [...]string{No: "no", Yes: "yes", NA: "na", Unsure: "unsure"}[o]
}

// Result is an outcome and why.
type Result struct {
	Outcome Outcome
	// Evidence is where it was found, in order of time, at most [MaxEvidence].
	Evidence []earshot.Evidence
	// Reason and ReasonZH say in words what was found or missed.
	Reason, ReasonZH string
	// Confidence is 0 to 1: how sure the recogniser was of the words it rests on.
	Confidence float64

	hits []hit
}

// MaxEvidence is how many places a result names.
const MaxEvidence = 10

// hit is a place where a condition holds. start and end count words from the
// transcript's first, so that places of all kinds can be ordered.
type hit struct {
	start, end     int
	startMS, endMS int64
	confidence     float64
	evidence       earshot.Evidence
}

// Options are what a scorecard sets for all its conditions.
type Options struct {
	// MinConfidence is 0 to 1; a match over words that the recogniser was less
	// sure of in the mean is Unsure. Words of unknown confidence count as sure.
	MinConfidence float64
	// MinTranscript is 0 to 1; where the recogniser was less sure in the mean of
	// all that was looked at, words that were not found may have been said all
	// the same: the answer is Unsure.
	MinTranscript float64
}
