package qa

import "github.com/prometheus/client_golang/prometheus"

// stats are the role's own series.
type stats struct {
	open                                           prometheus.Gauge
	utterances, duplicates, late, over, incomplete prometheus.Counter
	idle, unmatched, alerts                        prometheus.Counter
	evaluations, reviews                           *prometheus.CounterVec
	seconds                                        prometheus.Histogram
}

func newStats(reg prometheus.Registerer) *stats {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "earshot_qa_" + name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "earshot_qa_" + name, Help: help}, []string{label})
	}
	s := &stats{
		open:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "earshot_qa_open_interactions", Help: "Interactions that have not ended."}),
		utterances:  counter("utterances_total", "Utterances taken."),
		duplicates:  counter("duplicates_total", "Records that came again and were left out."),
		late:        counter("late_utterances_total", "Utterances of a call that came after its end and were left out."),
		over:        counter("over_limit_utterances_total", "Utterances left out because the interaction has more than qa.max_utterances."),
		incomplete:  counter("incomplete_transcripts_total", "Transcripts that ended with fewer utterances than their end says."),
		idle:        counter("idle_ends_total", "Interactions scored because nothing came for qa.idle_end."),
		unmatched:   counter("unmatched_interactions_total", "Interactions that no scorecard fits."),
		evaluations: vec("evaluations_total", "Interactions scored.", "scorecard"),
		alerts:      counter("alerts_total", "Alerts fired."),
		reviews:     vec("reviews_total", "Reviews laid over an evaluation.", "action"),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "earshot_qa_score_seconds",
			Help: "Time to score one interaction by rules.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8)}),
	}
	reg.MustRegister(s.open, s.utterances, s.duplicates, s.late, s.over, s.incomplete, s.idle, s.unmatched,
		s.evaluations, s.alerts, s.reviews, s.seconds)
	return s
}
