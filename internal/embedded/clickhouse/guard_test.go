package clickhouse_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStatementsThatReachBeyondTheDataFolderAreRefused(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("the secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	post(t, "CREATE TABLE IF NOT EXISTS reach (s String) ENGINE = MergeTree ORDER BY s")
	for _, sql := range []string{
		"SELECT * FROM file('$F', 'LineAsString')",
		"SELECT * FROM FILE  /* x */ ('$F', 'LineAsString')",
		"SELECT * FROM `file`('$F', LineAsString)",
		`SELECT * FROM "fi\x6ce"('$F', LineAsString)`,
		"SELECT * FROM -- file\nfile('$F', LineAsString)",
		"SELECT * FROM /* /* */ file('x') */ file('$F', LineAsString)",
		"WITH x AS (SELECT * FROM file('$F', LineAsString)) SELECT * FROM x",
		"SELECT file('$F')",
		"SELECT * FROM default.`$F`",
		"SELECT * FROM `default`.`$F`",
		"SELECT * FROM default . \"$F\"",
		"SELECT * FROM '$F'",
		"SELECT * FROM numbers(1), '$F'",
		"SELECT * FROM `$F`",
		"SELECT * FROM merge('default', '.*')",
		"SELECT * FROM merge(REGEXP('def.*'), '.*')",
		"SELECT * FROM view(SELECT * FROM default.`$F`)",
		"DESCRIBE TABLE '$F'",
		"USE default",
		"SELECT 1 INTO OUTFILE '$F.out'",
		"SELECT 1 INTO OUTFILE '$F.out' TRUNCATE FORMAT CSV",
		"INSERT INTO reach FROM INFILE '$F' FORMAT LineAsString",
		"INSERT INTO FUNCTION file('$F.out', 'TSV', 's String') SELECT 'x'",
		"INSERT INTO TABLE FUNCTION file('$F.out', 'TSV', 's String') VALUES ('x')",
		"INSERT INTO '$F.out' SELECT 'x'",
		"CREATE TABLE f1 (s String) ENGINE = File(LineAsString, '$F')",
		"CREATE TABLE f2 (s String) ENGINE File(LineAsString, '$F')",
		"CREATE TABLE f3 AS file('$F', LineAsString)",
		"CREATE TABLE f4 (s String) ENGINE = URL('http://127.0.0.1:1/', LineAsString)",
		"CREATE TABLE f5 (s String) ENGINE = `File`(LineAsString, '$F')",
		"CREATE DATABASE f6 ENGINE = Filesystem('/')",
		"CREATE DATABASE f7 ENGINE = Overlay('default')",
		"CREATE TABLE f8 (s String) ENGINE = MergeTree ORDER BY s SETTINGS disk = disk(type = 'local', path = '/tmp/f8/')",
		"CREATE DICTIONARY f9 (k UInt64, s String) PRIMARY KEY k SOURCE(FILE(path '$F' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"CREATE DICTIONARY f10 (k UInt64) PRIMARY KEY k SOURCE(CLICKHOUSE(HOST '10.0.0.1' TABLE 't')) LAYOUT(FLAT()) LIFETIME(0)",
		"CREATE DICTIONARY f11 (k UInt64) PRIMARY KEY k SOURCE(EXECUTABLE(COMMAND 'true' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"CREATE DICTIONARY f12 (k UInt64) PRIMARY KEY k SOURCE(HTTP(URL 'http://127.0.0.1:1/' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
		"SELECT * FROM s3('http://127.0.0.1:1/b/k', 'TSV')",
		"SELECT * FROM remote('127.0.0.1:1', system.one)",
		"SELECT * FROM cluster('default', system.one)",
		"SELECT * FROM executable('x', TSV, 's String')",
		"SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
		"SELECT * FROM python('x')",
		"SELECT * FROM system.stack_trace",
		"BACKUP DATABASE earshot TO File('$F.bak')",
		"RESTORE DATABASE earshot FROM File('$F.bak')",
		"ATTACH TABLE f13 FROM '$F' (s String) ENGINE = File(LineAsString)",
		"SYSTEM SHUTDOWN", "SYSTEM KILL",
		"SELECT 1 SETTINGS query_profiler_cpu_time_period_ns = 1000",
		"SELECT * FROM reach FORMAT Template SETTINGS format_template_row = '$F'",
		"EXPLAIN SELECT * FROM file('$F', 'LineAsString')",
		"CREATE VIEW f14 AS SELECT * FROM default.`$F`",
		"ALTER TABLE reach MODIFY SETTING storage_policy = 's'; SELECT file('$F')",
		"SELECT * FROM loop('default', '$F')",
		"SELECT * FROM loop(default.`$F`)",
		"SELECT * FROM numbers(1) UNION ALL (SELECT * FROM file('$F', 'LineAsString'))",
		"SELECT * FROM file\u200b('$F', 'LineAsString')",
		"SELECT * FROM file\u00a0('$F', 'LineAsString')",
		"SELECT \u2018'\u2019, file('$F') AS x, \u2018'\u2019",
		"SELECT * FROM `fi\\Nle`('$F', 'LineAsString')",
		"SELECT * FROM {d:Identifier}.{t:Identifier}",
		"USE {d:Identifier}",
		"CREATE VIEW f15 AS SELECT * FROM {d:Identifier}.{t:Identifier}",
		"CREATE TABLE f16 (s String) ENGINE = Buffer('default', '$F', 1, 10, 100, 10, 100, 10, 100)",
		"CREATE TABLE f17 ENGINE = Alias('default', '$F')",
		"CREATE TABLE f18 (s String) ENGINE = Merge('default', '.*')",
		"CREATE DICTIONARY f19 (k UInt64, s String) PRIMARY KEY k SOURCE(CLICKHOUSE(QUERY 'SELECT 1, file(\\'$F\\')')) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT * FROM eval('SELECT * FROM file(\\'$F\\')')",
		"SELECT * FROM numbers(1) SETTINGS additional_table_filters = {'numbers': 'file(\\'$F\\') != 1'}",
		"SET dialect = 'prql'",
		"CREATE FUNCTION f20 AS (x) -> file(x)",
		"SELECT aiGenerate('x')",
		"INSERT INTO reach VALUES (file('$F'))",
		"INSERT INTO reach FORMAT Values (file('$F'))",
		"INSERT INTO reach VALUES " + strings.Repeat("('x'),", 200_000) + "(file('$F'))",
		"SELECT hasColumnInTable('127.0.0.1:1', 'system', 'one', 'x')",
	} {
		t.Run(sql[:min(len(sql), 60)], func(t *testing.T) {
			got := post(t, strings.ReplaceAll(sql, "$F", secret), "param_d", "default", "param_t", secret)
			if got.StatusCode == 200 || strings.Contains(got.body, "the secret") {
				t.Errorf("was not refused: %d %s", got.StatusCode, got.body)
			}
			if _, err := os.Stat(secret + ".out"); err == nil {
				t.Error("a file was written")
			}
		})
	}
}

func TestUsualStatementsAreNotRefused(t *testing.T) {
	post(t, "CREATE TABLE IF NOT EXISTS usual (k UInt64, s String) ENGINE = ReplacingMergeTree ORDER BY k")
	for _, sql := range []string{
		"SELECT * FROM numbers(3)",
		"SELECT 'file(''/etc/passwd'')' AS x",
		"SELECT 1 -- file('/etc/passwd')",
		"SELECT name, engine FROM system.tables WHERE engine = 'File'",
		"SELECT a.k FROM usual a JOIN usual b ON a.k = b.k",
		"SELECT format('{} {}', 'a', 'b'), [1, 2][1]",
		"SELECT * FROM values('a UInt8', 1, 2)",
		"SELECT * FROM merge('earshot', '^usual$')",
		"CREATE TABLE IF NOT EXISTS usual2 AS usual",
		"CREATE TABLE IF NOT EXISTS usual3 (k UInt64) ENGINE = Memory",
		"CREATE DATABASE IF NOT EXISTS usual4 ENGINE = Atomic",
		"CREATE MATERIALIZED VIEW IF NOT EXISTS usual5 TO usual2 AS SELECT * FROM usual",
		"ALTER TABLE usual ADD COLUMN IF NOT EXISTS file String DEFAULT 'x'",
		"SELECT file, `default`, k FROM (SELECT file, 1 AS `default`, k FROM usual)",
		"OPTIMIZE TABLE usual FINAL", "SHOW TABLES", "DESCRIBE TABLE usual", "EXPLAIN SELECT 1",
		"SYSTEM FLUSH LOGS",
		"CREATE DICTIONARY IF NOT EXISTS usual6 (k UInt64, s String) PRIMARY KEY k SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(0)",
		"SELECT count() FROM {t:Identifier}",
		"SELECT 'typographic ‘quotes’ and 中文' AS `标签`",
		"INSERT INTO usual (k, s) VALUES (length('abc') + 1, upper('x')), (toUInt64('7'), 'default')",
		"SELECT getSetting('async_insert')",
	} {
		if got := post(t, sql, "param_t", "usual"); got.StatusCode != 200 {
			t.Errorf("%s: %d %s", sql, got.StatusCode, got.body)
		}
	}
}

// TestEngineItselfIsGrantedNothingBeyondTables looks behind the statement check.
func TestEngineItselfIsGrantedNothingBeyondTables(t *testing.T) {
	got := post(t, "SHOW GRANTS FORMAT TSVRaw")
	if got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	var granted []string
	revoked := false
	for line := range strings.Lines(got.body) {
		if rights, ok := strings.CutPrefix(line, "GRANT "); ok {
			rights, _, _ = strings.Cut(rights, " ON ")
			granted = append(granted, strings.Split(rights, ", ")...)
		}
		revoked = revoked || strings.HasPrefix(line, "REVOKE ") && strings.Contains(line, " SELECT,") && strings.Contains(line, " ON default.*")
	}
	for _, right := range granted {
		if !slices.Contains(harmlessRights, right) {
			t.Errorf("the engine is granted %s", right)
		}
	}
	if len(granted) == 0 || !revoked {
		t.Errorf("SELECT on the file system's database is not revoked:\n%s", got.body)
	}
}

// harmlessRights touch nothing but tables.
var harmlessRights = []string{
	"CHECK", "SHOW", "SELECT", "INSERT", "ALTER", "CREATE", "DROP", "UNDROP TABLE", "TRUNCATE", "OPTIMIZE", "KILL QUERY", "dictGet",
	"TABLE ENGINE", "SYSTEM MERGES", "SYSTEM TTL MERGES", "SYSTEM MOVES", "SYSTEM FLUSH", "SYSTEM VIEWS", "SYSTEM DROP CACHE",
}

func TestMemoryIsBounded(t *testing.T) {
	got := post(t, "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'")
	if got.body != "2147483648\n" {
		t.Errorf("the engine's bound is %s", got.body)
	}
	got = post(t, "SELECT name, value FROM system.server_settings WHERE name LIKE '%cache_size%' AND toUInt64OrZero(value) > 134217728")
	if got.body != "" {
		t.Errorf("these caches are larger than a laptop's:\n%s", got.body)
	}
}
