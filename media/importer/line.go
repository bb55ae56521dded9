package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"earshot"
)

// Line is one utterance of a transcript file: one JSON object on a line of its
// own, empty lines aside.
//
//	{"role":"agent","text":"Good morning.","start_ms":0,"end_ms":1200,"channel":"voice"}
//	{"role":"customer","text":"你好","sent_at":"2026-03-02T09:00:05+08:00","conversation_id":"c-17"}
//
// Role and text are required, and start_ms or sent_at; end_ms too when the
// channel is voice. Fields that are not listed here are errors, since they are
// mostly misspelt ones. The names are those of posted messages. What a line tells of the interaction (customer, agent,
// queue and so on) holds for all of it; the last line that tells wins.
type Line struct {
	// ConversationID is the source's own id of the interaction; lines that share
	// one belong together wherever they stand. Without it they belong to the
	// file's one interaction.
	ConversationID string `json:"conversation_id"`
	// ID is the source's own id of the message; without it the line's place in
	// its conversation stands for it.
	ID string `json:"id"`
	// Channel is voice, chat, sms, email, wecom or social; default chat.
	Channel earshot.Channel `json:"channel"`
	// Role is agent, customer, bot or other.
	Role earshot.Role `json:"role"`
	Text string       `json:"text"`
	// StartMS and EndMS are milliseconds from the interaction's start.
	StartMS *int64 `json:"start_ms"`
	EndMS   *int64 `json:"end_ms"`
	// SentAt is RFC 3339, with a zone.
	SentAt *time.Time `json:"sent_at"`
	// AgentName is the agent's name; other people's names are not kept.
	AgentName string `json:"agent_name"`
	// Language is a BCP 47 tag such as "zh".
	Language string `json:"language"`
	// Confidence of a recognised text, 0 to 1; default 1.
	Confidence *float64 `json:"confidence"`

	Tenant      string             `json:"tenant"`
	Direction   earshot.Direction  `json:"direction"`
	Agent       earshot.AgentID    `json:"agent"`
	Customer    earshot.CustomerID `json:"customer"`
	Queue       string             `json:"queue"`
	Region      string             `json:"region"`
	Disposition string             `json:"disposition"`
	Attributes  map[string]string  `json:"attributes"`

	number int // in the file, from 1
}

const (
	// maxText bounds one utterance, in bytes; a Kafka record holds 1 MB.
	maxText = 256 << 10
	// maxSpan bounds start_ms and end_ms: 31 days.
	maxSpan = int64(31 * 24 * time.Hour / time.Millisecond)
)

// parseLine reads a line. The error is Invalid, names the field, and leaves file
// and line to the caller.
func parseLine(b []byte) (Line, error) {
	var l Line
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, jsonError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return l, earshot.InvalidField("", "write one object a line", "there is more after the JSON object")
	}
	if l.Channel == "" {
		l.Channel = earshot.Chat
	}
	return l, l.validate()
}

func jsonError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return earshot.InvalidField(wrong.Field, "see the fields of a transcript line", "it is a JSON %s", wrong.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return earshot.InvalidField(strings.Trim(name, `"`), "take it out or put it into attributes", "there is no such field")
	}
	var at *time.ParseError
	if errors.As(err, &at) {
		return earshot.InvalidField("sent_at", "write RFC 3339 with a zone, such as 2026-03-02T09:00:00+08:00", "%s is no time", at.Value)
	}
	return earshot.InvalidField("", "write one JSON object a line", "it is no JSON object: %w", err)
}

func (l *Line) validate() error {
	switch {
	case !slices.Contains(earshot.Roles(), l.Role):
		return earshot.InvalidField("role", "use agent, customer, bot or other", "it is %q", l.Role)
	case strings.TrimSpace(l.Text) == "":
		return earshot.InvalidField("text", "leave out lines in which nothing is said", "it is empty")
	case len(l.Text) > maxText:
		return earshot.InvalidField("text", "cut it into several utterances", "it has %d bytes, at most %d are taken", len(l.Text), maxText)
	case !utf8.ValidString(l.Text) || strings.ContainsRune(l.Text, utf8.RuneError):
		return earshot.InvalidField("text", "convert the file to UTF-8", "it is not UTF-8")
	case !slices.Contains(earshot.Channels(), l.Channel):
		return earshot.InvalidField("channel", "use voice, chat, sms, email, wecom or social", "it is %q", l.Channel)
	case l.Direction != "" && l.Direction != earshot.Inbound && l.Direction != earshot.Outbound:
		return earshot.InvalidField("direction", "use inbound or outbound", "it is %q", l.Direction)
	case l.Confidence != nil && (*l.Confidence < 0 || *l.Confidence > 1):
		return earshot.InvalidField("confidence", "use 0 to 1", "it is %v", *l.Confidence)
	}
	return l.validateTimes()
}

func (l *Line) validateTimes() error {
	switch {
	case l.StartMS == nil && l.SentAt == nil:
		return earshot.InvalidField("start_ms", "write start_ms or sent_at", "neither is there")
	case l.StartMS != nil && (*l.StartMS < 0 || *l.StartMS > maxSpan):
		return earshot.InvalidField("start_ms", "use 0 to 31 days in milliseconds", "it is %d", *l.StartMS)
	case l.EndMS != nil && (*l.EndMS < 0 || *l.EndMS > maxSpan):
		return earshot.InvalidField("end_ms", "use 0 to 31 days in milliseconds", "it is %d", *l.EndMS)
	case l.StartMS != nil && l.EndMS != nil && *l.EndMS < *l.StartMS:
		return earshot.InvalidField("end_ms", "write an end after the start", "it is %d, before start_ms %d", *l.EndMS, *l.StartMS)
	case l.Channel == earshot.Voice && l.EndMS == nil:
		return earshot.InvalidField("end_ms", "say when the utterance ended: silence and talk time need it", "it is missing for a voice utterance")
	case l.SentAt != nil && (l.SentAt.Year() < 1990 || l.SentAt.Year() > 2200):
		return earshot.InvalidField("sent_at", "check the clock of the source", "it is %s", l.SentAt.Format(time.RFC3339))
	}
	return nil
}

// facts returns what the line tells of its interaction.
func (l *Line) facts() earshot.Interaction {
	return earshot.Interaction{
		Tenant: l.Tenant, Channel: l.Channel, Direction: l.Direction, Queue: l.Queue, Region: l.Region,
		Language: l.Language, Agent: l.Agent, AgentName: l.AgentName, Customer: l.Customer, Disposition: l.Disposition, Attributes: l.Attributes,
	}
}

// inFile puts the file and the line before the field that an error names.
func inFile(file string, number int, err error) error {
	var e *earshot.Error
	if !errors.As(err, &e) {
		return err
	}
	where := *e
	where.Field = fmt.Sprintf("%s:%d", file, number)
	if e.Field != "" {
		where.Field += ": " + e.Field
	}
	return &where
}
