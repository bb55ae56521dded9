package kafka_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"earshot/internal/embedded/kafka"
)

// childEnv makes the test binary a broker with its data in the named folder.
const childEnv = "EARSHOT_KAFKA_CHILD"

// deadline bounds what would hang only if something is broken.
const deadline = time.Minute

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runChild prints the address and then waits to be killed.
func runChild(dir string) error {
	b, err := kafka.Start(kafka.Config{Dir: dir})
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

type child struct {
	cmd  *exec.Cmd
	addr string
}

func spawn(t *testing.T, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = t.Output()
	if _, err := cmd.StdinPipe(); err != nil { // stays open until the child is dead
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("broker did not start: %v, %v", err, cmd.Wait())
	}
	return &child{cmd, strings.TrimSpace(line)}
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("broker ended with %v", err)
	}
}

func dial(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// read returns the values of the first n records, counted.
func read(t *testing.T, addr string, n int) map[string]int {
	t.Helper()
	c := dial(t, addr, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	got, total := map[string]int{}, 0
	for total < n {
		fetches := c.PollFetches(within(t))
		if fetches.Err0() != nil {
			t.Fatalf("%d of %d records: %v", total, n, fetches.Err0())
		}
		fetches.EachRecord(func(r *kgo.Record) { got[string(r.Value)]++; total++ })
	}
	return got
}

func TestBroker_KeepsWhatItAcknowledgedWhenKilled(t *testing.T) {
	dir := t.TempDir()
	acked := 0
	for life := range 4 {
		c := spawn(t, dir)
		kc := dial(t, c.addr, kgo.DefaultProduceTopic("t"))
		adm := kadm.NewClient(kc)
		if life == 0 {
			if _, err := adm.CreateTopic(within(t), 2, 1, nil, "t"); err != nil {
				t.Fatal(err)
			}
		} else {
			os, err := adm.FetchOffsets(within(t), "g")
			if err != nil {
				t.Fatal(err)
			}
			if o, _ := os.Lookup("t", 0); o.At != int64(life) || o.Metadata != "I:9" {
				t.Fatalf("committed offset is %d with %q, want %d with I:9", o.At, o.Metadata, life)
			}
		}
		for range 50 {
			if err := kc.ProduceSync(within(t), kgo.StringRecord(strconv.Itoa(acked))).FirstErr(); err != nil {
				t.Fatal(err)
			}
			acked++
		}
		commit := kadm.Offsets{}
		commit.Add(kadm.Offset{Topic: "t", Partition: 0, At: int64(life + 1), LeaderEpoch: -1, Metadata: "I:9"})
		if err := adm.CommitAllOffsets(within(t), "g", commit); err != nil {
			t.Fatal(err)
		}
		c.kill(t)
		kc.Close()
	}
	c := spawn(t, dir)
	defer c.kill(t)
	got := read(t, c.addr, acked)
	for i := range acked {
		if got[strconv.Itoa(i)] != 1 {
			t.Errorf("record %d is there %d times", i, got[strconv.Itoa(i)])
		}
	}
}

func TestBroker_KeepsAddressAndDataOverARestart(t *testing.T) {
	for name, sync := range map[string]bool{"page cache": false, "synced": true} {
		t.Run(name, func(t *testing.T) {
			cfg := kafka.Config{Dir: t.TempDir(), SyncWrites: sync}
			b, err := kafka.Start(cfg)
			if err != nil {
				t.Fatal(err)
			}
			kc := dial(t, b.Addr(), kgo.DefaultProduceTopic("t"))
			defer kc.Close()
			if _, err := kadm.NewClient(kc).CreateTopic(within(t), 1, 1, nil, "t"); err != nil {
				t.Fatal(err)
			}
			if err := kc.ProduceSync(within(t), kgo.StringRecord("one")).FirstErr(); err != nil {
				t.Fatal(err)
			}
			addr := b.Addr()
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &cfg.Port); err != nil {
				t.Fatal(err)
			}
			again, err := kafka.Start(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if again.Addr() != addr {
				t.Fatalf("came back at %s, was at %s", again.Addr(), addr)
			}
			if err := kc.ProduceSync(within(t), kgo.StringRecord("two")).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if got := read(t, addr, 2); got["one"] != 1 || got["two"] != 1 {
				t.Fatalf("read %v", got)
			}
		})
	}
}

func TestStart_RefusesAFolderOrPortInUse(t *testing.T) {
	dir := t.TempDir()
	b, err := kafka.Start(kafka.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := kafka.Start(kafka.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("same folder: got %v", err)
	}
	var port int
	if _, err := fmt.Sscanf(b.Addr(), "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if _, err := kafka.Start(kafka.Config{Dir: other, Port: port}); err == nil || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Errorf("same port: got %v", err)
	}
	free, err := kafka.Start(kafka.Config{Dir: other}) // the failed start let go of the folder
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
}

func TestBroker_RemovesWhatIsExpired(t *testing.T) {
	b, err := kafka.StartWithRetention(kafka.Config{Dir: t.TempDir()}, 5*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	kc := dial(t, b.Addr())
	defer kc.Close()
	adm := kadm.NewClient(kc)
	for topic, ms := range map[string]string{"short": "1", "long": "3600000", "endless": "-1"} {
		if _, err := adm.CreateTopic(within(t), 1, 1, map[string]*string{"retention.ms": &ms}, topic); err != nil {
			t.Fatal(err)
		}
		if err := kc.ProduceSync(within(t), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	ctx := within(t)
	for {
		starts, err := adm.ListStartOffsets(ctx, "short", "long", "endless")
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range []string{"long", "endless"} {
			if o, _ := starts.Lookup(topic, 0); o.Offset != 0 {
				t.Fatalf("%s starts at %d, its record is gone", topic, o.Offset)
			}
		}
		if o, _ := starts.Lookup("short", 0); o.Offset == 1 {
			return
		}
	}
}
