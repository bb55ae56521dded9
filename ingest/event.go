package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// Event is something that happened, as POST /v1/events takes it.
type Event struct {
	// ID is the source's own event id; the same id again is the same event.
	ID   string            `json:"id"`
	Type earshot.EventType `json:"type"`
	At   time.Time         `json:"at"`
	// Interaction is Earshot's own id. Instead of it, a message conversation is
	// named by channel and conversation_id, a call by call_id (the recording
	// session's id, or the SIP Call-ID).
	Interaction     earshot.InteractionID `json:"interaction,omitempty"`
	Channel         earshot.Channel       `json:"channel,omitempty"`
	ConversationID  string                `json:"conversation_id,omitempty"`
	CallID          string                `json:"call_id,omitempty"`
	Tenant          string                `json:"tenant,omitempty"`
	Customer        earshot.CustomerID    `json:"customer,omitempty"`
	CustomerAddress string                `json:"customer_address,omitempty"`
	Agent           earshot.AgentID       `json:"agent,omitempty"`
	AgentName       string                `json:"agent_name,omitempty"`
	Queue           string                `json:"queue,omitempty"`
	Region          string                `json:"region,omitempty"`
	Disposition     string                `json:"disposition,omitempty"`
	// State is the agent's state, for agent.state.
	State string `json:"state,omitempty"`
	// Data are the event's own fields, such as a survey's answers.
	Data       map[string]string `json:"data,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Validate names the first field that is wrong.
func (e Event) Validate() error {
	switch {
	case e.ID == "":
		return earshot.InvalidField("id", "give the event's own id, so that a repeated delivery is not counted twice", "is missing")
	case !slices.Contains(earshot.EventTypes(), e.Type):
		return earshot.InvalidField("type", fmt.Sprintf("give one of %v", earshot.EventTypes()), "is %q", e.Type)
	case e.Type == earshot.AgentState && (e.Agent == "" || e.State == ""):
		return earshot.InvalidField("state", "give agent and state with agent.state", "agent is %q, state is %q", e.Agent, e.State)
	}
	if err := validTime("at", e.At); err != nil {
		return err
	}
	return e.validateName()
}

// validateName sees that the event says which interaction it is about.
func (e Event) validateName() error {
	switch {
	case e.Interaction != "":
		if len(e.Interaction) != 36 {
			return earshot.InvalidField("interaction", "give the id that Earshot answered with, a UUID", "is %q", e.Interaction)
		}
		return nil
	case e.ConversationID != "":
		return messageChannel(e.Channel)
	case e.CallID != "", e.Type == earshot.AgentState:
		return nil
	}
	return earshot.InvalidField("interaction", "give interaction, or channel and conversation_id, or call_id", "is missing")
}

func (e Event) interaction() earshot.InteractionID {
	switch {
	case e.Interaction != "":
		return e.Interaction
	case e.ConversationID != "":
		return earshot.ConversationID(e.Tenant, e.Channel, e.ConversationID)
	case e.CallID != "":
		return earshot.CallID(e.Tenant, e.CallID)
	}
	return ""
}

func (s *Service) events(items []json.RawMessage) ([]bus.Message, []receipt, error) {
	ins, err := readItems[Event]("events", items)
	if err != nil {
		return nil, nil, err
	}
	var msgs []bus.Message
	receipts := make([]receipt, 0, len(ins))
	for _, in := range ins {
		more, err := s.eventMessages(in)
		if err != nil {
			return nil, nil, err
		}
		msgs = append(msgs, more...)
		receipts = append(receipts, receipt{ID: in.ID, Interaction: in.interaction()})
	}
	return msgs, receipts, nil
}

// eventMessages returns the event's record and, at the end of a message
// conversation, the transcript's end mark.
func (s *Service) eventMessages(in Event) ([]bus.Message, error) {
	e := s.event(in)
	value, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("cannot write event: %w", err)
	}
	out := []bus.Message{{
		Topic: earshot.TopicEvents, Interaction: partitionKey(e), Type: earshot.TypeEvent,
		ID: string(e.ID), Source: "ingest", Time: e.At, Value: value,
	}}
	if e.Type != earshot.InteractionEnded || in.ConversationID == "" {
		return out, nil
	}
	end, err := json.Marshal(earshot.TranscriptEnd{Interaction: e.Facts, At: e.At})
	if err != nil {
		return nil, fmt.Errorf("cannot write transcript end: %w", err)
	}
	return append(out, bus.Message{
		Topic: earshot.TopicUtterances, Interaction: e.Facts.ID, Type: earshot.TypeTranscriptEnd,
		ID: earshot.Derive("transcript-end", string(e.ID)), Source: "ingest", Time: e.At, Value: end,
	}), nil
}

func (s *Service) event(in Event) earshot.Event {
	id := in.interaction()
	facts := earshot.Interaction{
		ID: id, Tenant: in.Tenant, Channel: in.Channel, Queue: in.Queue, Region: in.Region,
		Agent: in.Agent, AgentName: in.AgentName, Customer: in.Customer, CustomerHash: s.hash(in.CustomerAddress),
		Disposition: in.Disposition, Attributes: in.Attributes,
	}
	at := in.At.UTC()
	switch in.Type {
	case earshot.InteractionStarted:
		facts.StartedAt = at
	case earshot.Queued:
		facts.QueuedAt = at
	case earshot.Answered:
		facts.AnsweredAt = at
	case earshot.InteractionEnded, earshot.Abandoned:
		facts.EndedAt = at
	}
	return earshot.Event{
		ID:   earshot.EventID(earshot.Derive("event", in.Tenant, string(id), string(in.Agent), in.ID)),
		Type: in.Type, At: at, Source: "ingest", Facts: facts, State: in.State, Data: in.Data,
	}
}

// partitionKey keeps an agent's own events in order where there is no
// interaction.
func partitionKey(e earshot.Event) earshot.InteractionID {
	if e.Facts.ID != "" {
		return e.Facts.ID
	}
	return earshot.InteractionID("agent/" + string(e.Facts.Agent))
}
