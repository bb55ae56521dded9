package sink

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"

	"earshot/internal/bus"
)

// WithoutTokens makes the sink give each insert a token of its own. None at all
// would be another thing: the engine then knows a block by its contents.
func (s *Service) WithoutTokens() {
	var n atomic.Int64
	s.token = func(t string) string { return fmt.Sprint(t, "#", n.Add(1)) }
}

// DeadTo sends what can never be stored to f.
func (s *Service) DeadTo(f func(context.Context, *bus.Record, error) error) { s.dead = f }

// Columns returns the names and types of the columns that the sink writes, by table.
func Columns() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, t := range newTables().all() {
		out[t.name] = map[string]string{}
		for _, c := range t.columns {
			out[t.name][c.Name] = c.Type
		}
	}
	return out
}

// Row is one row as the sink would write it.
type Row struct {
	Insert  string
	Columns []clickhouse.ColumnNameAndType
	Values  []any
}

// Rows returns what a record becomes.
func Rows(r *bus.Record) ([]Row, error) {
	rows, err := newTables().decode(r)
	var out []Row
	for _, one := range rows {
		out = append(out, Row{one.table.insert, one.table.columns, one.values})
	}
	return out, err
}

// Confirm looks for the utterances of a batch, of which the server reported
// written ones.
func (s *Service) Confirm(ctx context.Context, b bus.Batch, written int64) error {
	blocks, _ := s.decode(b)
	return s.confirm(ctx, s.tables.utterances, blocks[s.tables.utterances], written)
}
