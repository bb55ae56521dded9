package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
)

// The headers of a dead letter, beside those of the record itself.
const (
	headerDeadTopic     = "dead_topic"
	headerDeadPartition = "dead_partition"
	headerDeadOffset    = "dead_offset"
	headerDeadGroup     = "dead_group"
	headerDeadKind      = "dead_kind"
	headerDeadError     = "dead_error"
	headerDeadAttempt   = "dead_attempt"
	headerDeadSeen      = "dead_first_seen"
	headerDeadCut       = "dead_cut"
)

// letter says why a record is dead.
type letter struct {
	group   string
	cause   error
	attempt int
	seen    time.Time
}

// DeadLetter writes the original bytes of a record to the dead-letter topic,
// with headers that say where it stood and why it could not be handled. Of a
// record that fills Kafka's limit the letter holds what fits: the header dead_cut
// then tells how many bytes there were. The record is not marked done.
func (c *Client) DeadLetter(ctx context.Context, r *Record, cause error) error {
	return c.deadLetter(ctx, r, letter{cause: cause, attempt: 1, seen: time.Now()})
}

// maxCause bounds the error text of a dead letter, which may hold a stack.
const maxCause = 4096

func (c *Client) deadLetter(ctx context.Context, r *Record, l letter) error {
	m := r.Message
	m.Topic = earshot.TopicDead
	out := encode(&m, partitionOf(m.Interaction, c.cfg.Partitions))
	cause := l.cause.Error()
	add := func(key, value string) {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	add(headerDeadTopic, r.Topic)
	add(headerDeadPartition, strconv.Itoa(int(r.Partition)))
	add(headerDeadOffset, strconv.FormatInt(r.Offset, 10))
	add(headerDeadGroup, l.group)
	add(headerDeadKind, earshot.KindOf(l.cause).String())
	add(headerDeadError, cause[:min(len(cause), maxCause)])
	add(headerDeadAttempt, strconv.Itoa(l.attempt))
	add(headerDeadSeen, l.seen.UTC().Format(time.RFC3339Nano))
	what := fmt.Sprintf("cannot write dead letter of %s/%d/%d", r.Topic, r.Partition, r.Offset)
	err := c.produce(ctx, what, out)
	if !errors.Is(err, kerr.MessageTooLarge) && !errors.Is(err, kerr.RecordListTooLarge) {
		return err
	}
	// The letter is larger than its record, by its headers. Without it the
	// partition would stand still.
	add(headerDeadCut, strconv.Itoa(len(out.Value)))
	return c.produce(ctx, what, cut(out))
}

// maxCut bounds each part of a dead letter that did not fit.
const maxCut = 16 << 10

func cut(r *kgo.Record) *kgo.Record {
	short := func(b []byte) []byte { return b[:min(len(b), maxCut)] }
	out := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: short(r.Key), Value: short(r.Value)}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: short(h.Value)})
	}
	return out
}
