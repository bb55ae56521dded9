package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"earshot/internal/need"
)

// Two processes share a real Kafka's partitions by consumer groups; one is
// killed while both work, and the other takes over what it had.
func TestKafka_TwoProcessesShareTheWorkAndSurviveAKill(t *testing.T) {
	brokers := os.Getenv("EARSHOT_KAFKA")
	if brokers == "" {
		t.Skip("EARSHOT_KAFKA names no broker; 'make test-kafka' starts one")
	}
	need.Tool(t, "flite")
	first := newServer(t, "EARSHOT_KAFKA_BROKERS="+brokers, "EARSHOT_KAFKA_SESSION_TIMEOUT=6s")
	first.start()
	second := newServer(t, "EARSHOT_KAFKA_BROKERS="+brokers, "EARSHOT_KAFKA_SESSION_TIMEOUT=6s",
		"EARSHOT_CLICKHOUSE_ADDR="+first.ch, "EARSHOT_CLICKHOUSE_PASSWORD_FILE="+filepath.Join(first.data, "clickhouse.password"),
		"EARSHOT_ROLES=sink,asr,qa")
	second.start()

	var calls []*exec.Cmd
	for k := range 3 {
		cmd := exec.CommandContext(t.Context(), binary, "call", "--agent", fmt.Sprintf("Agent %d", k), "sip:"+first.sip)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, cmd)
	}
	for k := range 12 {
		if err := first.chat(fmt.Sprintf("kafka-%d", k)); err != nil {
			t.Fatal(err)
		}
	}
	first.expect(15, interactions)
	second.kill() // in the middle of the calls
	for _, c := range calls {
		if err := c.Wait(); err != nil {
			t.Fatalf("call: %v", err)
		}
	}
	first.expect(15, finals)
	first.expect(12*6, "SELECT count() FROM earshot.utterances_current WHERE channel = 'chat'")
	first.expect(12*6, "SELECT count() FROM earshot.utterances FINAL WHERE channel = 'chat'")
	first.expect(0, "SELECT count() FROM (SELECT interaction, leg, start_ms, uniqExact(id) AS n FROM earshot.utterances_current WHERE channel = 'voice' GROUP BY ALL HAVING n > 1)")
	first.stop()
}
