package srs

import "github.com/prometheus/client_golang/prometheus"

type stats struct {
	invites   *prometheus.CounterVec
	malformed prometheus.Counter
	unacked   prometheus.Counter
	foreign   prometheus.Counter
}

func newStats(r prometheus.Registerer) *stats {
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "earshot", Subsystem: "media", Name: name, Help: help})
	}
	s := &stats{
		invites: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "earshot", Subsystem: "media", Name: "invites_total", Help: "Answers to INVITE requests, by status code.",
		}, []string{"code"}),
		malformed: count("malformed_total", "SIP datagrams that could not be parsed or mended."),
		unacked:   count("unacked_total", "Calls whose answer was never confirmed."),
		foreign:   count("foreign_packets_total", "RTP packets that were dropped because they came from somebody else."),
	}
	if r != nil {
		r.MustRegister(s.invites, s.malformed, s.unacked, s.foreign)
	}
	return s
}
