package asr

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/internal/bus"
)

// Bus is what the role needs of Kafka.
type Bus interface {
	// Produce returns when all messages are durable.
	Produce(ctx context.Context, msgs ...bus.Message) error
	// Consume hands out a group's records until ctx ends.
	Consume(ctx context.Context, g bus.Group, h bus.Handler) error
}

// Service is the role: it listens to every call in the audio topic and writes
// what was said to the topic of utterances.
type Service struct {
	cfg     Config
	bus     Bus
	engines []Engine
	log     *slog.Logger
	stats   *stats
}

// New returns a service. Of the engines the first that speaks a call's language
// listens to it; a call in a language that none speaks gets a transcript
// without utterances, which says so.
func New(cfg Config, b Bus, engines []Engine, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for _, e := range engines {
		if r := e.Info().Rate; r != 8000 && r != 16000 {
			return nil, earshot.InvalidField("asr", "use an engine that takes 8000 or 16000", "engine %s wants %d Hz", e.Info().Name, r)
		}
	}
	return &Service{cfg: cfg, bus: b, engines: engines, log: log, stats: newStats(reg)}, nil
}

// Run works until ctx ends, and returns when every call was put down. Calls that
// were not transcribed to their end are heard again, from their beginning, by
// whoever gets their partition next.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	r := newRoster(ctx, s)
	g.Go(func() error {
		return s.bus.Consume(ctx, bus.Group{Name: "asr", Topics: []string{earshot.TopicAudio}}, r)
	})
	g.Go(func() error {
		every(ctx, s.cfg.IdleEnd/10, r.endIdle)
		return nil
	})
	err := g.Wait()
	r.calls.Wait()
	return err
}

// every calls f at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func(now time.Time)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			f(now)
		case <-ctx.Done():
			return
		}
	}
}

// engine returns the one for a language, nil if there is none.
func (s *Service) engine(language string) Engine {
	for _, e := range s.engines {
		if e.Info().Speaks(language) {
			return e
		}
	}
	return nil
}
