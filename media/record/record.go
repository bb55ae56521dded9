// Package record writes one stereo recording of every call from the audio topic
// and finds it again for playback.
package record

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/internal/bus"
)

// Config of the recorder.
type Config struct {
	// Dir is the folder of the recordings; it is made when it is missing.
	Dir string `yaml:"dir"`
	// IdleEnd is how long a call may be silent in the audio topic before it
	// counts as over though its end never came, 1 s to 24 h.
	IdleEnd time.Duration `yaml:"idle_end"`
	// RetentionDays is after how many days a recording is deleted; 0 keeps all.
	RetentionDays int `yaml:"retention_days"`
}

// DefaultConfig returns what the recorder does unless told otherwise.
func DefaultConfig() Config {
	return Config{Dir: "data/recordings", IdleEnd: 10 * time.Minute}
}

// Validate returns an Invalid error that names the first wrong key.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return earshot.InvalidField("recordings.dir", "write a folder, such as data/recordings", "it is empty")
	case c.IdleEnd < time.Second || c.IdleEnd > 24*time.Hour:
		return earshot.InvalidField("recordings.idle_end", "write 1s to 24h", "%v is out of bounds", c.IdleEnd)
	case c.RetentionDays < 0:
		return earshot.InvalidField("recordings.retention_days", "write a number of days, or 0 to keep all", "%d is negative", c.RetentionDays)
	}
	return nil
}

// Service is the recorder role. It keeps the sound of calls that are going on in
// files of its own below Dir, and marks a call's first record as done only when
// its recording is on disk, so that after a crash the call is recorded again from
// its first record, and comes out the same.
type Service struct {
	cfg   Config
	bus   *bus.Client
	log   *slog.Logger
	stats *stats
	store *Store
	// work is this process' own folder of unfinished calls, set by Run.
	work string

	mu         sync.Mutex
	partitions map[int32]*partition
}

// New returns a recorder that reads from client, or the error of a wrong
// configuration.
func New(cfg Config, client *bus.Client, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	store, err := NewStore(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, bus: client, log: log, stats: newStats(reg), store: store,
		partitions: map[int32]*partition{}}, nil
}

// Run records until ctx ends. Calls that are not over then are recorded again by
// whoever runs next.
func (s *Service) Run(ctx context.Context) error {
	work, err := openWork(s.cfg.Dir)
	if err != nil {
		return err
	}
	s.work = work
	defer func() {
		if err := removeWork(work); err != nil {
			s.log.Warn("cannot clear the recorder's working folder", "error", err)
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.bus.Consume(ctx, bus.Group{Name: "recorder", Topics: []string{earshot.TopicAudio}}, s)
	})
	g.Go(func() error {
		every(ctx, min(s.cfg.IdleEnd/4, time.Minute), s.closeIdle)
		return nil
	})
	if s.cfg.RetentionDays > 0 {
		g.Go(func() error {
			s.expire(ctx)
			every(ctx, time.Hour, s.expire)
			return nil
		})
	}
	return g.Wait()
}

// every calls f at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func(context.Context)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f(ctx)
		}
	}
}

func (s *Service) expire(context.Context) {
	n, err := s.store.Expire(time.Now().AddDate(0, 0, -s.cfg.RetentionDays))
	s.stats.expired.Add(float64(n))
	if err != nil {
		s.log.Warn("cannot delete old recordings; tried again in an hour", "error", err)
	}
}

// partition holds the open calls of one partition. Its lock is held while one of
// its records is handled.
type partition struct {
	mu    sync.Mutex
	calls map[earshot.InteractionID]*call
	// newest is the latest record time, touched when the last record came.
	newest  time.Time
	touched time.Time
}

func (s *Service) partition(n int32) *partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.partitions[n]
	if p == nil {
		p = &partition{calls: map[earshot.InteractionID]*call{}}
		s.partitions[n] = p
	}
	return p
}

// Handle takes one record of the audio topic; see [bus.Handler].
func (s *Service) Handle(_ context.Context, r *bus.Record) error {
	var b earshot.AudioBundle
	if err := b.UnmarshalBinary(r.Value); err != nil {
		return earshot.Errorf(earshot.Invalid, "cannot record audio: %w", err)
	}
	if !validID(r.Interaction) {
		return earshot.InvalidField("interaction", "use a UUID", "cannot record audio: %q is no interaction id", r.Interaction)
	}
	p := s.partition(r.Partition)
	p.mu.Lock()
	defer p.mu.Unlock()
	at := r.Time
	if at.IsZero() {
		at = b.ReceivedAt
	}
	if at.After(p.newest) {
		p.newest = at
	}
	p.touched = time.Now()
	if err := s.closeSilent(p, p.newest, r.Interaction); err != nil {
		return err
	}
	// A call is silent while others are heard: its own clock may be wrong.
	return s.take(p, r, &b, p.newest)
}

// take adds a record to its call, and records the call when that was its last.
func (s *Service) take(p *partition, r *bus.Record, b *earshot.AudioBundle, at time.Time) error {
	c := p.calls[r.Interaction]
	if c == nil {
		old, err := s.store.find(r.Interaction)
		if err != nil {
			return err
		}
		if old.covers(r) {
			s.stats.replayed.Inc()
			r.Done()
			return nil
		}
		c = newCall(r, s.work, old)
		c.heard = at
		p.calls[r.Interaction] = c
		s.stats.open.Inc()
	}
	if err := c.save(false); err != nil {
		return err
	}
	if err := c.push(b); err != nil {
		return err
	}
	if b.Kind == earshot.AudioCallEnd {
		c.last = max(c.last, r.Offset)
		if err := s.finish(p, c); err != nil {
			return err
		}
		r.Done()
		return nil
	}
	c.hold(r, at)
	return nil
}

// finish writes the recording, marks the call's first record as done and forgets it.
func (s *Service) finish(p *partition, c *call) error {
	size, duration, err := c.record(s.store)
	if err != nil {
		s.stats.failed.Inc()
		return err
	}
	if size > 0 {
		s.stats.recordings.Inc()
		s.stats.bytes.Add(float64(size))
		s.stats.seconds.Add(duration.Seconds())
		s.log.Info("call recorded", "interaction", c.id, "duration", duration.Round(time.Millisecond), "bytes", size)
	}
	c.begun()
	delete(p.calls, c.id)
	s.stats.open.Dec()
	return c.discard()
}

// closeSilent records the calls, but for one, that have had nothing for IdleEnd
// before now, in the time of the records, which a backlog runs through faster.
func (s *Service) closeSilent(p *partition, now time.Time, but earshot.InteractionID) error {
	for _, c := range p.calls {
		if c.id == but || now.Sub(c.heard) <= s.cfg.IdleEnd {
			continue
		}
		c.sound.Flush(c.frame)
		if err := s.finish(p, c); err != nil {
			return err
		}
		s.stats.unended.Inc()
	}
	return nil
}

// closeIdle records the silent calls of partitions that get no records at all.
func (s *Service) closeIdle(ctx context.Context) {
	s.mu.Lock()
	all := make([]*partition, 0, len(s.partitions))
	for _, p := range s.partitions {
		all = append(all, p)
	}
	s.mu.Unlock()
	for _, p := range all {
		p.mu.Lock()
		if idle := time.Since(p.touched); idle > s.cfg.IdleEnd && ctx.Err() == nil {
			if err := s.closeSilent(p, p.newest.Add(idle), ""); err != nil {
				s.log.Warn("cannot record a call that has no end; it is tried again", "error", err)
			}
		}
		p.mu.Unlock()
	}
}

// Revoked drops the unfinished calls of partitions that are no longer ours; see
// [bus.Handler].
func (s *Service) Revoked(numbers []int32) {
	for _, n := range numbers {
		s.mu.Lock()
		p := s.partitions[n]
		delete(s.partitions, n)
		s.mu.Unlock()
		if p == nil {
			continue
		}
		p.mu.Lock()
		for _, c := range p.calls {
			s.stats.open.Dec()
			if err := c.discard(); err != nil {
				s.log.Warn("cannot clear an unfinished recording", "interaction", c.id, "error", err)
			}
		}
		clear(p.calls)
		p.mu.Unlock()
	}
}
