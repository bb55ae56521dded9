// Package bus is Kafka the way Earshot uses it: topics, keyed produce,
// low-watermark consume, exactly-once batches and dead letters.
package bus

import (
	"context"
	"time"

	"earshot"
)

// Message is a record to produce. Its partition follows from Interaction alone,
// the same in every topic.
type Message struct {
	Topic       string
	Interaction earshot.InteractionID
	// Key is the record key; "" means the interaction id. A compacted topic
	// keeps the last record of each key.
	Key string
	// Type, ID, Source and Time are the CloudEvents 1.0 attributes (Kafka
	// binding, binary mode: headers ce_type, ce_id, ce_source, ce_time).
	Type   string
	ID     string
	Source string
	Time   time.Time
	Value  []byte
}

// Record is a consumed message and where it stood.
type Record struct {
	Message
	Partition int32
	Offset    int64

	done func()
}

// Done says that everything that follows from the record is durably produced.
// The group's committed offset is the lowest one that is not done. Calling it
// twice is the same as once; it may be called from any goroutine, after Handle
// has returned.
func (r *Record) Done() {
	if r.done != nil {
		r.done()
	}
}

// Handler takes records one by one.
type Handler interface {
	// Handle is called for one record of a partition number at a time, whatever
	// the topic; different partition numbers are handled at the same time. The
	// kind of the error decides (earshot.Kind): Invalid and Denied go to the
	// dead-letter topic at once, NotFound and Internal after bounded retries,
	// Conflict counts as done, Unavailable is tried again until it works. With a
	// nil error, Done is the handler's to call, now or later.
	Handle(ctx context.Context, r *Record) error
	// Revoked says that the partition numbers now belong to somebody else: state
	// that was built from them is to be dropped, nothing more is to be produced
	// for them.
	Revoked(partitions []int32)
}

// Group is a named set of consumers that share topics.
type Group struct {
	Name   string
	Topics []string
}

// Batch is the records [First, Last] of one partition, which are written as one
// block or not at all.
type Batch struct {
	Topic       string
	Partition   int32
	First, Last int64
	Records     []*Record
	// Token names the exact range, "topic-partition-first-last"; the same range
	// is handed out with the same token after any crash.
	Token string
}

// BatchHandler writes batches.
type BatchHandler interface {
	// Write stores the batch as one block under its token. On an error the very
	// same batch is handed out again.
	Write(ctx context.Context, b Batch) error
}
