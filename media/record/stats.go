package record

import "github.com/prometheus/client_golang/prometheus"

type stats struct {
	open                               prometheus.Gauge
	recordings, bytes, seconds, failed prometheus.Counter
	replayed, unended, expired         prometheus.Counter
}

func newStats(reg prometheus.Registerer) *stats {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "recorder", Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	s := &stats{
		open:       prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "earshot", Subsystem: "recorder", Name: "open_calls", Help: "Calls that are being recorded."}),
		recordings: counter("recordings_total", "Recordings that were written."),
		bytes:      counter("bytes_total", "Bytes of the recordings that were written."),
		seconds:    counter("seconds_total", "Length of the recordings that were written."),
		failed:     counter("failures_total", "Recordings that could not be written and are tried again."),
		replayed:   counter("replayed_records_total", "Records that were read again after their call had been recorded."),
		unended:    counter("unended_calls_total", "Calls that were recorded though their end never came."),
		expired:    counter("expired_total", "Recordings that were deleted for their age."),
	}
	reg.MustRegister(s.open)
	return s
}
