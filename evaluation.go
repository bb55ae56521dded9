package earshot

import "time"

// Track says who answered.
type Track string

// The tracks. Final is what stands: the machine tracks fused, with people's
// decisions laid over them.
const (
	TrackRule  Track = "rule"
	TrackLLM   Track = "llm"
	TrackHuman Track = "human"
	TrackFinal Track = "final"
)

// Verdict is the answer to one criterion.
type Verdict string

// The verdicts. NA leaves the denominator; Abstain asks for a person and
// counts neither way.
const (
	Pass    Verdict = "pass"
	Fail    Verdict = "fail"
	NA      Verdict = "na"
	Abstain Verdict = "abstain"
)

// Verdicts lists every verdict.
func Verdicts() []Verdict { return []Verdict{Pass, Fail, NA, Abstain} }

// Evaluation is the answers of one track for one interaction under one version
// of a scorecard.
type Evaluation struct {
	ID          EvaluationID  `json:"id"`
	Interaction InteractionID `json:"interaction"`
	Tenant      string        `json:"tenant,omitempty"`
	Track       Track         `json:"track"`
	// Scorecard is its id, ScorecardName its English name, ScorecardHash the
	// hex SHA-256 of the file that was used.
	Scorecard     string    `json:"scorecard"`
	ScorecardName string    `json:"scorecard_name,omitempty"`
	ScorecardHash string    `json:"scorecard_hash"`
	At            time.Time `json:"at"`
	// Score is 0 to 100; 0 when a fatal criterion failed. Scored is false when
	// nothing applied, and Score then means nothing.
	Score  float64 `json:"score"`
	Scored bool    `json:"scored"`
	Passed bool    `json:"passed"`
	// Fatal is set when a fatal criterion failed.
	Fatal bool `json:"fatal,omitempty"`
	// Utterances counts what the track saw; an evaluation that saw more
	// stands before one that saw less.
	Utterances int      `json:"utterances"`
	Answers    []Answer `json:"answers"`
	// Measures are the interaction's numbers, such as "agent.talk_ms".
	Measures map[string]float64 `json:"measures,omitempty"`
	// Facts is the interaction as the track knew it.
	Facts Interaction `json:"facts"`
	// Model and PromptHash are set by the LLM track.
	Model      string `json:"model,omitempty"`
	PromptHash string `json:"prompt_hash,omitempty"`
}

// Answer is the verdict on one criterion.
type Answer struct {
	Criterion CriterionID `json:"criterion"`
	// Name and NameZH are the criterion's names when it was asked.
	Name    string  `json:"name"`
	NameZH  string  `json:"name_zh,omitempty"`
	Section string  `json:"section,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Points were reached of MaxPoints, before the weights of sections.
	Points    float64 `json:"points"`
	MaxPoints float64 `json:"max_points"`
	Fatal     bool    `json:"fatal,omitempty"`
	// Reason says in words why the verdict came out so.
	Reason   string     `json:"reason,omitempty"`
	ReasonZH string     `json:"reason_zh,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
	// Confidence is 0 to 1.
	Confidence float64 `json:"confidence"`
	// Reviews are the reviews that decided this answer, the last one last.
	Reviews []ReviewID `json:"reviews,omitempty"`
	// Advice is what to change, for the agent.
	Advice   string `json:"advice,omitempty"`
	AdviceZH string `json:"advice_zh,omitempty"`
}

// Evidence is the place that shows why: an utterance, or a span of time when
// nothing was said.
type Evidence struct {
	Utterance UtteranceID `json:"utterance,omitempty"`
	Role      Role        `json:"role,omitempty"`
	Quote     string      `json:"quote,omitempty"`
	// StartMS and EndMS are milliseconds from the interaction's start.
	StartMS int64 `json:"start_ms"`
	EndMS   int64 `json:"end_ms"`
}

// Alert is a rule that fired while the interaction was still going on.
type Alert struct {
	ID          AlertID       `json:"id"`
	Interaction InteractionID `json:"interaction"`
	Tenant      string        `json:"tenant,omitempty"`
	Rule        string        `json:"rule"`
	Name        string        `json:"name"`
	NameZH      string        `json:"name_zh,omitempty"`
	// Severity is "info", "warning" or "critical".
	Severity string      `json:"severity"`
	At       time.Time   `json:"at"`
	Evidence []Evidence  `json:"evidence,omitempty"`
	Facts    Interaction `json:"facts"`
}
