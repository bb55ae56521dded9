package bus

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// watch ends a session that has lag and has received nothing for StallTimeout:
// a lost fetch or a group that never settles is mended by a new connection.
func (s *session) watch() {
	for wait(s.ctx, max(s.client.cfg.StallTimeout/4, time.Millisecond)) {
		quiet, next := s.quiet()
		if quiet < s.client.cfg.StallTimeout {
			continue
		}
		ctx, cancel := context.WithTimeout(s.ctx, releaseTimeout)
		stalled := s.stalled(ctx, next)
		cancel()
		if stalled && s.ctx.Err() == nil {
			s.cancel(errRebuild)
			return
		}
	}
}

// quiet returns for how long nothing came in, zero while a handler has work,
// and the next offset of each partition that is ours.
func (s *session) quiet() (time.Duration, map[topicPartition]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[topicPartition]int64{}
	for _, l := range s.lanes {
		if !l.queue.idle() {
			return 0, nil
		}
		for _, p := range l.parts {
			next[p.topicPartition] = p.next
		}
	}
	return time.Since(s.moved), next
}

// stalled asks Kafka whether the quiet is right. Without an answer it is: Kafka
// is away then, and the connection tries by itself.
func (s *session) stalled(ctx context.Context, next map[topicPartition]int64) bool {
	if len(next) == 0 {
		return s.outside(ctx)
	}
	ends, err := s.client.bounds(ctx, s.group.Topics)
	if err != nil {
		return false
	}
	for tp, n := range next {
		if ends.lag(tp, n) > 0 {
			return true
		}
	}
	return false
}

// outside says whether a group that has no partition for us has not settled,
// or does not know us.
func (s *session) outside(ctx context.Context) bool {
	groups, err := s.client.admin.DescribeGroups(ctx, s.group.Name)
	if err != nil {
		return false
	}
	g, ok := groups[s.group.Name]
	if !ok || g.Err != nil {
		return false
	}
	if g.State != "Stable" {
		return true
	}
	s.mu.Lock()
	member := s.gen.member
	s.mu.Unlock()
	for _, m := range g.Members {
		if m.MemberID == member {
			return false
		}
	}
	return true
}

// logBounds are the first and the next offset of each partition.
type logBounds struct{ starts, ends kadm.ListedOffsets }

func (c *Client) bounds(ctx context.Context, topics []string) (logBounds, error) {
	starts, err := c.admin.ListStartOffsets(ctx, topics...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return logBounds{}, unavailable(err, "cannot read where topics %v start", topics)
	}
	ends, err := c.admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return logBounds{}, unavailable(err, "cannot read where topics %v end", topics)
	}
	return logBounds{starts, ends}, nil
}

// lag returns how many offsets lie between next and the end.
func (b logBounds) lag(tp topicPartition, next int64) int64 {
	end, _ := b.ends.Lookup(tp.topic, tp.number)
	start, _ := b.starts.Lookup(tp.topic, tp.number)
	return max(0, end.Offset-max(next, start.Offset))
}

// Lag returns, for each topic of a group, how many records are not yet done.
func (c *Client) Lag(ctx context.Context, g Group) (map[string]int64, error) {
	if err := c.checkGroup(g); err != nil {
		return nil, err
	}
	o, err := openOffsets(ctx, c, g)
	if err != nil {
		return nil, err
	}
	all := c.partitions(g)
	at, err := o.fetch(ctx, all)
	if err != nil {
		return nil, err
	}
	ends, err := c.bounds(ctx, g.Topics)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int64, len(g.Topics))
	for _, tp := range all {
		out[tp.topic] += ends.lag(tp, at[tp].offset)
	}
	return out, nil
}
