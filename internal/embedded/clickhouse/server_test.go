package clickhouse_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/internal/embedded/clickhouse"
)

func TestSecondStartInOneProcessIsAConflict(t *testing.T) {
	needEngine(t)
	_, err := clickhouse.Start(t.Context(), clickhouse.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if earshot.KindOf(err) != earshot.Conflict || !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v", err)
	}
}

func TestConfigErrorsNameTheKeyAndTheFix(t *testing.T) {
	if err := clickhouse.DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for field, c := range map[string]clickhouse.Config{
		"clickhouse.dir":           {},
		"clickhouse.listen":        {Dir: "d", Listen: "8123"},
		"clickhouse.database":      {Dir: "d", Database: "default"},
		"clickhouse.memory_bytes":  {Dir: "d", MemoryBytes: 1},
		"clickhouse.cache_bytes":   {Dir: "d", CacheBytes: 1 << 40},
		"clickhouse.queries":       {Dir: "d", Queries: -1},
		"clickhouse.threads":       {Dir: "d", Threads: -1},
		"clickhouse.drain_timeout": {Dir: "d", DrainTimeout: -time.Second},
	} {
		var e *earshot.Error
		if err := c.Validate(); !errors.As(err, &e) || e.Kind != earshot.Invalid || e.Field != field || e.Fix == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestOnlyLoopbackListensWithoutAPassword(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:0": true, "localhost:8123": true, "0.0.0.0:8123": false, ":8123": false, "10.0.0.1:1": false,
		"example.com:80": false,
	} {
		open := clickhouse.Config{Dir: "d", Listen: listen}.Validate()
		if (open == nil) != ok {
			t.Errorf("%s without a password: %v", listen, open)
		}
		if err := (clickhouse.Config{Dir: "d", Listen: listen, Password: "p"}).Validate(); err != nil {
			t.Errorf("%s with a password: %v", listen, err)
		}
	}
}

func TestLibraryIsFoundByNameVariableOrFolder(t *testing.T) {
	dir := t.TempDir()
	lib := filepath.Join(dir, "libchdb.so")
	if err := os.WriteFile(lib, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := clickhouse.Find(lib); err != nil || got != lib {
		t.Errorf("by name: %q %v", got, err)
	}
	t.Setenv("EARSHOT_LIBCHDB", lib)
	if got, err := clickhouse.Find(""); err != nil || got != lib {
		t.Errorf("by variable: %q %v", got, err)
	}
	t.Setenv("EARSHOT_LIBCHDB", dir)
	if _, err := clickhouse.Find(""); earshot.KindOf(err) != earshot.NotFound {
		t.Errorf("a folder: %v", err)
	}
	t.Setenv("EARSHOT_LIBCHDB", "")
	t.Chdir(dir)
	if _, err := clickhouse.Find(""); earshot.KindOf(err) != earshot.NotFound || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("nowhere: %v", err)
	}
	nested := filepath.Join(dir, "internal", "embedded", "node_modules", "@chdb", "lib-linux-x64-gnu")
	if err := os.MkdirAll(filepath.Join(dir, "deep", "er"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(nested, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(lib, filepath.Join(nested, "libchdb.so")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(dir, "deep", "er"))
	if got, err := clickhouse.Find(""); err != nil || !strings.HasSuffix(got, "/@chdb/lib-linux-x64-gnu/libchdb.so") {
		t.Errorf("upward: %q %v", got, err)
	}
}
