package clickhouse

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"earshot"
	"earshot/internal/embedded/clickhouse/chdb"
)

// Server is the running engine and its HTTP port.
type Server struct {
	config   Config
	engine   *chdb.Engine
	guard    *guard
	version  string
	timezone string
	sessions sessions
	slots    chan struct{}
	listener net.Listener
	http     *http.Server
	// cancel ends the contexts of all requests, which kills their queries.
	cancel context.CancelFunc
	work   sync.WaitGroup
	failed error
	close  sync.Once
}

// Start boots the engine on config.Dir and serves it on config.Listen. Errors:
// Invalid for a bad config, NotFound without libchdb, Unavailable on a processor
// that cannot run it or when another process holds the folder, Conflict when
// this process has or had an engine already. The context bounds the start only.
func Start(ctx context.Context, config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	lib, err := Find(config.Lib)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot make the ClickHouse data folder: %w", err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", config.Listen)
	if err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot listen for ClickHouse requests: %w", err)
	}
	s, err := boot(lib, config)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s.serveOn(listener)
	return s, nil
}

func boot(lib string, config Config) (*Server, error) {
	file, err := writeEngineConfig(config)
	if err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "%w", err)
	}
	engine, err := chdb.Boot(lib, config.Dir, config.engineArgs(file)...)
	if err != nil {
		return nil, bootError(err, config.Dir)
	}
	s := &Server{config: config, engine: engine, slots: make(chan struct{}, config.Queries)}
	s.sessions.byID = map[string]*session{}
	if err := s.setUp(); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return s, nil
}

// bootError gives the engine's failures their kind and their fix.
func bootError(err error, dir string) error {
	e := &earshot.Error{Kind: earshot.Internal, Err: err}
	switch {
	case errors.Is(err, chdb.ErrBooted):
		e.Kind, e.Fix = earshot.Conflict, "use the running one, or start another process"
	case errors.Is(err, chdb.ErrCPU):
		e.Kind, e.Fix = earshot.Unavailable, "use a ClickHouse server by clickhouse.addr"
	case errors.Is(err, chdb.ErrLocked):
		e.Kind, e.Fix = earshot.Unavailable, "stop the other process that uses "+dir+", or set another clickhouse.dir"
	}
	return e
}

// setUp makes the database and reads what the requests need to know.
func (s *Server) setUp() error {
	conn, err := s.engine.Connect(s.config.sessionArgs()...)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, _, err := conn.Query("CREATE DATABASE IF NOT EXISTS "+quoteName(s.config.Database), "Null"); err != nil {
		return earshot.Errorf(earshot.Internal, "cannot make the database %s: %w", s.config.Database, err)
	}
	facts, _, err := conn.Query("SELECT version(), timezone()", "TSV")
	if err != nil {
		return earshot.Errorf(earshot.Internal, "cannot read the engine's version: %w", err)
	}
	s.version, s.timezone, _ = strings.Cut(strings.TrimSpace(string(facts)), "\t")
	s.guard, err = newGuard(conn)
	return err
}

func (s *Server) serveOn(listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	s.listener, s.cancel = listener, cancel
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    4 << 20, // INSERT statements and settings come in the URL
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.work.Go(func() { s.sessions.sweep(ctx) })
	s.work.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.config.Log.Error("the ClickHouse port stopped", "error", err)
		}
	})
}

// Addr returns host:port of the HTTP interface.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Version returns the engine's version, such as "26.7.2.1".
func (s *Server) Version() string { return s.version }

// Close takes no more requests, lets running ones finish for DrainTimeout, kills
// the rest and stops the engine. Later calls return the first one's result.
func (s *Server) Close() error {
	s.close.Do(func() { s.failed = s.shutDown() })
	return s.failed
}

func (s *Server) shutDown() error {
	ctx, stop := context.WithTimeout(context.Background(), s.config.DrainTimeout)
	defer stop()
	drained := s.http.Shutdown(ctx)
	s.cancel()
	closed := s.http.Close() // whoever still sends a body
	s.work.Wait()
	// Killed queries end within moments; their handlers hold the slots.
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
	s.sessions.closeAll()
	if drained != nil {
		drained = earshot.Errorf(earshot.Internal, "cannot drain the ClickHouse requests in %s: %w", s.config.DrainTimeout, drained)
	}
	return errors.Join(drained, closed, s.engine.Close())
}
