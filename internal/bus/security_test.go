package bus_test

import (
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"earshot"
	"earshot/internal/bus"
	"earshot/internal/bus/bustest"
)

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDial_EncryptsAndLogsIn(t *testing.T) {
	// A certificate for 127.0.0.1 that the standard library brings for tests.
	https := httptest.NewTLSServer(nil)
	defer https.Close()
	ca := write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw}))
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "ear", "secret"), kfake.Superuser("SCRAM-SHA-256", "ear", "secret"), kfake.Superuser("SCRAM-SHA-512", "ear", "secret"),
		kfake.TLS(&tls.Config{Certificates: https.TLS.Certificates}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	good := groupConfig(broker.ListenAddrs()[0])
	good.TLS, good.CAFile, good.User, good.PasswordFile = true, ca, "ear", write(t, "password", []byte("secret\n"))
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		good.SASL = mechanism
		c := bustest.Dial(t, good)
		produce(t, c, message(earshot.TopicEvents, "i", mechanism))
	}
	// Where Apache Kafka answers a wrong password, this broker hangs up.
	tests := map[string]struct {
		spoil func(*bus.Config)
		kind  earshot.Kind
		says  string
	}{
		"wrong password":    {func(c *bus.Config) { c.SASL, c.PasswordFile = "plain", write(t, "p", []byte("guess")) }, earshot.Unavailable, "cannot read topics"},
		"no password":       {func(c *bus.Config) { c.PasswordFile = "/nowhere" }, earshot.Invalid, "kafka.password_file"},
		"no authority":      {func(c *bus.Config) { c.CAFile = "/nowhere" }, earshot.Invalid, "kafka.ca_file"},
		"empty authority":   {func(c *bus.Config) { c.CAFile = write(t, "empty", nil) }, earshot.Invalid, "kafka.ca_file"},
		"unknown authority": {func(c *bus.Config) { c.CAFile = "" }, earshot.Unavailable, "cannot read topics"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tt.spoil(&cfg)
			c, err := bus.Dial(shortly(t), cfg, quiet())
			if err == nil {
				c.Close()
			}
			if earshot.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want kind %v", err, tt.kind)
			}
		})
	}
}

func TestRegister_ShowsWhatHappened(t *testing.T) {
	c := bustest.New(t)
	reg := prometheus.NewRegistry()
	if err := c.Register(reg); err != nil {
		t.Fatal(err)
	}
	produce(t, c, message(earshot.TopicEvents, "i", "x"), message(earshot.TopicEvents, "i", "y"))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 1 || families[0].GetName() != "earshot_bus_produced_records_total" || families[0].Metric[0].Counter.GetValue() != 2 {
		t.Fatalf("got %v", families)
	}
}
