package chdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"earshot/internal/embedded/clickhouse/chdb"
	"earshot/internal/need"
)

// library finds libchdb as far as this package's tests need it.
func library() string {
	if lib := os.Getenv("EARSHOT_LIBCHDB"); lib != "" {
		return lib
	}
	lib, err := filepath.Abs("../../node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
	if err != nil {
		return ""
	}
	return lib
}

// child runs the named promise in a process of its own: each boots an engine,
// and a process can boot one only. The data folder is reused between calls with
// the same dir.
func child(t *testing.T, promise, dir, stdin string) string {
	t.Helper()
	_, err := os.Stat(library())
	need.That(t, err == nil && chdb.Check() == nil, "a libchdb.so that runs here (make setup)")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "CHDB_PROMISE="+promise, "CHDB_DIR="+dir)
	cmd.Stdin = strings.NewReader(stdin)
	var errs strings.Builder // the engine's own complaints, such as of a host without cgroups
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the process ended with %v:\n%.2000s\n%.2000s", err, out, errs.String())
	}
	return string(out)
}

// promises run in children; they print what the tests compare.
var promises = map[string]func(dir string) error{
	"recover": recovers, "stdin": keepsStdin, "data": storesData, "more data": storesData,
	"twice": bootsTwice, "gone": readerFails, "open": closesWithOpen, "classify": classifies,
}

func TestMain(m *testing.M) {
	promise := promises[os.Getenv("CHDB_PROMISE")]
	if promise == nil {
		os.Exit(m.Run())
	}
	if err := promise(os.Getenv("CHDB_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// session boots an engine with a connection in a database of its own.
func session(dir string) (*chdb.Engine, *chdb.Conn, error) {
	engine, err := chdb.Boot(library(), dir, "--max_server_memory_usage=1000000000")
	if err != nil {
		return nil, nil, err
	}
	conn, err := engine.Connect("--async_insert=0")
	if err != nil {
		return nil, nil, err
	}
	for _, sql := range []string{
		"CREATE DATABASE IF NOT EXISTS app", "USE app",
		"CREATE TABLE IF NOT EXISTS t (n UInt64, s String) ENGINE = MergeTree ORDER BY n",
	} {
		if _, _, err := conn.Query(sql, "Null"); err != nil {
			return nil, nil, err
		}
	}
	return engine, conn, nil
}

// end closes both.
func end(engine *chdb.Engine, conn *chdb.Conn) error {
	conn.Close()
	return engine.Close()
}

func recovers(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	failed := make(chan error, 8)
	for range 8 {
		wg.Go(func() {
			for range 25 {
				own, err := engine.Connect()
				if err == nil {
					_, _, err = own.Query("SELECT sum(number) FROM numbers(100000)", "TSV")
					own.Close()
				}
				if err != nil {
					failed <- err
					return
				}
				runtime.GC() // preempts by SIGURG
				if !nilRecovers() {
					failed <- errors.New("the nil dereference was not recovered")
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	fmt.Println("recovered", len(engine.Replaced) > 0)
	return end(engine, conn)
}

// nilRecovers dereferences nil, which is a SIGSEGV, under recover.
func nilRecovers() (ok bool) {
	defer func() { ok = recover() != nil }()
	var p *struct{ n int }
	p.n++
	return false
}

func keepsStdin(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	if _, _, err := conn.Query("INSERT INTO t VALUES (1, 'a')", "Null"); err != nil {
		return err
	}
	rows, _, err := conn.Query("SELECT count() FROM t", "TSV")
	if err != nil {
		return err
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	fmt.Printf("rows %sinput %s", rows, input)
	return end(engine, conn)
}

func storesData(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	stats, err := conn.Insert("INSERT INTO t", "TSV", iotest.OneByteReader(strings.NewReader("1\ta\n2\t中文\n")))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	read, err := conn.Stream("SELECT n, s FROM t ORDER BY n", "TSV", &out)
	if err != nil {
		return err
	}
	fmt.Printf("written %d read %d\n%s", stats.WrittenRows, read.ResultRows, out.String())
	return end(engine, conn)
}

func bootsTwice(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	_, again := chdb.Boot(library(), dir)
	if err := end(engine, conn); err != nil {
		return err
	}
	_, after := chdb.Boot(library(), dir)
	_, _, closed := conn.Query("SELECT 1", "TSV")
	_, dead := engine.Connect()
	fmt.Println(errors.Is(again, chdb.ErrBooted), errors.Is(after, chdb.ErrBooted), closed != nil, dead != nil)
	return nil
}

func readerFails(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	torn := io.MultiReader(strings.NewReader("1\ta\n2\tb\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
	_, tornErr := conn.Insert("INSERT INTO t", "TSV", torn)
	_, fullErr := conn.Stream("SELECT number FROM numbers(10000000)", "TSV", full{})
	var engineErr *chdb.Error
	_, missing := conn.Stream("SELECT * FROM nothing", "TSV", io.Discard)
	rows, _, err := conn.Query("SELECT count() FROM t", "TSV")
	if err != nil {
		return err
	}
	fmt.Printf("%v %v %v rows %s", errors.Is(tornErr, io.ErrUnexpectedEOF), errors.Is(fullErr, io.ErrShortWrite),
		errors.As(missing, &engineErr) && strings.HasPrefix(engineErr.Text, "Code: 60."), rows)
	return end(engine, conn)
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func closesWithOpen(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	early := engine.Close()
	fmt.Println(early != nil, end(engine, conn))
	return nil
}

func classifies(dir string) error {
	engine, conn, err := session(dir)
	if err != nil {
		return err
	}
	for _, sql := range []string{"SELECT 1", "DROP TABLE t", "CREATE FUNCTION f AS x -> x", "SET max_threads = 1", "SELEC 1", "", "SELECT 1; SELECT 2"} {
		got, err := conn.Classify(sql)
		if err != nil {
			return err
		}
		fmt.Print(got.Statements, got.Class, " ")
	}
	return end(engine, conn)
}

func TestNilDereferenceIsRecoveredUnderLoad(t *testing.T) {
	if got := child(t, "recover", t.TempDir(), ""); got != "recovered true\n" {
		t.Errorf("got %q: the engine took no signal handler, or one was not given back", got)
	}
}

func TestInsertDoesNotSwallowTheProcessInput(t *testing.T) {
	if got := child(t, "stdin", t.TempDir(), "typed by the user"); got != "rows 1\ninput typed by the user" {
		t.Errorf("got %q", got)
	}
}

func TestDataOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	if got := child(t, "data", dir, ""); got != "written 2 read 2\n1\ta\n2\t中文\n" {
		t.Errorf("first: got %q", got)
	}
	if got := child(t, "more data", dir, ""); got != "written 2 read 4\n1\ta\n1\ta\n2\t中文\n2\t中文\n" {
		t.Errorf("second: got %q", got)
	}
}

func TestOneProcessBootsOnce(t *testing.T) {
	if got := child(t, "twice", t.TempDir(), ""); got != "true true true true\n" {
		t.Errorf("got %q", got)
	}
}

func TestFailingReadersAndWritersLeaveTheSessionUsable(t *testing.T) {
	if got := child(t, "gone", t.TempDir(), ""); got != "true true true rows 0\n" {
		t.Errorf("got %q", got)
	}
}

func TestCloseWaitsForConnections(t *testing.T) {
	if got := child(t, "open", t.TempDir(), ""); got != "true <nil>\n" {
		t.Errorf("got %q", got)
	}
}

func TestStatementsAreClassified(t *testing.T) {
	if got := child(t, "classify", t.TempDir(), ""); got != "1 0 1 1 1 2 1 3 0 4 0 4 2 0 " {
		t.Errorf("got %q", got)
	}
}

func TestMissingOrWrongLibraryIsReported(t *testing.T) {
	need.That(t, chdb.Check() == nil, "a processor that can run libchdb")
	wrong := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(wrong, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{wrong, wrong + ".missing"} {
		if _, err := chdb.Boot(path, t.TempDir()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
