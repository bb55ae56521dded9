package sink_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/internal/bus"
	"earshot/metrics/metricstest"
	"earshot/metrics/sink"
)

// raw are the tables as they stand, without what their views make of them, and
// the rows that one contact of metricstest becomes in each.
func raw() map[string]int {
	return map[string]int{
		"interaction_facts": 6, "utterances": 2, "events": 2, "evaluations": 2, "criteria_results": 6, "reviews": 1, "alerts": 1,
	}
}

func contact(n int) []any {
	c := metricstest.Contact{N: n}
	at := c.Evaluation(earshot.TrackFinal, 0).At
	return append(c.Records(),
		earshot.Alert{ID: earshot.AlertID(earshot.Derive("alert", string(c.ID()))), Interaction: c.ID(), Rule: "r", Severity: "info", At: at},
		earshot.Review{ID: earshot.ReviewID(earshot.Derive("review", string(c.ID()))), Interaction: c.ID(), Action: earshot.Confirm, By: "li", At: at})
}

func TestTables_AreWrittenAsTheSchemaHasThem(t *testing.T) {
	conn := metricstest.Open(t)
	for name, want := range sink.Columns() {
		rows, err := conn.Query(context.Background(), "SELECT name, type FROM system.columns WHERE database || '.' || table = {t:String}", clickhouseNamed("t", name))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for rows.Next() {
			var column, kind string
			if err := rows.Scan(&column, &kind); err != nil {
				t.Fatal(err)
			}
			got[column] = kind
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the sink writes %v", name, got, want)
		}
	}
}

func TestWrite_SameBatchTwiceStoresOnce(t *testing.T) {
	conn := metricstest.Open(t)
	stopMerges(t, conn)
	s := metricstest.Sink(t, conn)
	batches := metricstest.Batches(t, 0, append(contact(1), contact(2)...)...)
	for range 3 {
		writeAll(t, s, batches)
	}
	for name, n := range raw() {
		if got := metricstest.Count(t, conn, name); got != 2*n {
			t.Errorf("%s has %d rows, want %d", name, got, 2*n)
		}
	}
	if got := metricstest.Count(t, conn, "interactions"); got != 2 {
		t.Errorf("%d interactions, want 2", got)
	}
}

// The control of the test above: were the tokens without effect, it would see it.
func TestWrite_WithoutTokensDoubles(t *testing.T) {
	conn := metricstest.Open(t)
	stopMerges(t, conn)
	s := metricstest.Sink(t, conn)
	s.WithoutTokens()
	batches := metricstest.Batches(t, 0, contact(1)...)
	for range 2 {
		writeAll(t, s, batches)
	}
	for name, n := range raw() {
		if got := metricstest.Count(t, conn, name); got != 2*n {
			t.Errorf("%s has %d rows, the control wants %d", name, got, 2*n)
		}
	}
	for _, view := range []string{"interactions", "review_state", "alerts_current"} {
		if got := metricstest.Count(t, conn, view); got != 1 {
			t.Errorf("%s has %d rows although it gives each thing once", view, got)
		}
	}
}

func TestWrite_UnreadableRecordsBecomeDeadLettersAndTheRestIsStored(t *testing.T) {
	conn := metricstest.Open(t)
	s := metricstest.Sink(t, conn)
	dead := map[int64]error{}
	s.DeadTo(func(_ context.Context, r *bus.Record, err error) error {
		dead[r.Offset] = err
		return nil
	})
	b := metricstest.Batches(t, 0, utterances(6)...)[0]
	b.Records[1].Value = []byte(`{"id":`)
	b.Records[3].Type = "earshot.unheard"
	b.Records[4].Value = []byte(`{"id":"u","interaction":"i"}`)
	if err := s.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	if got := metricstest.Count(t, conn, "utterances"); got != 3 {
		t.Errorf("%d utterances stored, want 3", got)
	}
	if len(dead) != 3 || dead[1] == nil || dead[3] == nil || dead[4] == nil {
		t.Fatalf("dead letters %v, want those of offsets 1, 3 and 4", dead)
	}
	for offset, err := range dead {
		if earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("offset %d: kind %v, want invalid: %v", offset, earshot.KindOf(err), err)
		}
	}
}

func TestWrite_RecordThatClickHouseRefusesIsIsolated(t *testing.T) {
	conn := metricstest.Open(t)
	stopMerges(t, conn)
	exec(t, conn, "ALTER TABLE earshot.utterances ADD CONSTRAINT polite CHECK text NOT LIKE '%poison%'")
	t.Cleanup(func() { exec(t, conn, "ALTER TABLE earshot.utterances DROP CONSTRAINT polite") })
	values := utterances(9)
	for _, i := range []int{2, 7} {
		u := values[i].(earshot.Utterance)
		u.Text = "poison"
		values[i] = u
	}
	s := metricstest.Sink(t, conn)
	var dead []int64
	s.DeadTo(func(_ context.Context, r *bus.Record, err error) error {
		if earshot.KindOf(err) != earshot.Invalid {
			t.Errorf("kind %v, want invalid: %v", earshot.KindOf(err), err)
		}
		dead = append(dead, r.Offset)
		return nil
	})
	b := metricstest.Batches(t, 40, values...)
	for range 2 {
		writeAll(t, s, b)
	}
	if len(dead) != 4 || dead[0] != 42 || dead[1] != 47 {
		t.Errorf("dead letters of offsets %v, want 42 and 47, twice", dead)
	}
	if got := metricstest.Count(t, conn, "utterances"); got != 7 {
		t.Errorf("%d utterances stored, want the other 7, once", got)
	}
}

func TestWrite_MissingTableHoldsTheBatch(t *testing.T) {
	conn := metricstest.Open(t)
	exec(t, conn, "RENAME TABLE earshot.utterances TO earshot.utterances_away")
	s := metricstest.Sink(t, conn)
	s.DeadTo(func(context.Context, *bus.Record, error) error {
		t.Error("a record became a dead letter although the table is at fault")
		return nil
	})
	b := metricstest.Batches(t, 0, utterances(3)...)[0]
	err := s.Write(context.Background(), b)
	exec(t, conn, "RENAME TABLE earshot.utterances_away TO earshot.utterances")
	if earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("got %v, want an error of kind unavailable", err)
	}
	if err := s.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	if got := metricstest.Count(t, conn, "utterances"); got != 3 {
		t.Fatalf("%d utterances stored, want 3", got)
	}
}

func TestWrite_RowsThatTheServerDoesNotReportMustBeThere(t *testing.T) {
	conn := metricstest.Open(t)
	s := metricstest.Sink(t, conn)
	b := metricstest.Batches(t, 0, utterances(3)...)[0]
	if err := s.Confirm(context.Background(), b, 0); earshot.KindOf(err) != earshot.Unavailable {
		t.Errorf("nothing stored: got %v, want an error of kind unavailable", err)
	}
	writeAll(t, s, []bus.Batch{b})
	if err := s.Confirm(context.Background(), b, 0); err != nil {
		t.Errorf("stored before: %v", err)
	}
}

func TestNew_BadConfigNamesTheKey(t *testing.T) {
	tests := map[string]sink.Config{
		"sink.group":          {InsertTimeout: time.Second},
		"sink.insert_timeout": {Group: "g", InsertTimeout: time.Hour},
	}
	for key, cfg := range tests {
		_, err := sink.New(cfg, nil, nil, nil, prometheus.NewRegistry())
		var e *earshot.Error
		if !errors.As(err, &e) || e.Field != key || e.Fix == "" {
			t.Errorf("%s: got %v", key, err)
		}
	}
}

// A crash can leave the facts written and what follows from them not; the
// repetition of the batch must mend it although the facts are known already.
func TestWrite_RepetitionMendsWhatACrashLeftHalf(t *testing.T) {
	conn := metricstest.Open(t)
	s := metricstest.Sink(t, conn)
	batches := metricstest.Batches(t, 0, contact(1)...)
	var view string
	if err := conn.QueryRow(context.Background(), "SELECT create_table_query FROM system.tables WHERE database = 'earshot' AND name = 'interaction_state_mv'").Scan(&view); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "DROP VIEW earshot.interaction_state_mv")
	writeAll(t, s, batches)
	exec(t, conn, view)
	if got := metricstest.Count(t, conn, "interactions"); got != 0 {
		t.Fatalf("%d interactions although the view was away", got)
	}
	writeAll(t, s, batches)
	if got := metricstest.Count(t, conn, "interactions"); got != 1 {
		t.Errorf("%d interactions, want 1", got)
	}
	if got := metricstest.Count(t, conn, "interaction_facts"); got != raw()["interaction_facts"] {
		t.Errorf("%d facts, want %d", got, raw()["interaction_facts"])
	}
}
