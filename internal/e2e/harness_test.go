package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is earshot, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "earshot-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "earshot")
		if out, err := exec.Command("go", "build", "-o", binary, "earshot/cmd/earshot").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "cannot build earshot: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// server is an `earshot serve` and where it is reached.
type server struct {
	t                  *testing.T
	data               string
	http, ops, sip, ch string
	kafka              string
	env                []string
	cmd                *exec.Cmd
	out                *lockedBuffer
	ended              chan error
	token, chPass      string
}

// lockedBuffer keeps what a process prints.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newServer picks free ports and a fresh data folder; env adds to the
// environment.
func newServer(t *testing.T, env ...string) *server {
	t.Helper()
	s := &server{t: t, data: t.TempDir(), env: env}
	s.http, s.ops, s.sip, s.ch = freeTCP(t), freeTCP(t), freeTCP(t), freeTCP(t)
	_, s.kafka, _ = net.SplitHostPort(freeTCP(t))
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("earshot said:\n%s", tail(s.out.String(), 6000))
		}
	})
	return s
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

func freeTCP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// environ is the environment of every command that belongs to the server.
func (s *server) environ() []string {
	return append(append(os.Environ(),
		"EARSHOT_HTTP_LISTEN="+s.http, "EARSHOT_HTTP_OPS_LISTEN="+s.ops, "EARSHOT_MEDIA_LISTEN=udp:"+s.sip+",tcp:"+s.sip,
		"EARSHOT_EMBEDDED_CLICKHOUSE_LISTEN="+s.ch, "EARSHOT_EMBEDDED_KAFKA_PORT="+s.kafka), s.env...)
}

// start runs the server and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.out = &lockedBuffer{}
	s.cmd = exec.Command(binary, "serve", "--data", s.data)
	s.cmd.Env = s.environ()
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(s.cmd, s.ended)
	s.eventually(60*time.Second, "the server is ready", func() error {
		select {
		case err := <-s.ended:
			s.ended <- err
			s.t.Fatalf("earshot ended: %v", err)
		default:
		}
		return s.get("http://" + s.ops + "/readyz")
	})
	s.token, s.chPass = s.read("ingest.tokens"), s.read("clickhouse.password")
}

func (s *server) read(name string) string {
	data, err := os.ReadFile(filepath.Join(s.data, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (s *server) get(addr string) error {
	res, err := http.Get(addr)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, body)
	}
	return nil
}

// kill ends the server as a power cut of the process would.
func (s *server) kill() {
	s.t.Helper()
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
	s.cmd = nil
}

// stop ends the server as an operator does, and sees that it leaves in peace.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Fatalf("earshot ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		s.t.Fatal("earshot did not end within 60 s of SIGTERM")
	}
	s.cmd = nil
}

// eventually tries until fn succeeds.
func (s *server) eventually(within time.Duration, what string, fn func() error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("not within %v: %s: %v", within, what, err)
		case <-tick.C:
		}
	}
}

// query asks ClickHouse as curl does and returns one JSON object a row.
func (s *server) query(sql string) ([]map[string]any, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.ch+"/?default_format=JSONEachRow", strings.NewReader(sql))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("default", s.chPass)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		return nil, fmt.Errorf("%s: %s", res.Status, body)
	}
	var rows []map[string]any
	for dec := json.NewDecoder(res.Body); ; {
		var row map[string]any
		if err := dec.Decode(&row); err == io.EOF {
			return rows, nil
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// count asks for one number.
func (s *server) count(sql string) (int, error) {
	rows, err := s.query("SELECT toInt32((" + sql + ")) AS n")
	if err != nil {
		return 0, err
	}
	n, ok := rows[0]["n"].(float64)
	if !ok {
		return 0, fmt.Errorf("got %v", rows)
	}
	return int(n), nil
}

// expect waits until a count is what it should be.
func (s *server) expect(want int, sql string) {
	s.t.Helper()
	s.eventually(3*time.Minute, fmt.Sprintf("%d = %s", want, sql), func() error {
		got, err := s.count(sql)
		if err == nil && got != want {
			err = fmt.Errorf("got %d", got)
		}
		return err
	})
}

// expectMore waits until a count grows.
func (s *server) expectMore(sql string) {
	s.t.Helper()
	before, err := s.count(sql)
	if err != nil {
		s.t.Fatal(err)
	}
	s.eventually(time.Minute, "more of "+sql, func() error {
		got, err := s.count(sql)
		if err == nil && got <= before {
			err = fmt.Errorf("still %d", got)
		}
		return err
	})
}

// post sends JSON to the API and returns the answer.
func (s *server) post(path string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	u := url.URL{Scheme: "http", Host: s.http, Path: path}
	req, err := http.NewRequest(http.MethodPost, u.String(), bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		answer, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: %s", res.Status, answer)
	}
	return nil
}

// command runs a command of the binary in the server's environment and returns
// what it printed.
func (s *server) command(args ...string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), binary, args...)
	cmd.Env, cmd.Stderr = s.environ(), os.Stderr
	out, err := cmd.Output()
	return string(out), err
}
