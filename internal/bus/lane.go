package bus

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// part is one topic and partition of a lane; next is the lowest offset that it
// has not received.
type part struct {
	topicPartition
	position
	next    int64
	tracker *tracker
}

// laneKey is a partition number, with a topic where topics go separate ways.
type laneKey topicPartition

// lane is what one goroutine works on while the partitions are ours.
type lane struct {
	key    laneKey
	parts  map[string]*part // by topic
	queue  *queue
	gen    generation // under which it commits
	cancel context.CancelFunc
	done   chan struct{}
}

// worker is what a session does with its lanes.
type worker interface {
	// key puts partitions into lanes.
	key(topicPartition) laneKey
	// limits bound a lane's queue.
	limits() limits
	// run works on a lane until ctx ends.
	run(ctx context.Context, s *session, l *lane)
	// tick is called every CommitEvery, with the session locked.
	tick(ctx context.Context, s *session)
	// released is called, with the session locked, when the goroutines of lanes
	// have ended; lost says that the partitions are somebody else's already.
	released(ctx context.Context, s *session, lanes []*lane, lost bool)
}

// startLanes makes lanes of the positions. The session is locked.
func (s *session) startLanes(ps map[topicPartition]position) {
	for tp, at := range ps {
		key := s.worker.key(tp)
		l := s.lanes[key]
		if l == nil {
			l = &lane{key: key, parts: map[string]*part{}, gen: s.gen, done: make(chan struct{})}
			s.lanes[key] = l
		}
		l.parts[tp.topic] = &part{topicPartition: tp, position: at, next: max(at.offset, 0), tracker: newTracker(at.offset)}
	}
	for _, l := range s.lanes {
		if l.cancel == nil {
			s.startLane(l)
		}
	}
}

func (s *session) startLane(l *lane) {
	names := map[string][]int32{}
	for _, p := range l.parts {
		names[p.topic] = append(names[p.topic], p.number)
	}
	l.queue = newQueue(s.worker.limits(),
		func() { s.kafka.PauseFetchPartitions(names) },
		func() { s.kafka.ResumeFetchPartitions(names) })
	ctx, cancel := context.WithCancel(s.ctx)
	l.cancel = cancel
	go func() {
		defer close(l.done)
		s.worker.run(ctx, s, l)
	}()
}

// stopLanes ends the lanes that hold one of the partitions, or all of them if
// tps is nil. The session is locked.
func (s *session) stopLanes(tps []topicPartition, lost bool) {
	keys := map[laneKey]bool{}
	for _, tp := range tps {
		keys[s.worker.key(tp)] = true
	}
	var stopped []*lane
	for key, l := range s.lanes {
		if tps == nil || keys[key] {
			stopped = append(stopped, l)
			delete(s.lanes, key)
			l.cancel()
		}
	}
	for _, l := range stopped {
		<-l.done
		l.queue.close()
	}
	if len(stopped) == 0 {
		return
	}
	// The session's own context may have ended: the last commit is worth a wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), releaseTimeout)
	defer cancel()
	s.worker.released(ctx, s, stopped, lost)
}

// releaseTimeout bounds the last commit of partitions that are given up.
const releaseTimeout = 5 * time.Second

// push hands polled records to their lanes. Records of partitions that were
// revoked meanwhile have none, and are the next owner's to read.
func (s *session) push(fetches kgo.Fetches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if len(f.Records) == 0 {
			return
		}
		l := s.lanes[s.worker.key(topicPartition{f.Topic, f.Partition})]
		if l == nil {
			return
		}
		p := l.parts[f.Topic]
		records := f.Records
		if records[0].Offset < p.next { // the log was cut off, see positions
			s.cancel(errRebuild)
			return
		}
		p.next = records[len(records)-1].Offset + 1
		s.moved = time.Now()
		s.client.stats.consumed.WithLabelValues(s.group.Name, f.Topic).Add(float64(len(records)))
		l.queue.push(records)
	})
}
