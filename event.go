package earshot

import "time"

// EventType says what happened.
type EventType string

// What can happen to an interaction or an agent.
const (
	InteractionStarted EventType = "interaction.started"
	InteractionUpdated EventType = "interaction.updated"
	InteractionEnded   EventType = "interaction.ended"
	// MetadataDegraded says that a call's metadata was missing or wrong and
	// that participants were told apart by a weaker means.
	MetadataDegraded EventType = "interaction.metadata_degraded"
	Offered          EventType = "contact.offered"
	Queued           EventType = "contact.queued"
	Abandoned        EventType = "contact.abandoned"
	Answered         EventType = "contact.answered"
	Held             EventType = "contact.held"
	Resumed          EventType = "contact.resumed"
	Transferred      EventType = "contact.transferred"
	WrapUpEnded      EventType = "contact.wrapup_ended"
	AgentState       EventType = "agent.state"
	SurveyAnswered   EventType = "survey.answered"
	BusinessEvent    EventType = "business.event"
)

// EventTypes lists every event type.
func EventTypes() []EventType {
	return []EventType{
		InteractionStarted, InteractionUpdated, InteractionEnded, MetadataDegraded,
		Offered, Queued, Abandoned, Answered, Held, Resumed, Transferred, WrapUpEnded,
		AgentState, SurveyAnswered, BusinessEvent,
	}
}

// Event is something that happened to an interaction or an agent.
type Event struct {
	ID   EventID   `json:"id"`
	Type EventType `json:"type"`
	At   time.Time `json:"at"`
	// Source names the role and its instance, such as "media/host1".
	Source string `json:"source,omitempty"`
	// Facts is what the source knows of the interaction at that time; its ID is
	// always set unless the event is about an agent alone.
	Facts Interaction `json:"facts"`
	// State is the agent's state for AgentState, such as "available".
	State string `json:"state,omitempty"`
	// Data are the event's own fields.
	Data map[string]string `json:"data,omitempty"`
}
