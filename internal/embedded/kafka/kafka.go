// Package kafka runs a Kafka broker inside the process, for a machine that has
// no other, and for tests.
package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"earshot"
)

// Config says where the broker keeps its data and listens.
type Config struct {
	// Dir holds the data; only one broker uses it at a time. Empty keeps all in
	// memory, which never shrinks: for tests only.
	Dir string `yaml:"dir"`
	// Port on 127.0.0.1; 0 takes any free one. A fixed port lets clients find
	// the broker again after a restart.
	Port int `yaml:"port"`
	// SyncWrites flushes every batch to the disk before it is acknowledged.
	// Without it acknowledged records survive kill -9 but not a power cut; with
	// it the slowest acknowledgements take about ten times as long.
	SyncWrites bool `yaml:"sync_writes"`
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    *os.File
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
	err     error
}

// retentionEvery is how often expired records are removed; kfake's own ticker
// does it once an hour.
const retentionEvery = time.Minute

// Start runs a broker until Close. What an earlier one left in Dir is read
// back first, which takes about 0.4 s for each GB.
func Start(c Config) (*Broker, error) { return start(c, retentionEvery) }

func start(c Config, every time.Duration) (*Broker, error) {
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	cluster, err := kfake.NewCluster(options(c)...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start embedded Kafka on port %d with data in %q: %w", c.Port, c.Dir, err), unlock(lock))
	}
	b := &Broker{
		cluster: cluster,
		addr:    cluster.ListenAddrs()[0],
		lock:    lock,
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go b.retain(every)
	return b, nil
}

func options(c Config) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("earshot"),
		// The consumers of the embedded broker are no members of their group, and
		// offsets of a group without members would expire after a week: a quiet
		// partition would then be read from its start again.
		kfake.BrokerConfigs(map[string]string{"offsets.retention.minutes": "2147483647"}),
	}
	if c.Port != 0 {
		opts = append(opts, kfake.Ports(c.Port))
	}
	if c.Dir != "" {
		opts = append(opts, kfake.DataDir(c.Dir))
	}
	if c.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// retain removes expired records until Close. Compacted topics need an endless
// retention.ms, or theirs go as well.
func (b *Broker) retain(every time.Duration) {
	defer close(b.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.cluster.ApplyRetention()
		}
	}
}

// Addr returns the broker's host:port.
func (b *Broker) Addr() string { return b.addr }

// Close writes what is in memory to Dir and stops. Calling it again does
// nothing and returns the same error.
func (b *Broker) Close() error {
	b.once.Do(func() {
		close(b.stop)
		<-b.done
		b.cluster.Close()
		b.err = unlock(b.lock)
	})
	return b.err
}

// lockDir makes dir and takes its lock, which the kernel drops when the process
// dies: two brokers would mix their records in the same files.
func lockDir(dir string) (*os.File, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder of embedded Kafka: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the lock of embedded Kafka: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return nil, &earshot.Error{Kind: earshot.Conflict, Fix: "stop that process, or give this one another data folder",
			Err: fmt.Errorf("cannot use %s, another process has locked it: %w", dir, err)}
	}
	return f, nil
}

func unlock(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}
