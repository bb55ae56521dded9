package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"earshot"
	"earshot/metrics"
)

// store writes the entries as one block under token. If ClickHouse refuses the
// data, the block is halved until the records that it refuses stand alone; each
// part's token names its records, so that a repetition divides the same way and
// stores nothing twice.
func (s *Service) store(ctx context.Context, t *table, token string, entries []entry) ([]refusal, error) {
	err := s.insert(ctx, t, token, entries)
	if err == nil {
		return nil, nil
	}
	s.stats.failed.WithLabelValues(t.name).Inc()
	if !isDataError(err) {
		return nil, s.explain(t, err)
	}
	if len(entries) == 1 {
		return []refusal{{entries[0].record, earshot.Errorf(earshot.Invalid, "%s refuses the record: %w", t.name, err)}}, nil
	}
	var refused []refusal
	half := len(entries) / 2
	for _, part := range [][]entry{entries[:half], entries[half:]} {
		more, err := s.store(ctx, t, partToken(token, part), part)
		if err != nil {
			return nil, err
		}
		refused = append(refused, more...)
	}
	return refused, nil
}

func partToken(token string, part []entry) string {
	return fmt.Sprintf("%s/%d-%d", token, part[0].record.Offset, part[len(part)-1].record.Offset)
}

// insert sends one block. Rows go in by row: the client stores nothing and says
// nothing when columns that were filled one by one differ in length.
func (s *Service) insert(ctx context.Context, t *table, token string, entries []entry) error {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.InsertTimeout)
	defer cancel()
	var written metrics.Written
	ctx = clickhouse.Context(metrics.CountWritten(ctx, &written),
		clickhouse.WithSettings(settings(s.token(token))), clickhouse.WithColumnNamesAndTypes(t.columns))
	batch, err := s.conn.PrepareBatch(ctx, t.insert)
	if err != nil {
		return err
	}
	defer batch.Close() //nolint:errcheck // only an unsent batch has anything to close
	rows := 0
	for _, e := range entries {
		for _, row := range e.rows {
			if err := batch.Append(row.values...); err != nil {
				return fmt.Errorf("%w: %w", clickhouse.ErrBatchInvalid, err)
			}
			rows++
		}
	}
	if err := batch.Send(); err != nil {
		return err
	}
	if n, said := written.Rows(); said && n < int64(rows) {
		if err := s.confirm(ctx, t, entries, n); err != nil {
			return err
		}
	}
	s.stats.rows.WithLabelValues(t.name).Add(float64(rows))
	s.stats.seconds.WithLabelValues(t.name).Observe(time.Since(start).Seconds())
	return nil
}

// settings make an insert wait until it is written, whole, once. The limit on
// partitions is off, since an import may bring years in one block.
func settings(token string) clickhouse.Settings {
	return clickhouse.Settings{
		"async_insert":                                       0,
		"insert_deduplicate":                                 1,
		"insert_deduplication_token":                         token,
		"max_partitions_per_insert_block":                    0,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
	}
}

// confirm looks for the rows when the server reports fewer than were sent: it
// may have known the token, or have got nothing.
func (s *Service) confirm(ctx context.Context, t *table, entries []entry, written int64) error {
	first, last := entries[0].record, entries[len(entries)-1].record
	var n uint64
	err := s.conn.QueryRow(ctx, "SELECT count() FROM "+t.name+
		" WHERE topic = {topic:String} AND partition = {partition:Int32} AND offset BETWEEN {first:Int64} AND {last:Int64}",
		clickhouse.Named("topic", first.Topic), clickhouse.Named("partition", first.Partition),
		clickhouse.Named("first", first.Offset), clickhouse.Named("last", last.Offset)).Scan(&n)
	if err != nil {
		return err
	}
	if n == 0 {
		return earshot.Errorf(earshot.Unavailable, "ClickHouse reports %d rows written and has none of offsets %d to %d", written, first.Offset, last.Offset)
	}
	return nil
}

// ClickHouse's error codes (src/Common/ErrorCodes.cpp) that say that the data
// itself is at fault, and those that say that the tables are.
func isDataError(err error) bool {
	if errors.Is(err, clickhouse.ErrBatchInvalid) {
		return true
	}
	switch code(err) {
	case 6, 27, 38, 41, 53, 69, 72, 117, 131, 321, 349, 469:
		// CANNOT_PARSE_TEXT, _INPUT_ASSERTION_FAILED, _DATE, _DATETIME, TYPE_MISMATCH,
		// ARGUMENT_OUT_OF_BOUND, CANNOT_PARSE_NUMBER, INCORRECT_DATA,
		// TOO_LARGE_STRING_SIZE, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
		// CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, VIOLATED_CONSTRAINT
		return true
	}
	return false
}

func isSchemaError(err error) bool {
	switch code(err) {
	case 16, 47, 60, 81: // NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER, _TABLE, _DATABASE
		return true
	}
	return false
}

func code(err error) int32 {
	var e *clickhouse.Exception
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// explain makes an error that the same batch is retried after.
func (s *Service) explain(t *table, err error) error {
	if isSchemaError(err) {
		return &earshot.Error{Kind: earshot.Unavailable, Fix: "bring the schema up to date", Err: fmt.Errorf("cannot write %s: %w", t.name, err)}
	}
	return earshot.Errorf(earshot.Unavailable, "cannot write %s: %w", t.name, err)
}
