package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"earshot"
)

// topicPartition names one log of Kafka.
type topicPartition struct {
	topic  string
	number int32
}

// position is a committed offset, -1 if there is none, and its metadata.
type position struct {
	offset int64
	meta   string
}

// generation is the fencing token of a group member: the coordinator refuses
// commits of an older one. The zero member with generation -1 commits without
// membership.
type generation struct {
	member string
	number int32
}

var noGeneration = generation{number: -1}

// offsets reads and commits a group's offsets by plain requests, so that the
// generation and the metadata are ours to choose.
type offsets struct {
	group  string
	kafka  *kgo.Client
	admin  *kadm.Client
	topics map[string]kadm.TopicID
}

// openOffsets looks up the topics, which commits name by id.
func openOffsets(ctx context.Context, c *Client, g Group) (*offsets, error) {
	o := &offsets{group: g.Name, kafka: c.producer, admin: c.admin, topics: map[string]kadm.TopicID{}}
	there, err := c.lookUp(ctx, g.Topics)
	if err != nil {
		return nil, err
	}
	for _, t := range g.Topics {
		info := there[t]
		if info.err != nil {
			return nil, kafkaError(info.err, "cannot read topic %s", t)
		}
		if err := c.checkPartitions(t, info.partitions); err != nil {
			return nil, err
		}
		o.topics[t] = info.id
	}
	return o, nil
}

// fetch returns the committed positions of the given partitions.
func (o *offsets) fetch(ctx context.Context, tps []topicPartition) (map[topicPartition]position, error) {
	names := make([]string, 0, len(o.topics))
	for t := range o.topics {
		names = append(names, t)
	}
	resp, err := o.admin.FetchOffsetsForTopics(ctx, o.group, names...)
	isNew := errors.Is(err, kerr.GroupIDNotFound) // a group is made by its first commit
	if err != nil && !isNew {
		return nil, unavailable(err, "cannot read offsets of group %s", o.group)
	}
	out := make(map[topicPartition]position, len(tps))
	for _, tp := range tps {
		got, ok := resp.Lookup(tp.topic, tp.number)
		if isNew {
			out[tp] = position{offset: -1}
			continue
		}
		if !ok {
			return nil, earshot.Errorf(earshot.Unavailable, "cannot read offset of group %s for %s: not in the answer", o.group, tp)
		}
		if got.Err != nil {
			return nil, kafkaError(got.Err, "cannot read offset of group %s for %s", o.group, tp)
		}
		out[tp] = position{got.At, got.Metadata}
	}
	return out, nil
}

// commit stores positions under a generation, all of them or an error.
func (o *offsets) commit(ctx context.Context, gen generation, ps map[topicPartition]position) error {
	if len(ps) == 0 {
		return nil
	}
	resp, err := o.request(gen, ps).RequestWith(ctx, o.kafka)
	if err != nil {
		return unavailable(err, "cannot commit offsets of group %s", o.group)
	}
	answered := 0
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			answered++
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return kafkaError(err, "cannot commit offsets of group %s, partition %d", o.group, p.Partition)
			}
		}
	}
	if answered != len(ps) {
		return earshot.Errorf(earshot.Unavailable, "cannot commit offsets of group %s: %d of %d answered", o.group, answered, len(ps))
	}
	return nil
}

func (o *offsets) request(gen generation, ps map[topicPartition]position) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = o.group, gen.member, gen.number
	index := map[string]int{}
	for tp, at := range ps {
		i, ok := index[tp.topic]
		if !ok {
			i = len(req.Topics)
			index[tp.topic] = i
			t := kmsg.NewOffsetCommitRequestTopic()
			t.Topic, t.TopicID = tp.topic, o.topics[tp.topic]
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = tp.number, at.offset, -1, &at.meta
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
	}
	return req
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.number) }
