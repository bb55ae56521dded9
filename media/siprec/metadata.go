package siprec

import (
	"maps"
	"strings"
	"time"
)

// namespace is the name space of recording metadata (RFC 7865, section 10.1).
const namespace = "urn:ietf:params:xml:ns:recording:1"

// extensionNamespace is the name space of what Earshot's own caller adds:
//
//	<interaction xmlns="urn:earshot:recording:1" queue="billing" direction="inbound" language="en">
//	  <attribute name="campaign">spring</attribute>
//	</interaction>
//
// as a child of recording, and <role xmlns="urn:earshot:recording:1">agent</role>
// as a child of participant.
const extensionNamespace = "urn:earshot:recording:1"

// Metadata is what a recording metadata document tells, whatever its dialect.
type Metadata struct {
	// Partial is set when the document tells only what changed (RFC 7865, 6.1).
	Partial      bool
	Sessions     []Session
	Participants []Participant
	Streams      []Stream
	// Sends maps a participant's id to the ids of the streams it sends.
	Sends map[string][]string
	// Interaction is Earshot's own extension, nil without it.
	Interaction *Interaction
	// Attributes is extension data of other makers, by local name and path.
	Attributes map[string]string
	// Warnings are what was missing or wrong, for people.
	Warnings []string
}

// Session is one communication session.
type Session struct {
	ID string
	// SIPSessionIDs are the RFC 7989 ids of the recorded session.
	SIPSessionIDs []string
	Start         time.Time
	Stop          time.Time
}

// Participant is one person or machine that takes part.
type Participant struct {
	ID string
	// AoR is the address as given: "sip:alice@example.com", "tel:+1555", or bare.
	AoR  string
	Name string
	// Role is Earshot's own extension, "" without it.
	Role string
	// Sends are the ids of streams that stand inside the element itself, as in
	// the draft's form.
	Sends []string
}

// Stream is one media stream.
type Stream struct {
	ID      string
	Session string
	// Label is the a=label of the m-line.
	Label string
}

// Interaction is Earshot's own extension.
type Interaction struct {
	Queue, Direction, Language, Region, Customer string
	Attributes                                   map[string]string
}

// ParseMetadata reads recording metadata in any of the forms that are deployed.
// It fails with [ErrMetadata] only when nothing can be read.
func ParseMetadata(data []byte) (*Metadata, error) {
	root, slip, err := parseTree(data)
	if err != nil {
		return nil, err
	}
	m := &Metadata{Sends: map[string][]string{}, Attributes: map[string]string{}}
	if slip != nil {
		m.warn("the document is cut off or not well-formed: " + slip.Error())
	}
	if l := strings.ToLower(root.local); l != "recording" && l != "recording_metadata" {
		m.warn("the root element is " + root.local + ", not recording")
	}
	m.Partial = strings.EqualFold(root.child("datamode"), "partial")
	for _, k := range root.kids {
		m.read(k)
	}
	if len(m.Participants) == 0 {
		m.warn("there is no participant")
	}
	return m, nil
}

func (m *Metadata) warn(what string) { m.Warnings = append(m.Warnings, what) }

// read takes one child of the root, or of a session in the forms that nest.
func (m *Metadata) read(n *node) {
	switch strings.ToLower(n.local) {
	case "datamode", "group", "sessionrecordingassoc", "participantsessionassoc", "associate-time":
	case "session", "recordingsession":
		m.readSession(n)
	case "participant":
		m.readParticipant(n)
	case "stream":
		m.readStream(n)
	case "participantstreamassoc":
		id := n.id("participant_id", "participant")
		m.Sends[id] = append(m.Sends[id], sends(n)...)
	case "interaction":
		m.readInteraction(n)
	default:
		flatten(n, "", m.Attributes)
	}
}

func (m *Metadata) readSession(n *node) {
	s := Session{
		ID:    n.id("session_id", "session"),
		Start: parseTime(n.child("start-time", "starttime")),
		Stop:  parseTime(n.child("stop-time", "stoptime")),
	}
	for _, k := range n.kids {
		switch strings.ToLower(k.local) {
		case "sipsessionid":
			s.SIPSessionIDs = append(s.SIPSessionIDs, k.value())
		case "participant", "stream", "participantstreamassoc":
			m.read(k)
		case "extensiondata":
			flatten(k, "", m.Attributes)
		}
	}
	m.Sessions = append(m.Sessions, s)
}

func (m *Metadata) readParticipant(n *node) {
	p := Participant{ID: n.id("participant_id", "participant"), Sends: sends(n)}
	for _, k := range n.kids {
		switch strings.ToLower(k.local) {
		case "nameid":
			p.AoR = first(p.AoR, k.attr("aor"), k.child("aor"), k.value())
			p.Name = first(p.Name, k.child("name"), k.attr("name"))
		case "aor":
			p.AoR = first(p.AoR, k.value())
		case "name":
			p.Name = first(p.Name, k.value())
		case "role":
			if k.space == extensionNamespace {
				p.Role = k.value()
			}
		case "extensiondata":
			flatten(k, "", m.Attributes)
		}
	}
	m.Participants = append(m.Participants, p)
}

func (m *Metadata) readStream(n *node) {
	m.Streams = append(m.Streams, Stream{
		ID:      n.id("stream_id"),
		Session: first(n.attr("session_id", "session"), n.child("session_id", "session")),
		Label:   first(n.child("label"), n.attr("label")),
	})
}

func (m *Metadata) readInteraction(n *node) {
	if n.space != extensionNamespace {
		flatten(n, "", m.Attributes)
		return
	}
	m.Interaction = &Interaction{
		Queue: n.attr("queue"), Direction: n.attr("direction"), Language: n.attr("language"),
		Region: n.attr("region"), Customer: n.attr("customer"), Attributes: map[string]string{},
	}
	for _, a := range n.all("attribute") {
		if name := a.attr("name"); name != "" {
			m.Interaction.Attributes[name] = a.value()
		}
	}
}

// sends collects the ids under <send>: as its text (RFC 7865) or as <id>
// children (draft and BroadWorks forms).
func sends(n *node) []string {
	var out []string
	for _, s := range n.all("send") {
		if v := first(s.value(), s.child("id", "stream_id"), s.attr("stream_id", "id")); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// flatten writes extension data as "parent.child" = text, at most 64 entries of
// at most 256 bytes; more would be a document, not an attribute.
func flatten(n *node, prefix string, into map[string]string) {
	name := n.local
	if prefix != "" {
		name = prefix + "." + name
	}
	if v := n.value(); v != "" && len(v) <= 256 && len(into) < 64 {
		into[name] = strings.ToValidUTF8(v, "\uFFFD")
	}
	for _, k := range n.kids {
		flatten(k, name, into)
	}
}

func first(values ...string) string {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			return strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	return ""
}

// parseTime reads a time with or without a zone, zero when it can't.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// SessionID returns the first communication session's id, "" without one.
func (m *Metadata) SessionID() string {
	for _, s := range m.Sessions {
		if s.ID != "" {
			return s.ID
		}
	}
	return ""
}

// Sender returns the participant that sends the stream with a label, nil when
// the document does not say.
func (m *Metadata) Sender(label string) *Participant {
	stream := ""
	for _, s := range m.Streams {
		if s.Label == label && label != "" {
			stream = s.ID
		}
	}
	if stream == "" {
		return nil
	}
	for i := range m.Participants {
		p := &m.Participants[i]
		for _, id := range append(p.Sends, m.Sends[p.ID]...) {
			if id == stream {
				return p
			}
		}
	}
	return nil
}

// Merge lays a later document over m: a complete one replaces it, a partial one
// changes what it names. Earshot's extension stays when the later one has none.
func (m *Metadata) Merge(o *Metadata) *Metadata {
	out := *o
	if out.Interaction == nil {
		out.Interaction = m.Interaction
	}
	if len(out.Sessions) == 0 {
		out.Sessions = m.Sessions
	}
	if !o.Partial {
		return &out
	}
	out.Partial = m.Partial
	out.Sessions = mergeBy(m.Sessions, o.Sessions, func(s Session) string { return s.ID })
	out.Participants = mergeBy(m.Participants, o.Participants, func(p Participant) string { return p.ID })
	out.Streams = mergeBy(m.Streams, o.Streams, func(s Stream) string { return s.ID })
	out.Sends = maps.Clone(m.Sends)
	if out.Sends == nil {
		out.Sends = map[string][]string{}
	}
	maps.Copy(out.Sends, o.Sends)
	out.Attributes = maps.Clone(m.Attributes)
	if out.Attributes == nil {
		out.Attributes = map[string]string{}
	}
	maps.Copy(out.Attributes, o.Attributes)
	return &out
}

func mergeBy[T any](old, more []T, id func(T) string) []T {
	out := append([]T(nil), old...)
next:
	for _, v := range more {
		for i := range out {
			if id(out[i]) == id(v) {
				out[i] = v
				continue next
			}
		}
		out = append(out, v)
	}
	return out
}
