// Package query reads what people look at from ClickHouse: lists of
// interactions, one interaction whole, an agent's contacts.
package query

import (
	"time"

	"earshot"
)

// Filter narrows a list of interactions; zero fields do not narrow.
type Filter struct {
	Channel earshot.Channel
	Agent   earshot.AgentID
	Queue   string
	// Text is searched in the utterances, without regard to case.
	Text string
	// MinScore and MaxScore bound the final score, 0 to 100.
	MinScore, MaxScore *float64
	// Failed keeps interactions whose final evaluation failed this criterion.
	Failed earshot.CriterionID
	// Appealed keeps interactions with an appeal that nobody resolved.
	Appealed bool
	From, To time.Time
	// Limit is 1 to 500, 50 if zero; Offset counts from the newest.
	Limit, Offset int
}

// Row is one line of a list of interactions.
type Row struct {
	Interaction earshot.Interaction
	DurationMS  int64
	Utterances  int
	// Evaluation is the final one, without evidence; nil before it is there.
	Evaluation *earshot.Evaluation
	// Reviewed is set when a person confirmed or changed a verdict.
	Reviewed bool
	// Appealed is set while an appeal is open.
	Appealed bool
	// Acknowledged is set when the agent said to have read the evaluation.
	Acknowledged bool
}

// Page is a part of a list, newest first, and how long the whole list is.
type Page struct {
	Rows  []Row
	Total int
}

// Detail is one interaction whole.
type Detail struct {
	Interaction earshot.Interaction
	DurationMS  int64
	// Utterances in order of their start.
	Utterances []earshot.Utterance
	// Evaluations are the current ones, one a track: rule, llm, human, final.
	Evaluations []earshot.Evaluation
	// Reviews, oldest first.
	Reviews []earshot.Review
	Alerts  []earshot.Alert
	Events  []earshot.Event
}

// Facets are the values that filters can take.
type Facets struct {
	Channels []earshot.Channel
	Agents   []AgentName
	Queues   []string
	Criteria []CriterionName
}

// AgentName is an agent's id with the name last seen.
type AgentName struct {
	ID   earshot.AgentID
	Name string
}

// CriterionName is a criterion's id with its names last seen.
type CriterionName struct {
	ID           earshot.CriterionID
	Name, NameZH string
}

// AgentRow is one line of the list of agents.
type AgentRow struct {
	Agent        AgentName
	Interactions int
	MeanScore    float64
	Fatal        int
	OpenAppeals  int
}

// AgentDetail is what an agent sees of the own work.
type AgentDetail struct {
	Agent AgentName
	// Contacts, newest first.
	Contacts     []Row
	Interactions int
	MeanScore    float64
	// Criteria, worst pass rate first.
	Criteria []CriterionRate
}

// CriterionRate is how often an agent met a criterion.
type CriterionRate struct {
	Criterion        CriterionName
	Passed, Failed   int
	Advice, AdviceZH string
}
