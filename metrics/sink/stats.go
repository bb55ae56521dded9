package sink

import "github.com/prometheus/client_golang/prometheus"

type stats struct {
	batches *prometheus.CounterVec
	rows    *prometheus.CounterVec
	refused *prometheus.CounterVec
	failed  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newStats(reg prometheus.Registerer) *stats {
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "sink", Name: name, Help: help}, []string{label})
	}
	s := &stats{
		batches: counter("batches_total", "Batches of records written whole.", "topic"),
		rows:    counter("rows_total", "Rows that ClickHouse acknowledged, repetitions included.", "table"),
		refused: counter("refused_total", "Records that can never be stored and became dead letters.", "topic"),
		failed:  counter("failed_inserts_total", "Inserts that failed and were tried again or divided.", "table"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "earshot", Subsystem: "sink", Name: "insert_seconds", Help: "Time of one insert.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}, []string{"table"}),
	}
	reg.MustRegister(s.batches, s.rows, s.refused, s.failed, s.seconds)
	return s
}
