package metrics_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"earshot"
	"earshot/metrics"
	"earshot/metrics/metricstest"
)

func TestValidate_NamesTheKeyAndTheFix(t *testing.T) {
	if err := metrics.DefaultConfig().Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	tests := map[string]func(*metrics.Config){
		"clickhouse.addr":         func(c *metrics.Config) { c.Addr = []string{"host"} },
		"clickhouse.protocol":     func(c *metrics.Config) { c.Protocol = "grpc" },
		"clickhouse.ca_file":      func(c *metrics.Config) { c.CAFile = "ca.pem" },
		"clickhouse.dial_timeout": func(c *metrics.Config) { c.DialTimeout = 0 },
		"clickhouse.read_timeout": func(c *metrics.Config) { c.ReadTimeout = -time.Second },
		"clickhouse.connections":  func(c *metrics.Config) { c.Connections = 0 },
	}
	for key, spoil := range tests {
		c := metrics.DefaultConfig()
		spoil(&c)
		refused(t, key, c.Validate())
	}
}

func refused(t *testing.T, key string, err error) {
	t.Helper()
	var e *earshot.Error
	if !errors.As(err, &e) || e.Kind != earshot.Invalid || e.Field != key || e.Fix == "" {
		t.Errorf("%s: got %v", key, err)
	}
}

func TestOpen_RefusesWhatItCannotUse(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		key   string
		spoil func(*metrics.Config)
	}{
		{"clickhouse.addr", func(c *metrics.Config) { c.Addr = nil }},
		{"clickhouse.password_file", func(c *metrics.Config) { c.PasswordFile = "/nowhere" }},
		{"clickhouse.ca_file", func(c *metrics.Config) { c.TLS, c.CAFile = true, "/nowhere" }},
		{"clickhouse.ca_file", func(c *metrics.Config) { c.TLS, c.CAFile = true, notPEM }},
	}
	for _, tt := range tests {
		c := metrics.DefaultConfig()
		c.Addr = []string{"127.0.0.1:8123"}
		tt.spoil(&c)
		_, err := metrics.Open(c)
		refused(t, tt.key, err)
		_, err = metrics.OpenDB(c)
		refused(t, tt.key, err)
	}
}

func TestOpen_ReadsThePasswordFromItsFile(t *testing.T) {
	c := metricstest.Config(t)
	c.PasswordFile = filepath.Join(t.TempDir(), "password")
	for content, want := range map[string]bool{c.Password + "\n": true, "wrong\n": false} {
		if err := os.WriteFile(c.PasswordFile, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		withFile := c
		withFile.Password = ""
		conn, err := metrics.Open(withFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Ping(context.Background()); (err == nil) != want {
			t.Errorf("password %q: %v", strings.TrimSpace(content), err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCountWritten_IsWhatTheServerSays(t *testing.T) {
	conn := metricstest.Open(t)
	var w metrics.Written
	if n, said := w.Rows(); n != 0 || said {
		t.Errorf("before: %d, %v", n, said)
	}
	ctx := clickhouse.Context(metrics.CountWritten(context.Background(), &w),
		clickhouse.WithColumnNamesAndTypes([]clickhouse.ColumnNameAndType{{Name: "id", Type: "String"}}))
	b, err := conn.PrepareBatch(ctx, "INSERT INTO earshot.alerts (id)")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if err := b.Append(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	if n, said := w.Rows(); n != 3 || !said {
		t.Errorf("after: %d, %v; want 3", n, said)
	}
}
