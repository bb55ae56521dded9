package siprec

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"time"
)

// WriteMetadata writes a complete document in the form of RFC 7865, with
// Earshot's own extension where it has something to say. All participants take
// part in the first session from start on.
func WriteMetadata(m Metadata, start time.Time) ([]byte, error) {
	w := &writer{}
	w.buf.WriteString(xml.Header)
	w.open("recording", "xmlns", namespace)
	w.leaf("datamode", "complete")
	stamp := start.UTC().Format(time.RFC3339)
	for _, s := range m.Sessions {
		w.open("session", "session_id", s.ID)
		for _, id := range s.SIPSessionIDs {
			w.leaf("sipSessionID", id)
		}
		w.leaf("start-time", stamp)
		w.close("session")
	}
	w.participants(m)
	for _, s := range m.Streams {
		w.open("stream", "stream_id", s.ID, "session_id", s.Session)
		w.leaf("label", s.Label)
		w.close("stream")
	}
	w.associations(m, stamp)
	w.interaction(m.Interaction)
	w.close("recording")
	if w.err != nil {
		return nil, fmt.Errorf("cannot write recording metadata: %w", w.err)
	}
	return w.buf.Bytes(), nil
}

func (w *writer) participants(m Metadata) {
	for _, p := range m.Participants {
		w.open("participant", "participant_id", p.ID)
		w.open("nameID", "aor", p.AoR)
		if p.Name != "" {
			w.leaf("name", p.Name)
		}
		w.close("nameID")
		if p.Role != "" {
			w.leaf("role", p.Role, "xmlns", extensionNamespace)
		}
		w.close("participant")
	}
}

func (w *writer) associations(m Metadata, stamp string) {
	session := m.SessionID()
	w.open("sessionrecordingassoc", "session_id", session)
	w.leaf("associate-time", stamp)
	w.close("sessionrecordingassoc")
	for _, p := range m.Participants {
		w.open("participantsessionassoc", "participant_id", p.ID, "session_id", session)
		w.leaf("associate-time", stamp)
		w.close("participantsessionassoc")
	}
	for _, p := range m.Participants {
		w.open("participantstreamassoc", "participant_id", p.ID)
		sent := map[string]bool{}
		for _, id := range m.Sends[p.ID] {
			sent[id] = true
			w.leaf("send", id)
		}
		for _, s := range m.Streams {
			if !sent[s.ID] {
				w.leaf("recv", s.ID)
			}
		}
		w.leaf("associate-time", stamp)
		w.close("participantstreamassoc")
	}
}

func (w *writer) interaction(i *Interaction) {
	if i == nil {
		return
	}
	attrs := []string{"xmlns", extensionNamespace}
	for _, a := range [][2]string{{"queue", i.Queue}, {"direction", i.Direction}, {"language", i.Language}, {"region", i.Region}, {"customer", i.Customer}} {
		if a[1] != "" {
			attrs = append(attrs, a[0], a[1])
		}
	}
	w.open("interaction", attrs...)
	for _, name := range slices.Sorted(maps.Keys(i.Attributes)) {
		w.leaf("attribute", i.Attributes[name], "name", name)
	}
	w.close("interaction")
}

// writer writes elements and remembers the first error.
type writer struct {
	buf bytes.Buffer
	err error
}

// open writes a start tag; attrs are name, value pairs.
func (w *writer) open(name string, attrs ...string) {
	w.buf.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.buf.WriteString(" " + attrs[i] + `="`)
		w.escape(attrs[i+1])
		w.buf.WriteString(`"`)
	}
	w.buf.WriteString(">")
}

func (w *writer) close(name string) { w.buf.WriteString("</" + name + ">\r\n") }

func (w *writer) leaf(name, text string, attrs ...string) {
	w.open(name, attrs...)
	w.escape(text)
	w.close(name)
}

func (w *writer) escape(s string) {
	if err := xml.EscapeText(&w.buf, []byte(s)); err != nil && w.err == nil {
		w.err = err
	}
}
