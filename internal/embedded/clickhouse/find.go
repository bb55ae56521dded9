package clickhouse

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"earshot"
)

// library is the file name of the engine.
const library = "libchdb.so"

// Find returns the path of libchdb: lib if it is not empty, else the variable
// EARSHOT_LIBCHDB, else beside the binary, else the npm folder of the repository
// that the working directory lies in. A NotFound error says how to get it.
func Find(lib string) (path string, err error) {
	if lib == "" {
		lib = os.Getenv("EARSHOT_LIBCHDB")
	}
	if lib != "" {
		if err := regular(lib); err != nil {
			return "", missing("cannot use %s: %w", lib, err)
		}
		return filepath.Abs(lib)
	}
	for _, candidate := range candidates() {
		if regular(candidate) == nil {
			return candidate, nil
		}
	}
	return "", missing("cannot find %s for %s/%s", library, runtime.GOOS, runtime.GOARCH)
}

func missing(format string, args ...any) error {
	err := earshot.Errorf(earshot.NotFound, format, args...)
	var e *earshot.Error
	if errors.As(err, &e) {
		e.Fix = "run `make setup`, name the library in clickhouse.lib or EARSHOT_LIBCHDB, " +
			"or use a ClickHouse server by clickhouse.addr"
	}
	return err
}

func regular(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fs.ErrInvalid
	}
	return nil
}

// candidates are the places to look at, nearest first.
func candidates() []string {
	var paths []string
	if exe, err := os.Executable(); err == nil {
		paths = append(paths, filepath.Join(filepath.Dir(exe), library))
	}
	dir, err := os.Getwd()
	if err != nil {
		return paths
	}
	packaged := filepath.Join("internal", "embedded", "node_modules", "@chdb", platformPackage(), library)
	for {
		paths = append(paths, filepath.Join(dir, packaged))
		parent := filepath.Dir(dir)
		if parent == dir {
			return paths
		}
		dir = parent
	}
}

// platformPackage is the npm package of this platform's library.
func platformPackage() string {
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return "lib-" + runtime.GOOS + "-" + arch + "-gnu"
}
