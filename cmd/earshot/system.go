package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/embedded/clickhouse"
	"earshot/internal/embedded/kafka"
	"earshot/metrics"
	"earshot/metrics/query"
	"earshot/metrics/schema"
)

// system is a process with its engines and what all roles share. The engines
// start first and close last.
type system struct {
	cfg    Config
	log    *slog.Logger
	reg    *prometheus.Registry
	broker *kafka.Broker
	engine *clickhouse.Server
	bus    *bus.Client
	conn   driver.Conn
	store  *query.Store
}

// open starts the engines that the config leaves to us, connects, and brings
// the schema up to date. The caller closes the system, also after an error.
func open(ctx context.Context, cfg Config, log *slog.Logger) (*system, error) {
	s := &system{cfg: cfg, log: log, reg: prometheus.NewRegistry()}
	s.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return s, earshot.InvalidField("data", "name a folder that this user may write", "cannot make %s: %w", cfg.Data, err)
	}
	if err := s.cfg.secrets(); err != nil {
		return s, err
	}
	if err := s.openKafka(ctx); err != nil {
		return s, err
	}
	return s, s.openClickHouse(ctx)
}

func (s *system) openKafka(ctx context.Context) error {
	cfg := s.cfg.Kafka
	if len(cfg.Brokers) == 0 {
		broker, err := kafka.Start(s.cfg.Embedded.Kafka)
		if err != nil {
			return err
		}
		s.broker = broker
		cfg = cfg.Embedded(broker.Addr())
		s.log.Info("embedded Kafka is up", "addr", broker.Addr(), "dir", s.cfg.Embedded.Kafka.Dir)
	}
	var err error
	if s.bus, err = bus.Dial(ctx, cfg, s.log); err != nil {
		return err
	}
	return s.bus.Register(s.reg)
}

func (s *system) openClickHouse(ctx context.Context) error {
	cfg := s.cfg.ClickHouse
	if len(cfg.Addr) == 0 {
		own := s.cfg.Embedded.ClickHouse
		own.Log = s.log
		if err := s.clickHousePassword(&own); err != nil {
			return err
		}
		engine, err := clickhouse.Start(ctx, own)
		if err != nil {
			return err
		}
		s.engine = engine
		cfg.Addr, cfg.User, cfg.Password = []string{engine.Addr()}, own.User, own.Password
		s.log.Info("embedded ClickHouse is up", "addr", engine.Addr(), "dir", own.Dir)
	}
	if err := migrate(ctx, cfg, s.log); err != nil {
		return err
	}
	conn, err := metrics.Open(cfg)
	if err != nil {
		return err
	}
	s.conn, s.store = conn, query.New(conn)
	return nil
}

// clickHousePassword makes the embedded engine ask for one, unless this is the
// demo, where everything is open.
func (s *system) clickHousePassword(own *clickhouse.Config) error {
	if own.Password != "" || s.cfg.Web.Demo {
		return nil
	}
	var err error
	own.Password, err = readOrMake(filepath.Join(s.cfg.Data, "clickhouse.password"))
	return err
}

// migrate brings the schema up to date. A server that is still starting is
// waited for.
func migrate(ctx context.Context, cfg metrics.Config, log *slog.Logger) error {
	db, err := metrics.OpenDB(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		err := db.PingContext(ctx)
		if err == nil {
			break
		}
		log.Warn("ClickHouse does not answer; trying again", "addr", cfg.Addr, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return earshot.Errorf(earshot.Unavailable, "cannot reach ClickHouse at %v: %w", cfg.Addr, err)
		}
	}
	return schema.Up(ctx, db)
}

// close ends the connections, then the engines.
func (s *system) close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.bus != nil {
		s.bus.Close()
	}
	if s.engine != nil {
		errs = append(errs, s.engine.Close())
	}
	if s.broker != nil {
		errs = append(errs, s.broker.Close())
	}
	return errors.Join(errs...)
}

// role is a part of the system that runs until its context ends.
type role struct {
	name string
	run  func(context.Context) error
}

// run runs the configured roles and returns when all have ended. ready, which
// may be nil, is called with the address of the HTTP server when it listens.
func (s *system) run(ctx context.Context, ready func(addr string)) error {
	parts, err := s.roles()
	if err != nil {
		return err
	}
	servers, err := s.servers(ready)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range append(parts, servers...) {
		g.Go(func() error {
			if err := r.run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s ended: %w", r.name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// listen binds before anything is said about an address.
func listen(key, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, earshot.InvalidField(key, "name another address, or stop what uses this one", "cannot listen: %w", err)
	}
	return l, nil
}

// serve answers requests until ctx ends, and then finishes those under way
// within ten seconds.
func serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 16,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(bounded)
	<-done
	return err
}
