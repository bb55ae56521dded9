package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"earshot"
	"earshot/asr"
	"earshot/asr/pocketsphinx"
	"earshot/dashboards/web"
	"earshot/ingest"
	"earshot/internal/bus"
	"earshot/media"
	"earshot/media/record"
	"earshot/metrics/sink"
	"earshot/qa"
)

// runner is what every role is.
type runner interface{ Run(context.Context) error }

// roles builds the configured roles, in the order in which they start.
func (s *system) roles() ([]role, error) {
	builders := map[string]func() (runner, error){
		"sink":     func() (runner, error) { return sink.New(s.cfg.Sink, s.bus, s.conn, s.log, s.reg) },
		"recorder": func() (runner, error) { return record.New(s.cfg.Recordings, s.bus, s.log, s.reg) },
		"asr":      s.asrRole,
		"qa":       func() (runner, error) { return qa.New(s.cfg.QA, s.bus, s.store, s.log, s.reg) },
		"media":    func() (runner, error) { return media.New(s.cfg.Media, s.bus, s.log, s.reg) },
	}
	var out []role
	for _, name := range roles() {
		build, ok := builders[name]
		if !ok || !slices.Contains(s.cfg.Roles, name) {
			continue
		}
		r, err := build()
		if err != nil {
			return nil, fmt.Errorf("cannot start %s: %w", name, err)
		}
		out = append(out, role{name, r.Run})
	}
	return out, nil
}

func (s *system) asrRole() (runner, error) {
	engine, err := pocketsphinx.New(s.cfg.PocketSphinx)
	if err != nil {
		return nil, err
	}
	segmented, err := asr.Segmented(engine, s.cfg.ASR, s.log)
	if err != nil {
		return nil, err
	}
	return asr.New(s.cfg.ASR, s.bus, []asr.Engine{segmented}, s.log, s.reg)
}

// servers binds the addresses and builds what is served there.
func (s *system) servers(ready func(addr string)) ([]role, error) {
	ops, err := listen("http.ops_listen", s.cfg.HTTP.OpsListen)
	if err != nil {
		return nil, err
	}
	out := []role{{"health", func(ctx context.Context) error { return serve(ctx, ops, s.opsHandler(), s.log) }}}
	handler, err := s.handler()
	if err != nil || handler == nil {
		return out, err
	}
	front, err := listen("http.listen", s.cfg.HTTP.Listen)
	if err != nil {
		return nil, err
	}
	return append(out, role{"http", func(ctx context.Context) error {
		if ready != nil {
			ready(front.Addr().String())
		}
		return serve(ctx, front, handler, s.log)
	}}), nil
}

// handler answers the API and the workbench; nil when neither role is on.
func (s *system) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	on := false
	if slices.Contains(s.cfg.Roles, "ingest") {
		api, err := ingest.New(s.cfg.Ingest, s.bus, s.log)
		if err != nil {
			return nil, err
		}
		mux.Handle("/v1/", api.Handler())
		on = true
	}
	if slices.Contains(s.cfg.Roles, "web") {
		store, err := record.NewStore(s.cfg.Recordings.Dir)
		if err != nil {
			return nil, err
		}
		pages, err := web.New(s.cfg.Web, web.Deps{Store: s.store, Recordings: recordings{store}, Reviews: reviewTopic{s.bus}, Log: s.log})
		if err != nil {
			return nil, err
		}
		mux.Handle("/", pages.Handler())
		on = true
	}
	if !on {
		return nil, nil
	}
	return mux, nil
}

// recordings gives the workbench's player what the recorder keeps.
type recordings struct{ *record.Store }

// Peaks returns the outline in the player's form: pairs of the lowest and the
// highest value, one pair every rate_ms.
func (r recordings) Peaks(id earshot.InteractionID) (io.ReadCloser, error) {
	peaks, err := r.Store.Peaks(id)
	if err != nil {
		return nil, err
	}
	out := struct {
		RateMS   int      `json:"rate_ms"`
		Channels [][]int8 `json:"channels"`
	}{RateMS: peaks.MS}
	for _, c := range peaks.Channels {
		pairs := make([]int8, 0, 2*len(c.Min))
		for k := range c.Min {
			pairs = append(pairs, c.Min[k], c.Max[k])
		}
		out.Channels = append(out.Channels, pairs)
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("cannot write peaks: %w", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// reviewTopic writes what people decide in the workbench.
type reviewTopic struct{ bus *bus.Client }

// Produce returns when the review is durable. Its record key is its own, so
// that compaction keeps every review.
func (t reviewTopic) Produce(ctx context.Context, r earshot.Review) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("cannot write review: %w", err)
	}
	return t.bus.Produce(ctx, bus.Message{
		Topic: earshot.TopicReviews, Interaction: r.Interaction, Key: string(r.Interaction) + "/" + string(r.ID),
		Type: earshot.TypeReview, ID: string(r.ID), Source: "web", Time: r.At, Value: value,
	})
}

// opsHandler tells machines how the process is.
func (s *system) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{Registry: s.reg}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := s.conn.Ping(ctx); err != nil {
			http.Error(w, "ClickHouse does not answer: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		if err := s.bus.Ping(ctx); err != nil {
			http.Error(w, "Kafka does not answer: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	return mux
}
