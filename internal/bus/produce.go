package bus

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
)

// Produce writes messages and returns when all in-sync replicas have them. The
// error is Invalid for a message that Kafka can never take, Unavailable when
// Kafka did not acknowledge in time: some of the messages may be there then.
func (c *Client) Produce(ctx context.Context, msgs ...Message) error {
	if len(msgs) == 0 {
		return nil
	}
	records := make([]*kgo.Record, len(msgs))
	for i := range msgs {
		if err := checkMessage(&msgs[i]); err != nil {
			return err
		}
		records[i] = encode(&msgs[i], c.Partition(msgs[i].Interaction))
	}
	return c.produce(ctx, "cannot produce to "+msgs[0].Topic, records...)
}

// produce waits for acknowledgements no longer than ProduceTimeout. The library
// looks at its own timeouts only when a request begins or ends; what it gives up
// later than this is given up all the same.
func (c *Client) produce(ctx context.Context, what string, records ...*kgo.Record) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
	defer cancel()
	results := make(chan error, len(records))
	for _, r := range records {
		c.producer.Produce(ctx, r, func(_ *kgo.Record, err error) { results <- c.stats.countProduced(r.Topic, err) })
	}
	var first error
	for range records {
		select {
		case err := <-results:
			if first == nil {
				first = err
			}
		case <-ctx.Done():
			return kafkaError(context.Cause(ctx), "%s: not acknowledged within %v", what, c.cfg.ProduceTimeout)
		}
	}
	if first != nil {
		return kafkaError(first, "%s", what)
	}
	return nil
}

// ProduceAsync queues a message and calls done once, from another goroutine or
// this one, with what Produce would have returned. Messages of one interaction
// keep their order. It blocks while 10,000 messages are not acknowledged.
func (c *Client) ProduceAsync(ctx context.Context, m Message, done func(error)) {
	if err := checkMessage(&m); err != nil {
		done(err)
		return
	}
	topic := m.Topic
	c.producer.Produce(ctx, encode(&m, c.Partition(m.Interaction)), func(_ *kgo.Record, err error) {
		if c.stats.countProduced(topic, err) != nil {
			err = kafkaError(err, "cannot produce to %s", topic)
		}
		done(err)
	})
}

func checkMessage(m *Message) error {
	if !knownTopic(m.Topic) {
		return earshot.InvalidField("topic", "use one of the earshot.Topic constants", "%q is no topic of Earshot", m.Topic)
	}
	if m.Interaction == "" {
		return earshot.InvalidField("interaction", "name the interaction: the partition follows from it", "message for %s has none", m.Topic)
	}
	return nil
}
