package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"earshot"
)

const day = 24 * time.Hour

// retention is how long the records of each topic are kept; 0 keeps the last
// record of every key for ever.
var topics = []struct {
	name string
	kept time.Duration
}{
	{earshot.TopicAudio, day},
	{earshot.TopicUtterances, 7 * day},
	{earshot.TopicEvents, 7 * day},
	{earshot.TopicResults, 7 * day},
	{earshot.TopicReviews, 0},
	{earshot.TopicDead, 30 * day},
}

func knownTopic(name string) bool {
	for _, t := range topics {
		if t.name == name {
			return true
		}
	}
	return false
}

func topicNames() []string {
	out := make([]string, len(topics))
	for i, t := range topics {
		out[i] = t.name
	}
	return out
}

// ensureTopics creates the topics that are missing and refuses those with
// another partition count: an interaction would be in different partitions.
func (c *Client) ensureTopics(ctx context.Context) error {
	there, err := c.admin.ListTopics(ctx, topicNames()...)
	if err != nil {
		return unavailable(err, "cannot list topics of Kafka at %v", c.cfg.Brokers)
	}
	for _, t := range topics {
		d, ok := there[t.name]
		if ok && d.Err == nil {
			if err := c.checkPartitions(t.name, len(d.Partitions)); err != nil {
				return err
			}
			continue
		}
		if ok && !errors.Is(d.Err, kerr.UnknownTopicOrPartition) {
			return kafkaError(d.Err, "cannot read topic %s", t.name)
		}
		if err := c.createTopic(ctx, t.name, t.kept); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) checkPartitions(topic string, got int) error {
	if got == c.cfg.Partitions {
		return nil
	}
	return earshot.InvalidField("kafka.partitions", fmt.Sprintf("set it to %d, or give all topics %d", got, c.cfg.Partitions),
		"topic %s has %d partitions, the configuration says %d", topic, got, c.cfg.Partitions)
}

func (c *Client) createTopic(ctx context.Context, name string, kept time.Duration) error {
	config := map[string]*string{"cleanup.policy": kadm.StringPtr("delete")}
	if kept > 0 {
		config["retention.ms"] = kadm.StringPtr(strconv.FormatInt(kept.Milliseconds(), 10))
	} else {
		config["cleanup.policy"] = kadm.StringPtr("compact")
		if !c.cfg.Direct { // the embedded broker does not know the key
			// An open batch is rebuilt from its records: they stay until any outage
			// should be over.
			config["min.compaction.lag.ms"] = kadm.StringPtr(strconv.FormatInt(day.Milliseconds(), 10))
		}
	}
	resp, err := c.admin.CreateTopic(ctx, int32(c.cfg.Partitions), int16(c.cfg.Replication), config, name)
	if err == nil {
		err = resp.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return kafkaError(err, "cannot create topic %s", name)
	}
	return nil
}
