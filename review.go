package earshot

import "time"

// ReviewAction says what a person decided.
type ReviewAction string

// The actions. Acknowledge is the agent's "I have read it"; Appeal asks for
// another look at one criterion; Resolve answers an appeal.
const (
	Confirm     ReviewAction = "confirm"
	Override    ReviewAction = "override"
	Acknowledge ReviewAction = "acknowledge"
	Appeal      ReviewAction = "appeal"
	Resolve     ReviewAction = "resolve"
)

// ReviewActions lists every action.
func ReviewActions() []ReviewAction {
	return []ReviewAction{Confirm, Override, Acknowledge, Appeal, Resolve}
}

// Review is what a person decided about an evaluation.
type Review struct {
	ID          ReviewID      `json:"id"`
	Interaction InteractionID `json:"interaction"`
	Tenant      string        `json:"tenant,omitempty"`
	Evaluation  EvaluationID  `json:"evaluation"`
	// Criterion is empty for Acknowledge, which is about the whole.
	Criterion CriterionID  `json:"criterion,omitempty"`
	Action    ReviewAction `json:"action"`
	// Verdict is the new one for Override and Resolve.
	Verdict Verdict `json:"verdict,omitempty"`
	Comment string  `json:"comment,omitempty"`
	// By is the login of the person; ByRole what that person is:
	// "admin", "reviewer" or "agent".
	By     string    `json:"by"`
	ByRole string    `json:"by_role"`
	At     time.Time `json:"at"`
}
