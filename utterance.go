package earshot

import "time"

// Utterance is what one participant said or wrote, once. A chat message and a
// spoken sentence are the same thing. Text is already redacted.
type Utterance struct {
	ID          UtteranceID   `json:"id"`
	Interaction InteractionID `json:"interaction"`
	Tenant      string        `json:"tenant,omitempty"`
	Channel     Channel       `json:"channel"`
	// Leg is set for voice only.
	Leg  LegID `json:"leg,omitempty"`
	Role Role  `json:"role"`
	// StartMS and EndMS are milliseconds from the interaction's start. A message
	// has none on the wire: whoever holds the whole conversation calls [Place].
	StartMS int64     `json:"start_ms"`
	EndMS   int64     `json:"end_ms"`
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
	// Language is a BCP 47 tag; "" is unknown.
	Language string `json:"language,omitempty"`
	// Confidence is 0 to 1 for voice; 1 for messages.
	Confidence float64 `json:"confidence"`
	Words      []Word  `json:"words,omitempty"`
	// Redactions are the places in Text that stand for something removed.
	Redactions []Span `json:"redactions,omitempty"`
	// Facts is what the message's source said of the interaction; messages
	// only, voice tells it in the audio topic's marks.
	Facts *Interaction `json:"facts,omitempty"`
}

// Place gives messages their StartMS and EndMS, which sources tell by the clock
// alone: milliseconds from the earliest At among us. Spoken utterances, whose
// times come from the audio, stay as they are.
func Place(us []Utterance) {
	var first time.Time
	for _, u := range us {
		if u.Channel != Voice && (first.IsZero() || u.At.Before(first)) {
			first = u.At
		}
	}
	for k := range us {
		if u := &us[k]; u.Channel != Voice {
			u.StartMS = u.At.Sub(first).Milliseconds()
			u.EndMS = u.StartMS
		}
	}
}

// Word is one recognised word with its time, in milliseconds from the
// interaction's start.
type Word struct {
	Text       string  `json:"text"`
	StartMS    int64   `json:"start_ms"`
	EndMS      int64   `json:"end_ms"`
	Confidence float64 `json:"confidence"`
}

// Span is a typed piece of a text: [Start, End) in bytes of the UTF-8 text.
type Span struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Type  string `json:"type"`
}

// TranscriptEnd is the mark after an interaction's last utterance. It carries
// all that its producer knows of the interaction, so that a consumer of the
// utterances needs no other topic.
type TranscriptEnd struct {
	Interaction Interaction `json:"interaction"`
	// Utterances counts the utterances before the mark.
	Utterances int `json:"utterances"`
	// DurationMS is the interaction's length in milliseconds.
	DurationMS int64     `json:"duration_ms"`
	At         time.Time `json:"at"`
}
