// Package need says what becomes of a test whose tool or data is missing.
package need

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Everything says whether all tests have to run: EARSHOT_E2E=require, as in CI.
func Everything() bool { return os.Getenv("EARSHOT_E2E") == "require" }

// That skips the test unless ok, and fails it where all tests have to run. what
// is the thing that is missing otherwise.
func That(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case Everything():
		t.Fatal(what + " is missing")
	default:
		t.Skip(what + " is missing")
	}
}

// Tool returns the path of the first of the programs that is installed.
func Tool(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	That(t, false, names[0])
	return ""
}

// Data returns a path below the folder of data to measure with: that which
// EARSHOT_TEST_DATA names, else shared/data beside the repository. Most machines
// have none, so that a test without it is always skipped.
func Data(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("EARSHOT_TEST_DATA")
	if dir == "" {
		dir = filepath.Join(repository(t), "..", "shared", "data")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the data set %s is not on this machine", name)
	}
	return path
}

// repository is the folder of go.mod, at or above the test's package.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("cannot find go.mod above the test")
		}
	}
}
