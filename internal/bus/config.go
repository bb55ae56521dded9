package bus

import (
	"net"
	"strconv"
	"time"

	"earshot"
)

// Config says which Kafka to use and how.
type Config struct {
	// Brokers are host:port pairs; empty means the embedded broker.
	Brokers []string `yaml:"brokers"`
	// TLS encrypts the connections; CAFile holds the certificates in PEM form that
	// are trusted, empty for those of the system.
	TLS    bool   `yaml:"tls"`
	CAFile string `yaml:"ca_file"`
	// SASL is how User logs in: plain, scram-sha-256 or scram-sha-512; empty for no
	// login. PasswordFile holds the password.
	SASL         string `yaml:"sasl"`
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	// Partitions of every topic, 1 to 10,000; one interaction is one partition
	// everywhere. It cannot be changed once the topics are there.
	Partitions int `yaml:"partitions"`
	// Replication of topics that Earshot creates, in brokers; -1 takes the
	// cluster's default.
	Replication int `yaml:"replication"`
	// ProduceTimeout is how long a record waits for its acknowledgement before
	// Kafka counts as away, 1 s to 1 h.
	ProduceTimeout time.Duration `yaml:"produce_timeout"`
	// CommitEvery is how often the low watermark is committed.
	CommitEvery time.Duration `yaml:"commit_every"`
	// BufferRecords bounds the records of one partition that wait for their
	// handler; past it the partition is not fetched until half are handled.
	BufferRecords int `yaml:"buffer_records"`
	// Retries bounds how often a record that failed with kind internal or not
	// found is tried again before it becomes a dead letter.
	Retries int `yaml:"retries"`
	// RetryMin and RetryMax are the first and the longest wait before another
	// try; the wait doubles in between.
	RetryMin time.Duration `yaml:"retry_min"`
	RetryMax time.Duration `yaml:"retry_max"`
	// BatchRecords, BatchBytes and BatchEvery end a batch: whichever comes first.
	BatchRecords int           `yaml:"batch_records"`
	BatchBytes   int           `yaml:"batch_bytes"`
	BatchEvery   time.Duration `yaml:"batch_every"`
	// BatchWriters bounds the batches of one process that are written at a time.
	BatchWriters int `yaml:"batch_writers"`
	// SessionTimeout is how long a group waits for a silent member before its
	// partitions go to the others; 6 s to 5 min unless the cluster allows more.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// StallTimeout is how long a consumer may have lag and receive nothing
	// before its connection is built anew.
	StallTimeout time.Duration `yaml:"stall_timeout"`
	// Direct assigns all partitions to this process and joins no group; it is
	// set for the embedded broker, which only one process uses.
	Direct bool `yaml:"-"`
}

// DefaultConfig returns what fits a Kafka cluster.
func DefaultConfig() Config {
	return Config{
		Partitions:     12,
		Replication:    -1,
		ProduceTimeout: 10 * time.Second,
		CommitEvery:    time.Second,
		BufferRecords:  4096,
		Retries:        5,
		RetryMin:       100 * time.Millisecond,
		RetryMax:       15 * time.Second,
		BatchRecords:   10_000,
		BatchBytes:     4 << 20,
		BatchEvery:     time.Second,
		BatchWriters:   4,
		SessionTimeout: 15 * time.Second,
		StallTimeout:   time.Minute,
	}
}

// EmbeddedConfig returns what fits the embedded broker at addr.
func EmbeddedConfig(addr string) Config { return DefaultConfig().Embedded(addr) }

// Embedded returns c with what the embedded broker at addr needs; buffers, waits
// and batches stay as they are.
func (c Config) Embedded(addr string) Config {
	c.TLS, c.SASL, c.User, c.PasswordFile = false, "", "", ""
	c.Brokers, c.Partitions, c.Replication, c.Direct = []string{addr}, 4, 1, true
	return c
}

// Validate returns an Invalid error that names the first wrong key.
func (c Config) Validate() error {
	for i, b := range c.Brokers {
		if _, port, err := net.SplitHostPort(b); err != nil || port == "" {
			return earshot.InvalidField("kafka.brokers["+strconv.Itoa(i)+"]", "write host:port, such as kafka-1:9092", "%q is no address", b)
		}
	}
	if c.Replication == 0 || c.Replication < -1 {
		return earshot.InvalidField("kafka.replication", "write a number of brokers, or -1 for the cluster's default", "%d is no number of brokers", c.Replication)
	}
	counts := []struct {
		key      string
		got, max int
	}{
		{"kafka.partitions", c.Partitions, 10_000},
		{"kafka.buffer_records", c.BufferRecords, 1_000_000},
		{"kafka.retries", c.Retries + 1, 1001},
		{"kafka.batch_records", c.BatchRecords, 1_000_000},
		{"kafka.batch_bytes", c.BatchBytes, 1 << 30},
		{"kafka.batch_writers", c.BatchWriters, 1000},
	}
	for _, n := range counts {
		if n.got < 1 || n.got > n.max {
			return earshot.InvalidField(n.key, "write a number within the bounds of the documentation", "%d is out of bounds", n.got)
		}
	}
	if err := c.validateSecurity(); err != nil {
		return err
	}
	return c.validateTimes()
}

func (c Config) validateTimes() error {
	times := []struct {
		key string
		got time.Duration
	}{
		{"kafka.produce_timeout", c.ProduceTimeout},
		{"kafka.commit_every", c.CommitEvery},
		{"kafka.retry_min", c.RetryMin},
		{"kafka.retry_max", c.RetryMax},
		{"kafka.batch_every", c.BatchEvery},
		{"kafka.session_timeout", c.SessionTimeout},
		{"kafka.stall_timeout", c.StallTimeout},
	}
	for _, t := range times {
		if t.got < time.Millisecond || t.got > time.Hour {
			return earshot.InvalidField(t.key, "write a time between 1ms and 1h", "%v is out of bounds", t.got)
		}
	}
	if c.ProduceTimeout < time.Second {
		return earshot.InvalidField("kafka.produce_timeout", "write at least 1s", "%v is too short", c.ProduceTimeout)
	}
	if c.RetryMax < c.RetryMin {
		return earshot.InvalidField("kafka.retry_max", "write at least kafka.retry_min", "%v is less than %v", c.RetryMax, c.RetryMin)
	}
	return nil
}
