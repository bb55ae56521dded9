package bus

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"earshot"
)

// Client is a connection to Kafka that all roles of a process share.
type Client struct {
	cfg      Config
	log      *slog.Logger
	stats    *stats
	security []kgo.Opt
	producer *kgo.Client
	admin    *kadm.Client
}

// dialTimeout bounds Dial where its context does not.
const dialTimeout = 30 * time.Second

// Dial connects, creates the topics that are missing and checks the others.
// The error is Invalid when an existing topic has another partition count than
// cfg, Unavailable when no broker answers within 30 s.
func Dial(ctx context.Context, cfg Config, log *slog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(cfg.Brokers) == 0 {
		return nil, earshot.InvalidField("kafka.brokers", "write at least one host:port", "no broker is given")
	}
	security, err := cfg.security()
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, log: log, stats: newStats(), security: security}
	producer, err := kgo.NewClient(append(c.options(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordDeliveryTimeout(cfg.ProduceTimeout),
		// A caller is told in time that Kafka is away; a record that had arrived
		// all the same is dropped by its id when it is sent again.
		kgo.AllowIdempotentProduceCancellation(),
	)...)
	if err != nil {
		return nil, earshot.Errorf(earshot.Invalid, "cannot configure Kafka client: %w", err)
	}
	c.producer, c.admin = producer, kadm.NewClient(producer)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for n := 1; ; n++ {
		err := c.ensureTopics(ctx)
		if err == nil {
			return c, nil
		}
		if earshot.KindOf(err) != earshot.Unavailable || !wait(ctx, c.cfg.backoff(n)) {
			producer.Close()
			return nil, err
		}
	}
}

// options are those that every connection of the client has.
func (c *Client) options() []kgo.Opt {
	return append([]kgo.Opt{
		kgo.SeedBrokers(c.cfg.Brokers...),
		kgo.ClientID("earshot"),
		kgo.WithLogger(kgoLog{c.log}),
		// An outage should end for us soon after it ends.
		kgo.RetryBackoffFn(func(n int) time.Duration { return min(50*time.Millisecond<<min(n, 10), time.Second) }),
		kgo.MetadataMinAge(time.Second),
	}, c.security...)
}

// Close gives up what is not acknowledged yet and disconnects. Consume and
// ConsumeBatches have their own connections, which end with their contexts.
func (c *Client) Close() { c.producer.Close() }

// Ping returns nil when a broker answers, else an Unavailable error.
func (c *Client) Ping(ctx context.Context) error {
	if err := c.producer.Ping(ctx); err != nil {
		return earshot.Errorf(earshot.Unavailable, "cannot reach Kafka at %v: %w", c.cfg.Brokers, err)
	}
	return nil
}

// Config returns what the client was dialled with.
func (c *Client) Config() Config { return c.cfg }

// Partition returns the partition number of an interaction, in every topic.
func (c *Client) Partition(i earshot.InteractionID) int32 {
	return partitionOf(i, c.cfg.Partitions)
}

// kgoLog hands the Kafka library's warnings to our log. Its errors are ours to
// judge: they come back from the calls as well.
type kgoLog struct{ log *slog.Logger }

func (l kgoLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (l kgoLog) Log(level kgo.LogLevel, msg string, pairs ...any) {
	l.log.Log(context.Background(), slog.LevelDebug, "kafka: "+msg, pairs...)
}
