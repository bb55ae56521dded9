package mirror

import "github.com/prometheus/client_golang/prometheus"

type stats struct {
	calls   prometheus.Gauge
	bundles prometheus.Counter
	packets prometheus.Counter
	spooled prometheus.Counter
	dropped prometheus.Counter
}

func newStats(r prometheus.Registerer) *stats {
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "media", Name: name, Help: help})
	}
	s := &stats{
		calls: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "earshot", Subsystem: "media", Name: "open_calls", Help: "Calls that are being mirrored now.",
		}),
		bundles: count("bundles_total", "Audio records made."),
		packets: count("rtp_packets_total", "RTP packets that went into audio records."),
		spooled: count("spooled_total", "Records that went to the spool because Kafka did not keep up."),
		dropped: count("dropped_total", "Records that were lost: the spool was full, or Kafka refused them for good."),
	}
	if r != nil {
		r.MustRegister(s.calls, s.bundles, s.packets, s.spooled, s.dropped)
	}
	return s
}
