package query

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
)

// Store answers from one ClickHouse.
type Store struct{ conn driver.Conn }

// New returns a store that reads through conn.
func New(conn driver.Conn) *Store { return &Store{conn} }

// all reads every row of a query; one must scan the row that it is given.
func all[T any](ctx context.Context, s *Store, sql string, args []any, one func(driver.Rows) (T, error)) ([]T, error) {
	rows, err := s.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot query ClickHouse: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	var out []T
	for rows.Next() {
		v, err := one(rows)
		if err != nil {
			return nil, earshot.Errorf(earshot.Internal, "cannot query ClickHouse: %w", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot query ClickHouse: %w", err)
	}
	return out, nil
}

// named binds a value to a placeholder {name:Type}; values never become SQL.
func named(name string, value any) any { return clickhouse.Named(name, value) }

// fromJSON scans a single column that holds a record whole.
func fromJSON[T any](rows driver.Rows) (T, error) {
	var body string
	var v T
	if err := rows.Scan(&body); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(body), &v)
}

// known turns the tables' "not known" back into the zero time.
func known(t time.Time) time.Time {
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
