package earshot

import "time"

// Channel is the way a contact came in.
type Channel string

// The channels.
const (
	Voice  Channel = "voice"
	Chat   Channel = "chat"
	SMS    Channel = "sms"
	Email  Channel = "email"
	WeCom  Channel = "wecom"
	Social Channel = "social"
)

// Channels lists every channel, in the order in which people are shown them.
func Channels() []Channel { return []Channel{Voice, Chat, SMS, Email, WeCom, Social} }

// Role is the part somebody plays in an interaction.
type Role string

// The roles.
const (
	Agent    Role = "agent"
	Customer Role = "customer"
	Bot      Role = "bot"
	Other    Role = "other"
)

// Roles lists every role.
func Roles() []Role { return []Role{Agent, Customer, Bot, Other} }

// Direction says who began the contact, seen from the contact centre.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Interaction is what is known of one contact. A zero field means "not known":
// several sources each tell a part, and the parts are merged field by field,
// the latest known value winning.
type Interaction struct {
	ID        InteractionID `json:"id"`
	Tenant    string        `json:"tenant,omitempty"`
	Channel   Channel       `json:"channel,omitempty"`
	Direction Direction     `json:"direction,omitempty"`
	Queue     string        `json:"queue,omitempty"`
	Region    string        `json:"region,omitempty"`
	// Language is a BCP 47 tag such as "en" or "zh".
	Language  string  `json:"language,omitempty"`
	Agent     AgentID `json:"agent,omitempty"`
	AgentName string  `json:"agent_name,omitempty"`
	// Customer is the CRM id; the address itself is never kept.
	Customer CustomerID `json:"customer,omitempty"`
	// CustomerHash is the keyed HMAC-SHA256 of the customer's address, in hex.
	CustomerHash string            `json:"customer_hash,omitempty"`
	StartedAt    time.Time         `json:"started_at,omitzero"`
	QueuedAt     time.Time         `json:"queued_at,omitzero"`
	AnsweredAt   time.Time         `json:"answered_at,omitzero"`
	EndedAt      time.Time         `json:"ended_at,omitzero"`
	Disposition  string            `json:"disposition,omitempty"`
	Legs         []Leg             `json:"legs,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
}

// Leg is one participant's media in a call.
type Leg struct {
	ID LegID `json:"id"`
	// Label ties the leg to its media stream (RFC 4574 a=label).
	Label string `json:"label,omitempty"`
	Role  Role   `json:"role"`
	// RoleSource says what the role was taken from: "metadata", "config",
	// "address", "order" or "import".
	RoleSource string `json:"role_source,omitempty"`
	Name       string `json:"name,omitempty"`
	// AoR is the agent's SIP address of record (RFC 3261, section 6). For a
	// customer it is left empty, and AddressHash stands for it.
	AoR         string `json:"aor,omitempty"`
	AddressHash string `json:"address_hash,omitempty"`
	Codec       Codec  `json:"codec,omitempty"`
	// ClockRate is the RTP clock in Hz, 8000 for G.722 too (RFC 3551, 4.5.2).
	ClockRate int    `json:"clock_rate,omitempty"`
	SSRC      uint32 `json:"ssrc,omitempty"`
}

// Merge lays what is known in o over what is known in i.
func (i Interaction) Merge(o Interaction) Interaction {
	setIf(&i.ID, o.ID)
	setIf(&i.Tenant, o.Tenant)
	setIf(&i.Channel, o.Channel)
	setIf(&i.Direction, o.Direction)
	setIf(&i.Queue, o.Queue)
	setIf(&i.Region, o.Region)
	setIf(&i.Language, o.Language)
	setIf(&i.Agent, o.Agent)
	setIf(&i.AgentName, o.AgentName)
	setIf(&i.Customer, o.Customer)
	setIf(&i.CustomerHash, o.CustomerHash)
	setIf(&i.StartedAt, o.StartedAt)
	setIf(&i.QueuedAt, o.QueuedAt)
	setIf(&i.AnsweredAt, o.AnsweredAt)
	setIf(&i.EndedAt, o.EndedAt)
	setIf(&i.Disposition, o.Disposition)
	i.Legs = mergeLegs(i.Legs, o.Legs)
	i.Attributes = mergeAttributes(i.Attributes, o.Attributes)
	return i
}

func setIf[T comparable](dst *T, v T) {
	var zero T
	if v != zero {
		*dst = v
	}
}

func mergeLegs(old, more []Leg) []Leg {
	out := append([]Leg(nil), old...)
next:
	for _, l := range more {
		for k := range out {
			if out[k].ID == l.ID {
				out[k] = l
				continue next
			}
		}
		out = append(out, l)
	}
	return out
}

func mergeAttributes(old, more map[string]string) map[string]string {
	if len(old)+len(more) == 0 {
		return nil
	}
	out := make(map[string]string, len(old)+len(more))
	for k, v := range old {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}
