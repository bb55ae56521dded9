// Package sink writes what the roles put into Kafka into ClickHouse, each
// record once.
package sink

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
)

// Config says how the sink writes.
type Config struct {
	// Group is the consumer group; it remembers how far the sink came.
	Group string `yaml:"group"`
	// InsertTimeout bounds one insert. It must stay far below the time for which
	// the tables remember insert tokens.
	InsertTimeout time.Duration `yaml:"insert_timeout"`
}

// DefaultConfig returns the defaults: group "sink", one minute an insert.
func DefaultConfig() Config { return Config{Group: "sink", InsertTimeout: time.Minute} }

// longestInsert keeps a retry well within the hour for which a replicated table
// remembers its tokens by default.
const longestInsert = 10 * time.Minute

// Validate names the first key that is wrong.
func (c Config) Validate() error {
	if c.Group == "" {
		return earshot.InvalidField("sink.group", `write a name such as "sink"`, "it is empty")
	}
	if c.InsertTimeout <= 0 || c.InsertTimeout > longestInsert {
		return earshot.InvalidField("sink.insert_timeout", "give more than 0s and at most 10m", "%v", c.InsertTimeout)
	}
	return nil
}

// Service is the sink.
type Service struct {
	cfg    Config
	bus    *bus.Client
	conn   driver.Conn
	log    *slog.Logger
	stats  *stats
	tables *tables
	// dead takes a record that can never be written.
	dead func(context.Context, *bus.Record, error) error
	// token is the identity but in the test that shows what the tokens are for.
	token func(string) string
}

// New returns a sink from client to conn, whose tables must be there.
func New(cfg Config, client *bus.Client, conn driver.Conn, log *slog.Logger, reg prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Service{
		cfg: cfg, bus: client, conn: conn, log: log, stats: newStats(reg),
		tables: newTables(), dead: client.DeadLetter, token: func(t string) string { return t },
	}, nil
}

// Run consumes until ctx ends; what was being written then is written again,
// under the same token, at the next start.
func (s *Service) Run(ctx context.Context) error {
	return s.bus.ConsumeBatches(ctx, bus.Group{
		Name:   s.cfg.Group,
		Topics: []string{earshot.TopicUtterances, earshot.TopicEvents, earshot.TopicResults, earshot.TopicReviews},
	}, s)
}

// refusal is a record that can never be written, and why.
type refusal struct {
	record *bus.Record
	err    error
}

// entry is one record's rows of one table.
type entry struct {
	record *bus.Record
	rows   []row
}

// Write stores the batch: one block a table, each under the batch's token and
// its own name. Records that cannot be read or that ClickHouse refuses become
// dead letters when all others are stored, so that an outage does not repeat
// them.
func (s *Service) Write(ctx context.Context, b bus.Batch) error {
	blocks, refused := s.decode(b)
	for _, t := range s.tables.all() {
		entries := blocks[t]
		if len(entries) == 0 {
			continue
		}
		more, err := s.store(ctx, t, b.Token+"/"+t.name, entries)
		if err != nil {
			return err
		}
		refused = append(refused, more...)
	}
	for _, r := range refused {
		s.log.WarnContext(ctx, "record cannot be stored", "topic", r.record.Topic, "partition", r.record.Partition,
			"offset", r.record.Offset, "type", r.record.Type, "error", r.err)
		if err := s.dead(ctx, r.record, r.err); err != nil {
			return err
		}
		s.stats.refused.WithLabelValues(r.record.Topic).Inc()
	}
	s.stats.batches.WithLabelValues(b.Topic).Inc()
	return nil
}

func (s *Service) decode(b bus.Batch) (map[*table][]entry, []refusal) {
	blocks := map[*table][]entry{}
	var refused []refusal
	for i, d := range s.decodeAll(b.Records) {
		r := b.Records[i]
		if d.err != nil {
			refused = append(refused, refusal{r, d.err})
			continue
		}
		for _, one := range d.rows {
			entries := blocks[one.table]
			if n := len(entries); n > 0 && entries[n-1].record == r {
				entries[n-1].rows = append(entries[n-1].rows, one)
				continue
			}
			blocks[one.table] = append(entries, entry{r, []row{one}})
		}
	}
	return blocks, refused
}

// decoded is what one record becomes.
type decoded struct {
	rows []row
	err  error
}

// recordsPerWorker is what a goroutine more must have to do to be worth it.
const recordsPerWorker = 256

// decodeAll reads the records on all processors: reading JSON takes as long as
// sending the rows does.
func (s *Service) decodeAll(records []*bus.Record) []decoded {
	out := make([]decoded, len(records))
	workers := min(runtime.GOMAXPROCS(0), len(records)/recordsPerWorker+1)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(records); i += workers {
				out[i].rows, out[i].err = s.tables.decode(records[i])
			}
		})
	}
	wait.Wait()
	return out
}
