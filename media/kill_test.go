package media_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
	"earshot/internal/embedded/kafka"
	"earshot/media"
	"earshot/media/src"
)

const (
	childBroker = "EARSHOT_TEST_MEDIA_BROKER"
	childDir    = "EARSHOT_TEST_MEDIA_DIR"
)

// TestMain runs the service alone when a test has started this binary again, so
// that the test has a process to kill.
func TestMain(m *testing.M) {
	if broker := os.Getenv(childBroker); broker != "" {
		if err := child(broker, os.Getenv(childDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child serves until it is killed.
func child(broker, dir string) error {
	ctx := context.Background()
	log := slog.New(slog.DiscardHandler)
	client, err := bus.Dial(ctx, bustest.Config(broker), log)
	if err != nil {
		return err
	}
	c := media.DefaultConfig()
	c.Listen = []string{"udp:127.0.0.1:0"}
	c.RTPPortMin, c.RTPPortMax, c.Dir = 22000, 25999, dir
	s, err := media.New(c, client, log, nil)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		<-s.Ready()
		fmt.Println(s.Addr("udp"))
	})
	err = s.Run(ctx)
	wg.Wait()
	return err
}

func startChild(t *testing.T, broker, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childBroker+"="+broker, childDir+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child says %q: %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestService_EndsTheCallsOfAKilledProcess(t *testing.T) {
	broker := bustest.Broker(t)
	client := bustest.Dial(t, bustest.Config(broker.Addr()))
	c := config(t, 32000)
	cmd, addr := startChild(t, broker.Addr(), c.Dir)
	o := options(nil, "udp")
	o.Target = "sip:" + addr
	o.Agent, o.Customer = tone(400, time.Minute), tone(700, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var res src.Result
	wg.Go(func() { res, _ = src.Call(ctx, o) })
	bustest.ReadAll(t, client, earshot.TopicAudio, 6) // two starts and some audio
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed: an error is what it says
	cancel()
	wg.Wait()
	start(t, c, client)
	got := readAudio(t, client, res.InteractionID)
	if got.last.Reason != "interrupted" || len(got.ends) != 2 || got.last.Interaction.AgentName != "Alice" || len(got.packets) != 2 {
		t.Fatalf("ends %v, packets %v, last %+v", got.ends, got.packets, got.last)
	}
	if types := events(t, client, res.InteractionID); types[0] != earshot.InteractionStarted || types[len(types)-1] != earshot.InteractionEnded {
		t.Fatalf("events %v", types)
	}
}

func TestService_LosesNothingWhileKafkaIsAway(t *testing.T) {
	kc := kafka.Config{Dir: t.TempDir()}
	broker, err := kafka.Start(kc)
	if err != nil {
		t.Fatal(err)
	}
	kc.Port = int(netip.MustParseAddrPort(broker.Addr()).Port())
	bc := bustest.Config(broker.Addr())
	bc.ProduceTimeout = time.Second
	client := bustest.Dial(t, bc)
	c := config(t, 32200)
	c.Patience = 50 * time.Millisecond
	s := start(t, c, client)
	o := options(s, "udp")
	o.Agent, o.Customer = tone(400, 4*time.Second), tone(700, 4*time.Second)
	var wg sync.WaitGroup
	var res src.Result
	var callErr error
	wg.Go(func() { res, callErr = src.Call(t.Context(), o) })
	bustest.ReadAll(t, client, earshot.TopicAudio, 6)
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait() // the call goes on and ends while Kafka is away
	if callErr != nil {
		t.Fatal(callErr)
	}
	if broker, err = kafka.Start(kc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	checkCall(t, readAudio(t, client, res.InteractionID), res, earshot.PCMU)
}
