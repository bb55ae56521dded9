package clickhouse_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"earshot/internal/embedded/clickhouse"
	"earshot/internal/need"
)

// shared is the one server of this test binary: a process has one engine.
var shared *clickhouse.Server

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(serveAsChild(dir))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	lib, err := clickhouse.Find("")
	if err != nil {
		if need.Everything() {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "earshot-clickhouse-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared, err = clickhouse.Start(context.Background(), clickhouse.Config{
		Dir: dir, Listen: "127.0.0.1:0", Lib: lib, Password: "pw",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
