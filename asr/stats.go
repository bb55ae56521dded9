package asr

import "github.com/prometheus/client_golang/prometheus"

// stats are the role's series.
type stats struct {
	open        prometheus.Gauge
	audio       prometheus.Counter
	blocked     prometheus.Counter
	headless    prometheus.Counter
	skipped     prometheus.Counter
	transcripts prometheus.Counter
	utterances  *prometheus.CounterVec
}

func newStats(reg prometheus.Registerer) *stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "asr", Name: name, Help: help})
	}
	s := &stats{
		open: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "earshot", Subsystem: "asr", Name: "calls_open",
			Help: "Calls that are being transcribed."}),
		audio:       counter("audio_seconds_total", "Audio fed to the engines, all legs together."),
		blocked:     counter("blocked_seconds_total", "Time that partitions waited because a call's queue was full."),
		headless:    counter("headless_records_total", "Audio records passed over because their call's beginning was not seen."),
		skipped:     counter("calls_skipped_total", "Calls of which a part could not be transcribed: no engine, unknown codec."),
		transcripts: counter("transcripts_total", "Transcripts that were written to their end."),
		utterances: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "asr", Name: "utterances_total",
			Help: "Utterances written, by the speaker's role."}, []string{"role"}),
	}
	reg.MustRegister(s.open, s.audio, s.blocked, s.headless, s.skipped, s.transcripts, s.utterances)
	return s
}
