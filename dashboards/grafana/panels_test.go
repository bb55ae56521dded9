package grafana_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"earshot"
	"earshot/metrics/metricstest"
)

// selection is what a viewer has chosen; an empty variable is All.
type selection struct {
	from, to       time.Time
	channel, queue []string
	interval       string
}

var (
	timeFilter = regexp.MustCompile(`\$__timeFilter\(([^)]+)\)`)
	allMacro   = regexp.MustCompile(`\$__conditionalAll\((.+?\$\{\w+:singlequote\}\)), \$(\w+)\)`)
	leftover   = regexp.MustCompile(`\$\{|\$__|\$[a-z]`)
)

// expand does what the data source does with its macros and Grafana with its
// variables (grafana/clickhouse-datasource 4.20: pkg/macros, applyConditionalAll).
func expand(sql string, s selection) string {
	sql = timeFilter.ReplaceAllString(sql, fmt.Sprintf("$1 >= toDateTime(%d) AND $1 <= toDateTime(%d)", s.from.Unix(), s.to.Unix()))
	sql = allMacro.ReplaceAllStringFunc(sql, func(macro string) string {
		m := allMacro.FindStringSubmatch(macro)
		values := map[string][]string{"channel": s.channel, "queue": s.queue}[m[2]]
		if len(values) == 0 {
			return "1=1"
		}
		return strings.ReplaceAll(m[1], "${"+m[2]+":singlequote}", "'"+strings.Join(values, "','")+"'")
	})
	return strings.ReplaceAll(sql, "${interval:raw}", s.interval)
}

// columns runs the SQL and returns the names and types of its columns and how
// many rows it has.
func columns(t *testing.T, conn driver.Conn, sql string) (names, types []string, n int) {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	for rows.Next() {
		n++
	}
	for _, c := range rows.ColumnTypes() {
		names, types = append(names, c.Name()), append(types, c.DatabaseTypeName())
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	return names, types, n
}

func centre(t *testing.T) (driver.Conn, selection) {
	t.Helper()
	conn := metricstest.Open(t)
	var values []any
	for n := range 6 {
		c := metricstest.Contact{N: 30 * n, Failed: []earshot.CriterionID{"recording"}, Fatal: n == 2, Agent: earshot.AgentID(fmt.Sprint("a", n%2))}
		if n%3 == 0 {
			c.Channel, c.Queue = earshot.Chat, "o'brien"
		}
		human := c.Evaluation(earshot.TrackHuman, time.Minute)
		human.Answers[0].Reviews = []earshot.ReviewID{"r"}
		values = append(append(values, c.Records()...), human)
	}
	metricstest.Store(t, conn, 0, values...)
	at := metricstest.Contact{}.Interaction().StartedAt
	return conn, selection{from: at.Add(-time.Hour), to: at.Add(5 * time.Hour), interval: "1 HOUR"}
}

func TestPanels_RunAndGiveWhatTheyNeed(t *testing.T) {
	conn, all := centre(t)
	narrow := all
	narrow.channel, narrow.queue, narrow.interval = []string{"voice", "chat"}, []string{"billing"}, "1 WEEK"
	for _, p := range panels(t) {
		for name, s := range map[string]selection{"all": all, "narrow": narrow} {
			t.Run(p.Title+"/"+name, func(t *testing.T) {
				if len(p.Targets) != 1 {
					t.Fatalf("%d targets", len(p.Targets))
				}
				sql := expand(p.Targets[0].RawSQL, s)
				if rest := leftover.FindString(sql); rest != "" {
					t.Fatalf("%q is left over in %s", rest, sql)
				}
				names, types, n := columns(t, conn, sql)
				if n == 0 {
					t.Fatalf("no rows from %s", sql)
				}
				fits(t, p, names, types, n)
			})
		}
	}
}

// fits checks a result against what the panel's type draws.
func fits(t *testing.T, p panel, names, types []string, n int) {
	t.Helper()
	isNumber := func(kind string) bool {
		return regexp.MustCompile(`^(Nullable\()?(U?Int|Float)\d+`).MatchString(kind)
	}
	switch p.Type {
	case "stat":
		if n != 1 || len(types) != 1 || !isNumber(types[0]) {
			t.Errorf("a stat needs one number; got %d rows of %v", n, types)
		}
	case "timeseries":
		if names[0] != "time" || !strings.HasPrefix(types[0], "DateTime") || p.Targets[0].QueryType != "timeseries" {
			t.Errorf("a time series needs a time first; got %v %v", names, types)
		}
		for i, kind := range types[1:] {
			if !isNumber(kind) {
				t.Errorf("%s is %s, no number", names[i+1], kind)
			}
		}
	case "barchart":
		if len(types) != 2 || names[0] != "name" || types[0] != "String" || !isNumber(types[1]) {
			t.Errorf("bars need a name and a number; got %v %v", names, types)
		}
	case "table":
		if len(names) < 3 {
			t.Errorf("columns %v", names)
		}
	default:
		t.Errorf("nobody said what a %s needs", p.Type)
	}
}

// A number must not depend on how far one zooms in: what is outside is cut off,
// what is inside is counted whole.
func TestPanels_CountWhatBeganInTheWindow(t *testing.T) {
	conn, s := centre(t)
	for _, p := range panels(t) {
		if p.Type != "stat" || !strings.HasPrefix(p.Title, "Interactions") {
			continue
		}
		s.to = metricstest.Contact{N: 60}.Interaction().StartedAt
		var n uint64
		if err := conn.QueryRow(context.Background(), expand(p.Targets[0].RawSQL, s)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != 3 {
			t.Errorf("%d interactions up to the third's beginning, want 3", n)
		}
		return
	}
	t.Fatal("no panel counts interactions")
}

func TestVariables_ListWhatThereIs(t *testing.T) {
	conn, _ := centre(t)
	want := map[string]int{"channel": 2, "queue": 2}
	for name, data := range files(t) {
		if filepath.Ext(name) != ".json" {
			continue
		}
		var d struct {
			Templating struct {
				List []struct {
					Name, Type string
					Query      string
				}
			}
		}
		if err := json.Unmarshal(data, &d); err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			if _, _, n := columns(t, conn, v.Query); n != want[v.Name] {
				t.Errorf("%s lists %d values, want %d", v.Name, n, want[v.Name])
			}
			delete(want, v.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("no variable for %v", want)
	}
}
