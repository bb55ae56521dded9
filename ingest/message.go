package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/redact"
)

// Message is one message of a conversation, as POST /v1/messages takes it.
type Message struct {
	// ID is the source's own message id; the same id again is the same message.
	ID             string          `json:"id"`
	ConversationID string          `json:"conversation_id"`
	Channel        earshot.Channel `json:"channel"`
	Role           earshot.Role    `json:"role"`
	// Text is 1 to 65,536 characters of UTF-8.
	Text   string    `json:"text"`
	SentAt time.Time `json:"sent_at"`
	Tenant string    `json:"tenant,omitempty"`
	// Customer is the CRM id; CustomerAddress a phone, e-mail or handle, of
	// which only a keyed hash is kept.
	Customer        earshot.CustomerID `json:"customer,omitempty"`
	CustomerAddress string             `json:"customer_address,omitempty"`
	Agent           earshot.AgentID    `json:"agent,omitempty"`
	AgentName       string             `json:"agent_name,omitempty"`
	Queue           string             `json:"queue,omitempty"`
	Region          string             `json:"region,omitempty"`
	// Language is a BCP 47 tag such as "en" or "zh"; it may be left out.
	Language   string            `json:"language,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

const maxText = 65536

// Validate names the first field that is wrong.
func (m Message) Validate() error {
	switch {
	case m.ID == "":
		return earshot.InvalidField("id", "give the message's own id, so that a repeated delivery is not counted twice", "is missing")
	case m.ConversationID == "":
		return earshot.InvalidField("conversation_id", "give the conversation's own id", "is missing")
	case m.Text == "":
		return earshot.InvalidField("text", "give the message's text", "is missing")
	case utf8.RuneCountInString(m.Text) > maxText:
		return earshot.InvalidField("text", fmt.Sprintf("give at most %d characters", maxText), "has %d characters", utf8.RuneCountInString(m.Text))
	case !slices.Contains(earshot.Roles(), m.Role):
		return earshot.InvalidField("role", fmt.Sprintf("give one of %v", earshot.Roles()), "is %q", m.Role)
	}
	if err := validTime("sent_at", m.SentAt); err != nil {
		return err
	}
	return messageChannel(m.Channel)
}

// validTime keeps out times that no contact has and no table can hold.
func validTime(field string, t time.Time) error {
	if t.IsZero() {
		return earshot.InvalidField(field, "give the time as RFC 3339, such as 2026-11-23T09:30:00+08:00", "is missing")
	}
	if y := t.UTC().Year(); y < 1970 || y > 2199 {
		return earshot.InvalidField(field, "give a time between 1970 and 2199", "is in the year %d", y)
	}
	return nil
}

func messageChannel(c earshot.Channel) error {
	if c == earshot.Voice || !slices.Contains(earshot.Channels(), c) {
		return earshot.InvalidField("channel", fmt.Sprintf("give one of %v", earshot.Channels()[1:]), "is %q", c)
	}
	return nil
}

func (s *Service) messages(items []json.RawMessage) ([]bus.Message, []receipt, error) {
	ms, err := readItems[Message]("messages", items)
	if err != nil {
		return nil, nil, err
	}
	msgs := make([]bus.Message, 0, len(ms))
	receipts := make([]receipt, 0, len(ms))
	for _, m := range ms {
		u := s.utterance(m)
		value, err := json.Marshal(u)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot write utterance: %w", err)
		}
		msgs = append(msgs, bus.Message{
			Topic: earshot.TopicUtterances, Interaction: u.Interaction, Type: earshot.TypeUtterance,
			ID: string(u.ID), Source: "ingest", Time: u.At, Value: value,
		})
		receipts = append(receipts, receipt{ID: m.ID, Interaction: u.Interaction, Utterance: u.ID})
	}
	return msgs, receipts, nil
}

// utterance maps a message; its text leaves redacted, its customer's address
// as a hash.
func (s *Service) utterance(m Message) earshot.Utterance {
	id := earshot.ConversationID(m.Tenant, m.Channel, m.ConversationID)
	text, spans := redact.Text(m.Text, m.Language)
	return earshot.Utterance{
		ID: earshot.MessageID(id, m.ID), Interaction: id, Tenant: m.Tenant, Channel: m.Channel,
		Role: m.Role, At: m.SentAt.UTC(), Text: text, Language: m.Language, Confidence: 1, Redactions: spans,
		Facts: &earshot.Interaction{
			ID: id, Tenant: m.Tenant, Channel: m.Channel, Direction: earshot.Inbound,
			Queue: m.Queue, Region: m.Region, Language: m.Language, Agent: m.Agent, AgentName: m.AgentName,
			Customer: m.Customer, CustomerHash: s.hash(m.CustomerAddress), Attributes: m.Attributes,
		},
	}
}
