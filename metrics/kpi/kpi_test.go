package kpi_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
	"earshot/metrics/kpi"
	"earshot/metrics/metricstest"
)

// history is four contacts that ended, of which three were evaluated, and one
// that goes on.
func history() []any {
	good, poor := metricstest.Contact{N: 0}, metricstest.Contact{N: 1, Failed: []earshot.CriterionID{"closing"}}
	fatal := metricstest.Contact{N: 2, Agent: "a2", Queue: "sales", Failed: []earshot.CriterionID{"recording"}, Fatal: true}
	unseen, open := metricstest.Contact{N: 3}, metricstest.Contact{N: 4, Channel: earshot.Chat}
	out := append(append(good.Records(), poor.Records()...), fatal.Records()...)
	out = append(append(out, unseen.Records()[:5]...), open.Records()[0])
	// A person overrules the machine on one of two criteria of one contact.
	human := poor.Evaluation(earshot.TrackHuman, time.Minute)
	human.Answers = human.Answers[1:]
	human.Answers[1].Verdict = earshot.Pass
	for i := range human.Answers {
		human.Answers[i].Reviews = []earshot.ReviewID{"r"}
	}
	final := poor.Evaluation(earshot.TrackFinal, time.Minute)
	final.Answers[2].Verdict, final.Score, final.Passed = earshot.Pass, 100, true
	appeal := earshot.Review{ID: "appeal", Interaction: fatal.ID(), Criterion: "recording", Action: earshot.Appeal, By: "a2", At: final.At}
	return append(out, human, final, appeal)
}

func value(t *testing.T, conn driver.Conn, sql string) float64 {
	t.Helper()
	var v *float64
	if err := conn.QueryRow(context.Background(), "SELECT toFloat64(value) FROM ("+sql+")").Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if v == nil {
		return math.NaN()
	}
	return *v
}

func TestTotal_IsWhatAPersonCounts(t *testing.T) {
	conn := metricstest.Open(t)
	metricstest.Store(t, conn, 0, history()...)
	want := map[string]float64{
		"interactions":        5,
		"aht":                 95,
		"silence":             3 * 4000.0 / (3 * 95_000),
		"qa_coverage":         3.0 / 4,
		"qa_score":            200.0 / 3,
		"pass_rate":           2.0 / 3,
		"fatal_rate":          1.0 / 3,
		"open_appeals":        1,
		"criterion_failures":  1,
		"criterion_fail_rate": 1.0 / 9,
		"agreement":           1.0 / 2,
	}
	for _, d := range kpi.Definitions() {
		w, ok := want[d.ID]
		if !ok {
			t.Errorf("%s: nobody counted it by hand", d.ID)
		}
		if got := value(t, conn, d.Total("1 = 1")); math.Abs(got-w) > 1e-9 {
			t.Errorf("%s: got %v, want %v", d.ID, got, w)
		}
	}
}

func TestTotal_OverNothingIsZeroOrUnknown(t *testing.T) {
	conn := metricstest.Open(t)
	for _, d := range kpi.Definitions() {
		got := value(t, conn, d.Total("1 = 1"))
		if d.Unit == kpi.Count && got != 0 || d.Unit != kpi.Count && !math.IsNaN(got) {
			t.Errorf("%s over nothing is %v", d.ID, got)
		}
	}
}

func TestBy_NamesAndOrdersGroups(t *testing.T) {
	conn := metricstest.Open(t)
	metricstest.Store(t, conn, 0, history()...)
	count, _ := kpi.Find("interactions")
	score, _ := kpi.Find("qa_score")
	failures, _ := kpi.Find("criterion_failures")
	tests := map[string]struct {
		sql  string
		want string
	}{
		"channel":   {kpi.By(kpi.Channel, "1 = 1", 10, count, score), "voice 4, chat 1"},
		"queue":     {kpi.By(kpi.Queue, "s.ended", 10, count), "billing 3, sales 1"},
		"region":    {kpi.By(kpi.Region, "1 = 1", 10, count), "north 4, ? 1"},
		"agent":     {kpi.By(kpi.Agent, "s.agent != ''", 10, count), "张伟 a1 3, 张伟 a2 1"},
		"criterion": {kpi.By(kpi.Criterion, "1 = 1", 1, failures), "Says that the call is recorded · 告知录音 1"},
	}
	for name, tt := range tests {
		var got string
		sql := "SELECT arrayStringConcat(groupArray(concat(columns.1, ' ', toString(columns.2))), ', ') FROM (SELECT tuple(*) AS columns FROM (" + tt.sql + "))"
		if err := conn.QueryRow(context.Background(), sql).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestDefinitions_AreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range kpi.Definitions() {
		if seen[d.ID] {
			t.Errorf("%s is defined twice", d.ID)
		}
		seen[d.ID] = true
		for field, v := range map[string]string{"name": d.Name, "name_zh": d.NameZH, "formula": d.Formula, "edges": d.Edges,
			"unit": string(d.Unit), "direction": string(d.Better), "from": string(d.From), "value": d.Value} {
			if strings.TrimSpace(v) == "" {
				t.Errorf("%s has no %s", d.ID, field)
			}
		}
	}
	if _, ok := kpi.Find("nothing"); ok {
		t.Error("an unknown id was found")
	}
}
