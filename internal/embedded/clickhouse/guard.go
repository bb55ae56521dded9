package clickhouse

import (
	"slices"
	"strings"

	"earshot/internal/embedded/clickhouse/chdb"
)

// overlayDatabase is the engine's own database that shows the file system as
// tables: a table name in it is a path.
const overlayDatabase = "default"

// guard refuses statements that reach beyond the data folder. The engine has no
// users that could be denied this, so its lists of table functions and engines
// are read at start and all but the harmless ones refused, new ones included.
type guard struct {
	functions map[string]bool
	engines   map[string]bool
}

// harmlessFunctions are the table functions that stay within the engine's own
// data, in lower case.
var harmlessFunctions = []string{
	"dictionary", "eval", "format", "fuzzjson", "fuzzquery", "generate_series", "generaterandom", "generateseries",
	"input", "merge", "mergetreeindex", "mergetreeprojection", "mergetreeanalyzeindexes", "mergetreetextindex",
	"null", "numbers", "numbers_mt", "primes", "values", "view", "viewexplain", "viewifpermitted", "zeros", "zeros_mt",
	"timeseriesdata", "timeseriesmetrics", "timeseriesselector", "timeseriestags", "prometheusquery", "prometheusqueryrange",
}

// reachingFunctions are ordinary functions that read files, call out, or stop
// the engine from being bounded; table functions come from the engine.
var reachingFunctions = []string{
	"file", "catboostevaluate", "reversednsquery", "hascolumnintable", "executable", "disk", "python",
}

// harmlessEngines are table and database engines without reach, in lower case;
// engines of the MergeTree family are known by their suffix.
var harmlessEngines = []string{
	"atomic", "memory", "null", "log", "tinylog", "stripelog", "set", "join", "buffer", "view", "materializedview",
	"merge", "dictionary", "generaterandom", "fuzzjson", "fuzzquery", "embeddedrocksdb", "alias", "timeseries",
}

// newGuard reads what this engine offers.
func newGuard(conn *chdb.Conn) (*guard, error) {
	functions, err := lowerNames(conn, "SELECT name FROM system.table_functions")
	if err != nil {
		return nil, err
	}
	engines, err := lowerNames(conn, "SELECT name FROM system.table_engines UNION ALL SELECT name FROM system.database_engines")
	if err != nil {
		return nil, err
	}
	g := &guard{functions: map[string]bool{}, engines: map[string]bool{}}
	for _, name := range append(functions, reachingFunctions...) {
		g.functions[name] = !slices.Contains(harmlessFunctions, name)
	}
	for _, name := range engines {
		g.engines[name] = !slices.Contains(harmlessEngines, name) && !strings.HasSuffix(name, "mergetree")
	}
	return g, nil
}

func lowerNames(conn *chdb.Conn, sql string) ([]string, error) {
	out, _, err := conn.Query(sql, "TSV")
	if err != nil {
		return nil, err
	}
	return strings.Fields(strings.ToLower(string(out))), nil
}

// check returns an ACCESS_DENIED (497) exception for a statement with reach.
func (g *guard) check(sql string) error {
	all := tokens(sql)
	if err := checkVerb(all); err != nil {
		return err
	}
	for i, t := range all {
		if err := g.checkToken(all, i, t); err != nil {
			return err
		}
	}
	return nil
}

// checkVerb refuses whole kinds of statements.
func checkVerb(all []token) error {
	if len(all) == 0 {
		return nil
	}
	for _, verb := range []string{"ATTACH", "BACKUP", "RESTORE"} {
		if all[0].is(verb) {
			return refuse("%s statements", verb)
		}
	}
	if all[0].is("SYSTEM") {
		for _, t := range all[1:] {
			if t.is("SHUTDOWN") || t.is("KILL") || t.is("RELOAD") {
				return refuse("SYSTEM %s", strings.ToUpper(t.text))
			}
		}
	}
	return nil
}

func (g *guard) checkToken(all []token, i int, t token) error {
	next, after := at(all, i+1), at(all, i+2)
	name := strings.ToLower(t.text)
	switch {
	case t.name() && next.symbol('(') && g.functions[name]:
		return refuse("the function %s", t.text)
	case t.is("ENGINE") && next.symbol('=') && g.engines[strings.ToLower(after.text)] && after.name(),
		t.is("ENGINE") && next.name() && g.engines[strings.ToLower(next.text)]:
		return refuse("this table or database engine")
	case t.is("SOURCE") && next.symbol('(') && !harmlessSource(all[i:]):
		return refuse("this dictionary source")
	case t.is("INTO") && next.is("OUTFILE"), t.is("FROM") && next.is("INFILE"):
		return refuse("%s %s", t.text, next.text)
	case t.name() && name == overlayDatabase && (next.symbol('.') || at(all, i-1).is("USE")):
		return refuse("the database %s", overlayDatabase)
	case (t.is("FROM") || t.is("JOIN") || t.is("INTO") || t.is("TABLE")) && next.kind == text && next.text != "":
		return refuse("a table named by a string")
	case t.name() && name == "stack_trace":
		return refuse("system.stack_trace, which signals every thread of the process")
	case t.name():
		return checkSetting(name)
	}
	return nil
}

// harmlessSource allows dictionaries over tables of this engine.
func harmlessSource(rest []token) bool {
	kind := at(rest, 2)
	if kind.is("NULL") {
		return true
	}
	return kind.is("CLICKHOUSE") && !slices.ContainsFunc(rest, func(t token) bool { return t.is("HOST") })
}

// checkSetting refuses settings that name files or addresses, or that arm the
// engine's sampling profiler, whose signals belong to Go.
func checkSetting(name string) error {
	name = strings.ToLower(name)
	for _, prefix := range []string{"query_profiler_", "format_schema", "format_template_", "format_avro_schema_registry"} {
		if strings.HasPrefix(name, prefix) {
			return refuse("the setting %s", name)
		}
	}
	return nil
}

// at returns the token at i, or an empty symbol-less token outside.
func at(all []token, i int) token {
	if i < 0 || i >= len(all) {
		return token{kind: number}
	}
	return all[i]
}

func refuse(format string, args ...any) error {
	return raise(codeDenied, "ACCESS_DENIED", "the embedded engine refuses "+format+
		": requests stay within its data folder", args...)
}
