package query_test

import (
	"context"
	"strings"
	"testing"

	"earshot/metrics/metricstest"
)

// One interaction's page must not cost more the more interactions there are: a
// condition on the interaction has to reach the primary key through each view.
func TestViews_OneInteractionIsReadByThePrimaryKey(t *testing.T) {
	conn := metricstest.Open(t)
	metricstest.Store(t, conn, 0, metricstest.Contact{}.Records()...)
	metricstest.Store(t, conn, 100, review(metricstest.Contact{}, "appeal", 1))
	for view, column := range map[string]string{
		"interactions": "id", "utterances_current": "interaction", "events_current": "interaction", "evaluations_current": "interaction",
		"reviews_current": "interaction", "review_state": "interaction", "interaction_scores": "id",
	} {
		var plan string
		sql := "SELECT arrayStringConcat(groupArray(explain), '\n') FROM (EXPLAIN indexes = 1 SELECT * FROM earshot." + view + " WHERE " + column + " = 'x')"
		if err := conn.QueryRow(context.Background(), sql).Scan(&plan); err != nil {
			t.Fatal(err)
		}
		reads, byKey := strings.Count(plan, "ReadFromMergeTree"), strings.Count(plan, "(interaction in ['x', 'x'])")
		if reads == 0 || byKey < reads {
			t.Errorf("%s: %d of %d reads go by the key:\n%s", view, byKey, reads, plan)
		}
	}
}
