package earshot

import (
	"crypto/sha1" //nolint:gosec // UUIDv5 is defined over SHA-1 (RFC 9562, section 5.5); it is a name, not a secret.
	"encoding/hex"
	"strconv"
	"strings"
)

// InteractionID names one contact of one customer on one channel. It is a UUID
// in its canonical form: version 7 when made at the edge, version 5 when
// derived from the source's own id (see [Derive]), so that a retry makes the
// same one.
type InteractionID string

// LegID names one participant's media in one interaction.
type LegID string

// UtteranceID names one utterance; it is derived from interaction, leg and
// start, or from the message id, so that a replay writes the same record.
type UtteranceID string

// EventID names one event; a repeated delivery carries the same one.
type EventID string

// EvaluationID names the answers of one track for one interaction under one
// scorecard version.
type EvaluationID string

// ReviewID names one decision of a person.
type ReviewID string

// AlertID names one alert of one rule in one interaction.
type AlertID string

// AgentID names an agent as the telephony core or the message desk does.
type AgentID string

// CustomerID is the CRM id of a customer when it is known.
type CustomerID string

// CriterionID names a criterion within its scorecard.
type CriterionID string

// space is Earshot's own name space for derived ids; it never changes, or
// every derived id would.
var space = [16]byte{0x8d, 0x1c, 0x62, 0x8f, 0x4b, 0x0e, 0x4a, 0x55, 0x9a, 0x3c, 0x2e, 0x6d, 0x11, 0x5f, 0x70, 0xe2}

// Derive returns the UUID version 5 (RFC 9562, section 5.5) of the given parts
// in Earshot's name space. The same parts give the same id on every machine;
// ("ab","c") and ("a","bc") give different ones.
func Derive(parts ...string) string {
	h := sha1.New() //nolint:gosec // see the import
	h.Write(space[:])
	h.Write([]byte(strings.Join(parts, "\x00")))
	var u [16]byte
	copy(u[:], h.Sum(nil))
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return formatUUID(u)
}

func formatUUID(u [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], u[10:16])
	return string(b[:])
}

// ConversationID derives the interaction id of a message conversation from the
// source's own conversation id.
func ConversationID(tenant string, channel Channel, conversation string) InteractionID {
	return InteractionID(Derive("conversation", tenant, string(channel), conversation))
}

// CallID derives the interaction id of a call from the recording session's own
// id: the SIPREC session_id where there is one, else the SIP Call-ID.
func CallID(tenant, session string) InteractionID {
	return InteractionID(Derive("call", tenant, session))
}

// SpokenID derives the id of a spoken utterance from where it began.
func SpokenID(i InteractionID, leg LegID, startMS int64) UtteranceID {
	return UtteranceID(Derive("spoken", string(i), string(leg), strconv.FormatInt(startMS, 10)))
}

// MessageID derives the id of a written utterance from the source's message id.
func MessageID(i InteractionID, message string) UtteranceID {
	return UtteranceID(Derive("message", string(i), message))
}
