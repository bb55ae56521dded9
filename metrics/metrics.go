// Package metrics is Earshot's way to ClickHouse: how to reach it, and the
// counting of what an insert wrote.
package metrics

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
)

// Open returns connections to the ClickHouse of c, which must name one; it
// dials when the first query does.
func Open(c Config) (driver.Conn, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot open ClickHouse at %v: %w", c.Addr, err)
	}
	return conn, nil
}

// OpenDB is [Open] for database/sql, which the migrations need.
func OpenDB(c Config) (*sql.DB, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	return clickhouse.OpenDB(opts), nil
}

// options leaves the database out, since all SQL names its own: the schema's
// may not exist yet, and the embedded engine's default one is the file system.
func (c Config) options() (*clickhouse.Options, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(c.Addr) == 0 {
		return nil, earshot.InvalidField("clickhouse.addr", `write "host:port", or start the embedded engine`, "no server named")
	}
	password, err := c.password()
	if err != nil {
		return nil, err
	}
	tlsConf, err := c.tls()
	if err != nil {
		return nil, err
	}
	opts := &clickhouse.Options{
		Addr:         c.Addr,
		Auth:         clickhouse.Auth{Username: c.User, Password: password},
		TLS:          tlsConf,
		DialTimeout:  c.DialTimeout,
		ReadTimeout:  c.ReadTimeout,
		MaxOpenConns: c.Connections,
		MaxIdleConns: c.Connections,
		Compression:  &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		// Newer servers answer an insert before it is written, unless told not to.
		Settings: clickhouse.Settings{"async_insert": 0},
	}
	if c.Protocol == HTTP {
		opts.Protocol = clickhouse.HTTP
		opts.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) { return counting{t}, nil }
	}
	return opts, nil
}

// Written counts the rows that a server said it wrote.
type Written struct {
	rows atomic.Int64
	said atomic.Bool
}

// Rows returns the count and whether the server said one: it does over HTTP.
func (w *Written) Rows() (int64, bool) { return w.rows.Load(), w.said.Load() }

type writtenKey struct{}

// CountWritten returns a context under which w counts what inserts write. The
// client reports an insert as sent even when no row went over the wire, so that
// whoever must not lose rows has to ask the server.
func CountWritten(ctx context.Context, w *Written) context.Context {
	return context.WithValue(ctx, writtenKey{}, w)
}

// counting reads the summary that ClickHouse's HTTP interface puts in a header.
type counting struct{ http.RoundTripper }

// RoundTrip adds the answer's written rows to the request's count.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return res, err
	}
	w, ok := r.Context().Value(writtenKey{}).(*Written)
	if !ok {
		return res, nil
	}
	var summary struct {
		Rows int64 `json:"written_rows,string"`
	}
	if json.Unmarshal([]byte(res.Header.Get("X-ClickHouse-Summary")), &summary) == nil {
		w.rows.Add(summary.Rows)
		w.said.Store(true)
	}
	return res, nil
}
