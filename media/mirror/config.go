// Package mirror writes calls into Kafka as they happen: marks, bundles of RTP
// packets and events, in order, over a bounded spool when Kafka is away.
package mirror

import (
	"context"
	"time"

	"earshot"
	"earshot/internal/bus"
)

// Producer is the part of the bus that a mirror writes to.
type Producer interface {
	// Produce returns when Kafka has all messages.
	Produce(ctx context.Context, msgs ...bus.Message) error
	// ProduceAsync calls done once, when Kafka has the message or gave up.
	ProduceAsync(ctx context.Context, m bus.Message, done func(error))
}

// Config of a mirror.
type Config struct {
	// Dir holds the journal of open calls and the spool; one process owns it.
	Dir string
	// Source names this process in events, such as "media/host1".
	Source string
	// Bundle is how much of a leg one audio record holds.
	Bundle time.Duration
	// KeepAlive is after how long without audio a call that goes on says so, 0 for
	// never.
	KeepAlive time.Duration
	// InFlight bounds the bytes that wait in memory for Kafka's acknowledgement.
	InFlight int
	// Patience is how long a record may wait for it before all go to the spool.
	Patience time.Duration
	// SpoolBytes bounds the spool on disk.
	SpoolBytes int64
	// Drain bounds how long a stop waits for Kafka before it leaves the rest in
	// the spool.
	Drain time.Duration
}

// legBundle makes a message of the audio topic.
func (m *Mirror) audio(i earshot.InteractionID, id string, b *earshot.AudioBundle) (bus.Message, error) {
	value, err := b.MarshalBinary()
	if err != nil {
		return bus.Message{}, err
	}
	return bus.Message{
		Topic: earshot.TopicAudio, Interaction: i, Type: earshot.TypeAudio,
		ID: id, Source: m.cfg.Source, Time: b.ReceivedAt, Value: value,
	}, nil
}
