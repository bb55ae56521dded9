package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"earshot"
)

const day = 24 * time.Hour

// topics are Earshot's, with how long their records are kept; 0 keeps the last
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

// topicInfo is what the brokers know of a topic.
type topicInfo struct {
	id         kadm.TopicID
	partitions int
	err        error
}

// lookUp asks the brokers for topics. The library's own way answers from a cache
// that may hold what was true before a topic was created.
func (c *Client) lookUp(ctx context.Context, names []string) (map[string]topicInfo, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kadm.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := req.RequestWith(ctx, c.producer)
	if err != nil {
		return nil, kafkaError(err, "cannot read topics of Kafka at %v", c.cfg.Brokers)
	}
	out := make(map[string]topicInfo, len(names))
	for _, t := range resp.Topics {
		if t.Topic != nil {
			out[*t.Topic] = topicInfo{t.TopicID, len(t.Partitions), kerr.ErrorForCode(t.ErrorCode)}
		}
	}
	return out, nil
}

// ensureTopics creates the topics that are missing and refuses those with
// another partition count: an interaction would be in different partitions. It
// returns when the brokers know all of them.
func (c *Client) ensureTopics(ctx context.Context) error {
	for n := 1; ; n++ {
		there, err := c.lookUp(ctx, topicNames())
		if err != nil {
			return err
		}
		missing := 0
		for _, t := range topics {
			info, ok := there[t.name]
			switch {
			case !ok || errors.Is(info.err, kerr.UnknownTopicOrPartition):
				missing++
				err = c.createTopic(ctx, t.name, t.kept)
			case info.err != nil && kerr.IsRetriable(info.err):
				missing++
			case info.err != nil:
				err = kafkaError(info.err, "cannot read topic %s", t.name)
			default:
				err = c.checkPartitions(t.name, info.partitions)
			}
			if err != nil {
				return err
			}
		}
		if missing == 0 {
			return nil
		}
		if n > 1 && !wait(ctx, c.cfg.backoff(n)) {
			return unavailable(ctx.Err(), "topics of Kafka at %v are created but not there", c.cfg.Brokers)
		}
	}
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
		// The embedded broker applies a retention to compacted topics as well.
		config["retention.ms"] = kadm.StringPtr("-1")
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
