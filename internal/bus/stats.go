package bus

import "github.com/prometheus/client_golang/prometheus"

// stats are the client's Prometheus series. They always count; Register shows
// them.
type stats struct {
	produced, consumed, dead, retries, batches, rebuilds *prometheus.CounterVec
}

func newStats() *stats {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "bus", Name: name, Help: help}, labels)
	}
	return &stats{
		produced: counter("produced_records_total", "Records that Kafka acknowledged or refused.", "topic", "outcome"),
		consumed: counter("consumed_records_total", "Records that came in, those of a replay again.", "group", "topic"),
		dead:     counter("dead_letters_total", "Records that could not be handled.", "group", "topic"),
		retries:  counter("retries_total", "Further tries of a record.", "group", "topic"),
		batches:  counter("batches_total", "Batches that were written and committed.", "group", "topic"),
		rebuilds: counter("reconnects_total", "Consumer connections that ended and were built anew.", "group"),
	}
}

// Register makes the client's series visible in reg.
func (c *Client) Register(reg prometheus.Registerer) error {
	s := c.stats
	for _, v := range []prometheus.Collector{s.produced, s.consumed, s.dead, s.retries, s.batches, s.rebuilds} {
		if err := reg.Register(v); err != nil {
			return err
		}
	}
	return nil
}

// countProduced notes the outcome of one record and hands err on.
func (s *stats) countProduced(topic string, err error) error {
	outcome := "acknowledged"
	if err != nil {
		outcome = "failed"
	}
	s.produced.WithLabelValues(topic, outcome).Inc()
	return err
}
