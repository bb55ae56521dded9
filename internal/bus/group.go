package bus

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
)

func (c *Client) checkGroup(g Group) error {
	if g.Name == "" {
		return earshot.InvalidField("group.name", "name the group", "a consumer needs a group")
	}
	if len(g.Topics) == 0 {
		return earshot.InvalidField("group.topics", "name at least one", "group %s has no topics", g.Name)
	}
	for _, t := range g.Topics {
		if !knownTopic(t) {
			return earshot.InvalidField("group.topics", "use the earshot.Topic constants", "%q is no topic of Earshot", t)
		}
	}
	return nil
}

// kafkaFatal says whether a new session would fail in the same way.
func kafkaFatal(err error) bool {
	kind := earshot.KindOf(err)
	return err != nil && !errors.Is(err, errRebuild) && (kind == earshot.Invalid || kind == earshot.Denied)
}

// groupOptions make the connection a member of the group.
func (s *session) groupOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(s.group.Name),
		kgo.ConsumeTopics(s.group.Topics...),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		// All topics have the same number of partitions, so that the range balancer
		// gives partition i of every topic to the same member. It is eager: all is
		// given up before a rebalance, and nothing is kept that somebody else has
		// moved meanwhile.
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.SessionTimeout(s.client.cfg.SessionTimeout),
		kgo.HeartbeatInterval(s.client.cfg.SessionTimeout / 10),
		kgo.AdjustFetchOffsetsFn(s.assigned),
		kgo.OnPartitionsAssigned(s.joined),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { s.gone(m, false) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, m map[string][]int32) { s.gone(m, true) }),
	}
}

// joined is called after every rebalance, before anything is read: from here on
// commits carry this generation, and the coordinator refuses them once there is
// a newer one.
func (s *session) joined(_ context.Context, kafka *kgo.Client, _ map[string][]int32) {
	<-s.ready
	s.mu.Lock()
	defer s.mu.Unlock()
	member, number := kafka.GroupMetadata()
	s.gen, s.moved = generation{member, number}, time.Now()
	if len(s.lanes) > 0 {
		// Kept partitions may have been moved by another member meanwhile. The
		// balancer gives all up first, so this is a rejoin that went wrong.
		s.cancel(errRebuild)
	}
}

// assigned reads the committed positions, with the intents, of partitions that
// are ours now, and starts to work on them.
func (s *session) assigned(ctx context.Context, m map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var tps []topicPartition
	for topic, ps := range m {
		for p := range ps {
			tps = append(tps, topicPartition{topic, p})
		}
	}
	within, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	ps, err := s.positions(within, tps)
	if err != nil {
		if ctx.Err() == nil { // not cut off by another rebalance
			s.cancel(errors.Join(errRebuild, err))
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || s.ctx.Err() != nil {
		return nil, errRebuild
	}
	s.startLanes(ps)
	return starts(ps), nil
}

// gone is called before partitions are given up, or after they were lost.
func (s *session) gone(m map[string][]int32, lost bool) {
	<-s.ready
	tps := []topicPartition{}
	for topic, ps := range m {
		for _, p := range ps {
			tps = append(tps, topicPartition{topic, p})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = time.Now()
	s.stopLanes(tps, lost)
}
