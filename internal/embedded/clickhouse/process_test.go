package clickhouse_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/goleak"

	"earshot"
	"earshot/internal/await"
	"earshot/internal/embedded/clickhouse"
)

// childDir tells this test binary to be a server on that folder and nothing
// else: it prints its address, serves until its input ends, and closes.
const childDir = "EARSHOT_TEST_CLICKHOUSE_DIR"

// serveAsChild is the child's main; its exit code is that of the error's kind.
func serveAsChild(dir string) int {
	s, err := clickhouse.Start(context.Background(), clickhouse.Config{Dir: dir, Listen: "127.0.0.1:0", SyncWrites: true, DrainTimeout: 2 * time.Second})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return earshot.KindOf(err).ExitCode()
	}
	fmt.Println(s.Addr())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	closed := s.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := errors.Join(closed, s.Close(), goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// server is a child process with an engine of its own.
type server struct {
	*exec.Cmd
	addr   string
	stop   io.Closer
	errors *strings.Builder
}

// spawn starts a child on dir; addr is empty when it did not come up.
func spawn(t *testing.T, dir string) *server {
	t.Helper()
	needEngine(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Cmd: exec.Command(exe), errors: new(strings.Builder)}
	s.Env = append(os.Environ(), childDir+"="+dir)
	s.Stderr = s.errors
	stdin, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stop = stdin
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err == nil {
		s.addr = strings.TrimSpace(line)
	}
	t.Cleanup(func() {
		if s.ProcessState == nil {
			_ = s.Process.Kill()
			_ = s.Wait()
		}
	})
	return s
}

// up fails the test when the child did not come up.
func (s *server) up(t *testing.T) driver.Conn {
	t.Helper()
	if s.addr == "" {
		t.Fatalf("the server did not start: %v\n%s", s.Wait(), s.errors)
	}
	conn, err := ch.Open(&ch.Options{Addr: []string{s.addr}, Protocol: ch.HTTP})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// close stops the child in order.
func (s *server) close(t *testing.T) {
	t.Helper()
	if err := s.stop.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("the server ended with %v:\n%s", err, s.errors)
	}
}

func TestDataOutlivesCloseAndStart(t *testing.T) {
	dir := t.TempDir()
	first := spawn(t, dir)
	conn := first.up(t)
	execute(t, conn, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
	if err := send(t.Context(), conn, "kept", []any{uint64(1)}, []any{uint64(2)}); err != nil {
		t.Fatal(err)
	}
	if sync := one[string](t, conn, "SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'"); sync != "1" {
		t.Errorf("sync_writes did not reach the engine: %s", sync)
	}
	first.close(t)
	second := spawn(t, dir)
	if n := one[uint64](t, second.up(t), "SELECT sum(n) FROM kept"); n != 3 {
		t.Errorf("the sum is %d after the restart, want 3", n)
	}
	second.close(t)
}

func TestSecondProcessOnOneFolderIsTurnedAway(t *testing.T) {
	dir := t.TempDir()
	first := spawn(t, dir)
	conn := first.up(t)
	second := spawn(t, dir)
	if second.addr != "" {
		t.Fatal("two processes have the folder")
	}
	_ = second.Wait()
	if code := second.ProcessState.ExitCode(); code != earshot.Unavailable.ExitCode() ||
		!strings.Contains(second.errors.String(), dir) || !strings.Contains(second.errors.String(), "stop the other process") {
		t.Errorf("exit %d: %s", code, second.errors)
	}
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("the first one suffered: %v", err)
	}
	first.close(t)
}

// TestKillLosesNothingAcknowledgedAndDoublesNothing inserts numbered batches
// with tokens into a server that is killed again and again, and re-sends the
// batch that got no answer, as the sink does.
func TestKillLosesNothingAcknowledgedAndDoublesNothing(t *testing.T) {
	const rounds, perBatch, perRound = 5, 500, 12
	dir := t.TempDir()
	batch := 0
	for round := range rounds {
		s := spawn(t, dir)
		conn := s.up(t)
		if round == 0 {
			createKilled(t, conn)
		}
		killed := make(chan error, 1)
		for i := 0; ; i++ {
			if i == perRound {
				// From here the kill races the inserts, wherever it hits.
				go func() { killed <- s.Process.Kill() }()
			}
			if err := sendNumbered(conn, batch, perBatch); err != nil {
				if i < perRound {
					t.Fatalf("round %d, batch %d: %v", round, batch, err)
				}
				break // not acknowledged: the next round sends it again
			}
			batch++
		}
		if err := <-killed; err != nil {
			t.Fatal(err)
		}
		_ = s.Wait()
	}
	s := spawn(t, dir)
	conn := s.up(t)
	if err := sendNumbered(conn, batch, perBatch); err != nil {
		t.Fatal(err)
	}
	want := uint64(batch+1) * perBatch
	rows := one[uint64](t, conn, "SELECT count() FROM killed")
	distinct := one[uint64](t, conn, "SELECT uniqExact(n) FROM killed")
	summed := one[uint64](t, conn, "SELECT sum(rows) FROM killed_sum")
	if rows != want || distinct != want || summed != want {
		t.Errorf("%d batches acknowledged: want %d rows, got %d, %d distinct, %d in the view", batch+1, want, rows, distinct, summed)
	}
	s.close(t)
}

func createKilled(t *testing.T, conn driver.Conn) {
	const dedup = " SETTINGS non_replicated_deduplication_window = 10000"
	execute(t, conn, "CREATE TABLE killed (n UInt64, s String) ENGINE = MergeTree ORDER BY n"+dedup)
	execute(t, conn, "CREATE TABLE killed_sum (k UInt8, rows SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k"+dedup)
	execute(t, conn, "CREATE MATERIALIZED VIEW killed_mv TO killed_sum AS SELECT 1 AS k, count() AS rows FROM killed GROUP BY k")
}

func sendNumbered(conn driver.Conn, batch, rows int) error {
	ctx := ch.Context(context.Background(), ch.WithSettings(ch.Settings{"insert_deduplication_token": "batch-" + strconv.Itoa(batch)}))
	all := make([][]any, rows)
	for i := range all {
		all[i] = []any{uint64(batch*rows + i), "一句话"}
	}
	return send(ctx, conn, "killed", all...)
}

func TestCloseKillsWhatDoesNotEndInTime(t *testing.T) {
	s := spawn(t, t.TempDir())
	conn := s.up(t)
	ended := make(chan error, 1)
	go func() {
		ended <- conn.Exec(context.Background(), "SELECT sum(sleepEachRow(0.01)) FROM numbers(1000000) SETTINGS max_block_size = 10, function_sleep_max_microseconds_per_block = 0")
	}()
	await.That(t, "the query runs", func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sleep%'") == 1
	})
	if err := s.stop.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the endless query ended well")
	}
	// The drain's bound was missed, and the child says so.
	if err := s.Wait(); err == nil || !strings.Contains(s.errors.String(), "cannot drain") || strings.Contains(s.errors.String(), "goroutine") {
		t.Errorf("the server ended with %v: %s", err, s.errors)
	}
}
