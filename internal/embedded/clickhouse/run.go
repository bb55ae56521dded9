package clickhouse

import (
	"context"
	"net/url"
	"time"

	"earshot/internal/embedded/clickhouse/chdb"
)

// run executes the request's statement and writes its result to res.
func (s *Server) run(ctx context.Context, q *request, res *response) (chdb.Stats, error) {
	if err := s.guard.checkRequest(q); err != nil {
		return chdb.Stats{}, err
	}
	conn, done, err := s.connection(q.values)
	if err != nil {
		return chdb.Stats{}, err
	}
	defer done()
	if err := admit(conn, q); err != nil {
		return chdb.Stats{}, err
	}
	tag := q.id + "/" + exceptionTag()
	if err := s.prepare(conn, q, tag); err != nil {
		return chdb.Stats{}, err
	}
	defer s.killWhenGone(ctx, tag)()
	switch {
	case q.inserts:
		return conn.Insert(q.sql, q.format, q.body)
	case q.streams:
		return conn.Stream(q.sql, q.resultFormat(), res)
	}
	out, stats, err := conn.Query(q.sql, q.resultFormat())
	if err != nil {
		return stats, err
	}
	_, err = res.Write(out)
	return stats, err
}

// admit lets one statement pass, and by GET only one that changes nothing.
func admit(conn *chdb.Conn, q *request) error {
	if q.inserts {
		if q.readOnly {
			return readOnlyError()
		}
		return nil
	}
	report, err := conn.Classify(q.sql)
	switch {
	case err != nil:
		return err
	case len(tokens(q.sql)) == 0:
		return raise(codeSyntax, "SYNTAX_ERROR", "Empty query")
	case report.Statements > 1:
		return raise(codeSyntax, "SYNTAX_ERROR", "Multi-statements are not allowed")
	case q.readOnly && report.Statements == 1 && report.Class != chdb.ReadOnly:
		return readOnlyError()
	}
	return nil
}

func readOnlyError() error {
	return raise(codeReadOnly, "READONLY", "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries")
}

// prepare applies the request's settings and parameters to the connection.
func (s *Server) prepare(conn *chdb.Conn, q *request, tag string) error {
	set, err := settingsStatement(q.values)
	if err != nil {
		return err
	}
	if set == "" {
		set = "SET "
	} else {
		set += ", "
	}
	set += "log_comment = " + quote(tag)
	if q.literalOnly {
		set += ", input_format_values_interpret_expressions = 0"
	}
	_, _, err = conn.Query(set, "Null")
	return err
}

// connection returns one for the request, and what gives it back.
func (s *Server) connection(values url.Values) (*chdb.Conn, func(), error) {
	open := func() (*chdb.Conn, error) { return s.open(values.Get("database")) }
	id := values.Get("session_id")
	if id == "" {
		conn, err := open()
		if err != nil {
			return nil, nil, err
		}
		return conn, conn.Close, nil
	}
	timeout, err := parseSessionTimeout(values.Get("session_timeout"))
	if err != nil {
		return nil, nil, err
	}
	s.sessions.expire(time.Now()) // or a client that asks often enough would keep an expired one
	one, err := s.sessions.take(id, timeout, flag(values, "session_check"), open)
	if err != nil {
		return nil, nil, err
	}
	return one.conn, func() { s.sessions.give(one, time.Now()) }, nil
}

// open connects and enters the database; none and "default" mean the configured
// one, since the engine's own default is a view of the file system.
func (s *Server) open(database string) (*chdb.Conn, error) {
	if database == "" || database == overlayDatabase {
		database = s.config.Database
	}
	conn, err := s.engine.Connect(s.config.sessionArgs()...)
	if err != nil {
		return nil, err
	}
	if _, _, err := conn.Query("USE "+quoteName(database), "Null"); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// killEvery is how often a query whose client has gone is killed again, since a
// KILL that comes before the query is registered finds nothing.
const killEvery = 100 * time.Millisecond

// killWhenGone kills the query with this log_comment when ctx ends. The returned
// function stops watching and waits for the watcher.
func (s *Server) killWhenGone(ctx context.Context, tag string) (stop func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		ticker := time.NewTicker(killEvery)
		defer ticker.Stop()
		for {
			s.kill(tag)
			select {
			case <-over:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

func (s *Server) kill(tag string) {
	conn, err := s.engine.Connect()
	if err != nil {
		s.config.Log.Warn("cannot kill a query whose client has gone", "error", err)
		return
	}
	defer conn.Close()
	if _, _, err := conn.Query("KILL QUERY WHERE Settings['log_comment'] = "+quote(tag)+" ASYNC", "Null"); err != nil {
		s.config.Log.Warn("cannot kill a query whose client has gone", "error", err)
	}
}
