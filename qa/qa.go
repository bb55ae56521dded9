package qa

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/internal/bus"
	"earshot/qa/scorecard"
)

// Config of the role.
type Config struct {
	// Scorecards are files, or folders of *.yaml files; the first one that fits an
	// interaction is used. None means the ones that Earshot brings along.
	Scorecards []string `yaml:"scorecards"`
	// IdleEnd is how long an interaction may be without a new utterance before it
	// is scored as it is, such as a chat that nobody closes.
	IdleEnd time.Duration `yaml:"idle_end"`
	// Linger is how long an ended interaction is remembered, so that a late or
	// repeated record is known for what it is.
	Linger time.Duration `yaml:"linger"`
	// MaxUtterances of one interaction are scored; what comes after is left out
	// and counted. It bounds memory: about 1 KB an utterance.
	MaxUtterances int `yaml:"max_utterances"`
}

// DefaultConfig scores by the scorecards that Earshot brings along.
func DefaultConfig() Config {
	return Config{IdleEnd: 4 * time.Hour, Linger: 10 * time.Minute, MaxUtterances: 5000}
}

// Validate names the key that is wrong. Whether the scorecards can be read is
// found out by [New].
func (c Config) Validate() error {
	switch {
	case c.IdleEnd <= 0:
		return earshot.InvalidField("qa.idle_end", "take a time such as 4h", "is %v", c.IdleEnd)
	case c.Linger < 0:
		return earshot.InvalidField("qa.linger", "take a time such as 10m, or 0", "is %v", c.Linger)
	case c.MaxUtterances < 1:
		return earshot.InvalidField("qa.max_utterances", "take 1 or more", "is %d", c.MaxUtterances)
	}
	return nil
}

// History is what was decided about an interaction before.
type History interface {
	// Evaluations returns the current ones, one a track, none if there are none.
	Evaluations(ctx context.Context, id earshot.InteractionID) ([]earshot.Evaluation, error)
	// Reviews returns all reviews of the interaction.
	Reviews(ctx context.Context, id earshot.InteractionID) ([]earshot.Review, error)
}

// Service is the role: it scores interactions and takes reviews.
type Service struct {
	cfg     Config
	client  *bus.Client
	cards   scorecard.Set
	history History
	recent  *recent
	log     *slog.Logger
	stats   *stats
}

// New reads the scorecards; a mistake in one is an Invalid error that names the
// place.
func New(cfg Config, client *bus.Client, history History, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cards, err := scorecard.Load(cfg.Scorecards...)
	if err != nil {
		return nil, fmt.Errorf("cannot load qa.scorecards: %w", err)
	}
	return &Service{cfg: cfg, client: client, cards: cards, history: history, recent: newRecent(maxRecent),
		log: log, stats: newStats(reg)}, nil
}

// Run scores until ctx ends. What is still open then is scored after the next
// start, since its records were not done.
func (s *Service) Run(ctx context.Context) error {
	contacts, reviews := newCollector(s), &reviewer{s: s}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.client.Consume(ctx, bus.Group{Name: "qa", Topics: []string{earshot.TopicUtterances}}, contacts)
	})
	g.Go(func() error {
		return s.client.Consume(ctx, bus.Group{Name: "qa-reviews", Topics: []string{earshot.TopicReviews}}, reviews)
	})
	g.Go(func() error { contacts.sweepUntil(ctx); return nil })
	g.Go(func() error { reviews.settleUntil(ctx); return nil })
	return g.Wait()
}
