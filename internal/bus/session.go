package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
)

// session is one connection of a consumer, from joining to its end.
type session struct {
	client  *Client
	group   Group
	worker  worker
	ctx     context.Context
	cancel  context.CancelCauseFunc
	offsets *offsets
	kafka   *kgo.Client
	ready   chan struct{} // closed when kafka is set

	// mu is held by whoever starts, stops or commits lanes: a rebalance waits for
	// a commit that is under way and the other way round. BlockRebalanceOnPoll
	// alone does not do it, since an empty poll does not block a rebalance.
	mu    sync.Mutex
	gen   generation
	lanes map[laneKey]*lane
	moved time.Time // when records last came in, or partitions changed hands
}

// errRebuild ends a session that is to be followed by a new one.
var errRebuild = errors.New("connection is built anew")

// pollRecords bounds the records of one poll.
const pollRecords = 1000

// consume runs sessions until ctx ends, and returns nil then.
func (c *Client) consume(ctx context.Context, g Group, w worker) error {
	if err := c.checkGroup(g); err != nil {
		return err
	}
	for n := 1; ctx.Err() == nil; n++ {
		began := time.Now()
		err := c.runSession(ctx, g, w)
		if ctx.Err() != nil {
			break
		}
		if kafkaFatal(err) {
			return err
		}
		if time.Since(began) > c.cfg.StallTimeout {
			n = 1
		}
		c.stats.rebuilds.WithLabelValues(g.Name).Inc()
		c.log.Warn("Kafka consumer starts again", "group", g.Name, "error", err, "try", n)
		wait(ctx, c.cfg.backoff(n))
	}
	return nil
}

func (c *Client) runSession(parent context.Context, g Group, w worker) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s := &session{client: c, group: g, worker: w, ctx: ctx, cancel: cancel, gen: noGeneration,
		ready: make(chan struct{}), lanes: map[laneKey]*lane{}, moved: time.Now()}
	if err := s.connect(); err != nil {
		return err
	}
	defer s.kafka.CloseAllowingRebalance()
	var running sync.WaitGroup
	running.Go(s.tick)
	if !c.cfg.Direct {
		running.Go(s.watch)
	}
	s.poll()
	cancel(nil)
	running.Wait()
	s.mu.Lock()
	s.stopLanes(nil, false)
	s.mu.Unlock()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// connect looks up the topics and joins the group, or takes all partitions.
func (s *session) connect() error {
	ctx, cancel := context.WithTimeout(s.ctx, dialTimeout)
	defer cancel()
	var err error
	if s.offsets, err = openOffsets(ctx, s.client, s.group); err != nil {
		return err
	}
	opts := append(s.client.options(),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.FetchMaxBytes(16<<20),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if !s.client.cfg.Direct {
		opts = append(opts, s.groupOptions()...)
	}
	kafka, err := kgo.NewClient(opts...)
	if err != nil {
		return earshot.Errorf(earshot.Invalid, "cannot configure Kafka consumer: %w", err)
	}
	s.kafka = kafka
	close(s.ready)
	if !s.client.cfg.Direct {
		return nil
	}
	if err := s.takeAll(ctx); err != nil {
		kafka.Close()
		return err
	}
	return nil
}

// takeAll starts to work on all partitions without a group.
func (s *session) takeAll(ctx context.Context) error {
	ps, err := s.positions(ctx, s.client.partitions(s.group))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startLanes(ps)
	s.kafka.AddConsumePartitions(starts(ps))
	return nil
}

// partitions lists all of a group's topics.
func (c *Client) partitions(g Group) []topicPartition {
	out := make([]topicPartition, 0, len(g.Topics)*c.cfg.Partitions)
	for _, t := range g.Topics {
		for n := range c.cfg.Partitions {
			out = append(out, topicPartition{t, int32(n)})
		}
	}
	return out
}

// positions returns where to read on. A log that ends before the committed
// offset was cut off, by a power failure or an unclean election: what follows in
// it are other records under old offsets. They are read from its end, and an
// intent that reaches past it is dropped, since its token may stand for records
// that are gone.
func (s *session) positions(ctx context.Context, tps []topicPartition) (map[topicPartition]position, error) {
	ps, err := s.offsets.fetch(ctx, tps)
	if err != nil {
		return nil, err
	}
	ends, err := s.client.bounds(ctx, s.group.Topics)
	if err != nil {
		return nil, err
	}
	for tp, at := range ps {
		end, ok := ends.ends.Lookup(tp.topic, tp.number)
		if !ok {
			return nil, earshot.Errorf(earshot.Unavailable, "cannot read where %s ends: not in the answer", tp)
		}
		open, isOpen := parseIntent(at)
		if at.offset > end.Offset || isOpen && open.last >= end.Offset {
			s.client.log.Error("records that Kafka had acknowledged are gone", "group", s.group.Name,
				"partition", tp.String(), "committed", at.offset, "intent", at.meta, "end", end.Offset)
			ps[tp] = position{offset: min(at.offset, end.Offset)}
		}
	}
	return ps, nil
}

// starts are the offsets at which positions are read on.
func starts(ps map[topicPartition]position) map[string]map[int32]kgo.Offset {
	out := map[string]map[int32]kgo.Offset{}
	for tp, at := range ps {
		if out[tp.topic] == nil {
			out[tp.topic] = map[int32]kgo.Offset{}
		}
		if at.offset < 0 {
			out[tp.topic][tp.number] = kgo.NewOffset().AtStart()
		} else {
			out[tp.topic][tp.number] = kgo.NewOffset().At(at.offset)
		}
	}
	return out
}

// poll hands records to lanes until the session ends.
func (s *session) poll() {
	var said time.Time
	for s.ctx.Err() == nil {
		fetches := s.kafka.PollRecords(s.ctx, pollRecords)
		s.push(fetches)
		s.kafka.AllowRebalance()
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if s.ctx.Err() == nil && time.Since(said) > 10*time.Second {
				said = time.Now()
				s.client.log.Warn("cannot read from Kafka", "group", s.group.Name, "topic", topic, "partition", partition, "error", err)
			}
		})
	}
}

// tick lets the worker commit every CommitEvery.
func (s *session) tick() {
	for wait(s.ctx, s.client.cfg.CommitEvery) {
		s.mu.Lock()
		s.worker.tick(s.ctx, s)
		s.mu.Unlock()
	}
}
