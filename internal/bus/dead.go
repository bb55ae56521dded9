package bus

import (
	"context"
	"fmt"
	"strconv"
	"time"

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
)

// letter says why a record is dead.
type letter struct {
	group   string
	cause   error
	attempt int
	seen    time.Time
}

// DeadLetter writes the original bytes of a record to the dead-letter topic,
// with headers that say where it stood and why it could not be handled. The
// record is not marked done.
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
	return c.produce(ctx, fmt.Sprintf("cannot write dead letter of %s/%d/%d", r.Topic, r.Partition, r.Offset), out)
}
