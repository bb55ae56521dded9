package clickhouse

import (
	"slices"
	"strings"

	"earshot/internal/embedded/clickhouse/chdb"
)

// overlayDatabase is the engine's own database that shows the file system as
// tables: a table name in it is a path.
const overlayDatabase = "default"

// guard refuses statements that reach beyond the data folder, before the engine's
// own grants do (privileges.go), and where those do not: the function file, INTO
// OUTFILE, programs, stored definitions. The engine's lists of table functions
// and engines are read at start and all but the harmless refused, new ones too.
type guard struct {
	functions map[string]bool
	engines   map[string]bool
}

// harmlessFunctions are the table functions that stay within the engine's own
// data, in lower case.
var harmlessFunctions = []string{
	"format", "generate_series", "generaterandom", "generateseries", "input", "merge", "null", "numbers",
	"numbers_mt", "primes", "sqlstandardvalues", "values", "view", "viewifpermitted", "zeros", "zeros_mt",
}

// reachingFunctions are the ordinary functions that read files or call out.
var reachingFunctions = []string{
	"aiclassify", "aiembed", "aiextract", "aigenerate", "aitranslate", "catboostevaluate", "disk", "file", "hascolumnintable",
}

// harmlessEngines are table and database engines without reach, in lower case;
// engines of the MergeTree family are known by their suffix.
var harmlessEngines = []string{
	"atomic", "embeddedrocksdb", "generaterandom", "join", "log", "materializedview", "memory", "null", "set",
	"stripelog", "tinylog", "view",
}

// reachingSettings are prefixes of settings that name files, addresses, other
// engines or expressions that are not in the statement's text, that change the
// language, or that arm the sampling profiler, whose signals belong to Go.
var reachingSettings = []string{
	"additional_", "default_database_engine", "default_table_engine", "default_temporary_table_engine", "dialect",
	"format_avro_schema_registry", "format_schema", "format_template_", "implicit_table", "parallel_replicas_",
	"query_profiler_", "url_base",
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

// checkRequest checks the statement and, where the data of an INSERT is SQL too,
// the data: VALUES may hold expressions.
func (g *guard) checkRequest(q *request) error {
	if err := g.check(q.sql); err != nil {
		return err
	}
	if q.literalOnly {
		return nil // the engine is told to take literals alone
	}
	return g.check(q.literal)
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
	switch {
	case t.kind == symbol && strings.Contains(curly, t.text):
		return refuse("typographic quotes")
	case t.symbol('}') && next.symbol('.'), t.is("USE") && next.symbol('{'):
		return refuse("a parameter as the name of a database")
	case t.is("ENGINE") && (g.reaches(next) || next.symbol('=') && g.reaches(after)):
		return refuse("this table or database engine")
	case t.name():
		if err := checkClause(t, next, after); err != nil {
			return err
		}
		return g.checkName(t, at(all, i-1), next)
	}
	return nil
}

// checkClause refuses clauses that name files or addresses.
func checkClause(t, next, after token) error {
	switch {
	case t.is("SOURCE") && next.symbol('(') && !after.is("NULL"):
		return refuse("this dictionary source")
	case t.is("INTO") && next.is("OUTFILE"), t.is("FROM") && next.is("INFILE"):
		return refuse("%s %s", t.text, next.text)
	}
	return nil
}

// reaches says whether t names an engine with reach.
func (g *guard) reaches(t token) bool { return t.name() && g.engines[strings.ToLower(t.text)] }

func (g *guard) checkName(t, before, next token) error {
	name := strings.ToLower(t.text)
	switch {
	case t.kind == quoted && strings.Contains(name, `\`):
		return refuse("quoted names with backslashes")
	case next.symbol('(') && g.functions[name]:
		return refuse("the function %s", t.text)
	case name == overlayDatabase && (next.symbol('.') || before.is("USE")):
		return refuse("the database %s", overlayDatabase)
	case name == "stack_trace":
		return refuse("system.stack_trace, which signals every thread of the process")
	}
	return checkSetting(name)
}

// checkSetting refuses a setting with reach, by its name.
func checkSetting(name string) error {
	name = strings.ToLower(name)
	for _, prefix := range reachingSettings {
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
