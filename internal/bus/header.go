package bus

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
)

// The header keys of the CloudEvents 1.0 Kafka protocol binding, binary mode,
// and of its partitioning extension.
const (
	headerSpec      = "ce_specversion"
	headerType      = "ce_type"
	headerID        = "ce_id"
	headerSource    = "ce_source"
	headerTime      = "ce_time"
	headerPartition = "ce_partitionkey"
	headerContent   = "content-type"
)

// encode returns the Kafka record of m for the given partition. Its Kafka
// timestamp is left to be now: with the time of an imported, old message it
// would expire at once.
func encode(m *Message, partition int32) *kgo.Record {
	r := &kgo.Record{Topic: m.Topic, Partition: partition, Key: []byte(m.Key), Value: m.Value}
	r.Headers = make([]kgo.RecordHeader, 0, 7)
	add := func(key, value string) {
		if value != "" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
		}
	}
	add(headerSpec, "1.0")
	add(headerType, m.Type)
	add(headerID, m.ID)
	add(headerSource, m.Source)
	if !m.Time.IsZero() {
		add(headerTime, m.Time.UTC().Format(time.RFC3339Nano))
	}
	if m.Key == "" {
		r.Key = []byte(m.Interaction)
	} else if m.Key != string(m.Interaction) {
		add(headerPartition, string(m.Interaction))
	}
	if m.Type == earshot.TypeAudio {
		add(headerContent, "application/octet-stream")
	} else {
		add(headerContent, "application/json")
	}
	return r
}

// Decode reads a record that anybody may have written: what is missing or
// malformed is left empty, and the handler judges.
func Decode(r *kgo.Record) *Record {
	out := &Record{
		Message: Message{
			Topic:       r.Topic,
			Key:         string(r.Key),
			Interaction: earshot.InteractionID(r.Key),
			Value:       r.Value,
		},
		Partition: r.Partition,
		Offset:    r.Offset,
	}
	for _, h := range r.Headers {
		switch h.Key {
		case headerType:
			out.Type = string(h.Value)
		case headerID:
			out.ID = string(h.Value)
		case headerSource:
			out.Source = string(h.Value)
		case headerPartition:
			out.Interaction = earshot.InteractionID(h.Value)
		case headerTime:
			if t, err := time.Parse(time.RFC3339Nano, string(h.Value)); err == nil {
				out.Time = t
			}
		}
	}
	return out
}
