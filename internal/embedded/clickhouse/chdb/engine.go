package chdb

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The ways in which [Boot] can fail for reasons that a caller may act on.
var (
	// ErrCPU: the processor lacks an instruction set.
	ErrCPU = errors.New("this processor cannot run the embedded ClickHouse engine")
	// ErrBooted: this process has, or had, an engine already.
	ErrBooted = errors.New("this process has already booted its one ClickHouse engine")
	// ErrLocked: the engine did not open the folder; another process holds it,
	// or it cannot be written.
	ErrLocked = errors.New("the engine could not open the data folder")
)

// process guards what libchdb makes global to the process. It is the one
// variable of the package because the library is one variable itself.
var process struct {
	sync.Mutex
	booted bool
}

// Engine is the booted library. It keeps one connection open for its life,
// since closing the last one stops the engine.
type Engine struct {
	lib  *library
	dir  string
	keep *Conn
	open atomic.Int64
	// Replaced lists the signals whose handlers the library had taken.
	Replaced []int
}

// Check says whether this processor can run the library: [ErrCPU] if not.
func Check() error {
	if missing := missingCPU(); missing != "" {
		return fmt.Errorf("%w: it has no %s", ErrCPU, missing)
	}
	return nil
}

// Boot loads the library at lib and opens the data folder dir, with further
// engine arguments such as "--max_server_memory_usage=2000000000". It can
// succeed once in a process. Standard input (descriptor 0) becomes /dev/null,
// os.Stdin goes on reading what it read.
func Boot(lib, dir string, args ...string) (*Engine, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	process.Lock()
	defer process.Unlock()
	if process.booted {
		return nil, ErrBooted
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot resolve %s: %w", dir, err)
	}
	if err := shieldStdin(); err != nil {
		return nil, err
	}
	handlers, err := saveSignals()
	if err != nil {
		return nil, err
	}
	engine, err := load(lib, dir, args)
	replaced, restoreErr := handlers.restore()
	if err := errors.Join(err, restoreErr); err != nil {
		return nil, err
	}
	engine.Replaced = replaced
	process.booted = true
	return engine, nil
}

func load(lib, dir string, args []string) (*Engine, error) {
	functions, err := open(lib)
	if err != nil {
		return nil, err
	}
	functions.setSignals(0)
	engine := &Engine{lib: functions, dir: dir}
	engine.keep, err = engine.connect(args)
	return engine, err
}

// Connect opens a connection: a session with its own settings and current
// database, which runs one statement at a time. Settings are written
// "--async_insert=0"; the ones given to Boot do not carry over. It costs 0.1 ms.
func (e *Engine) Connect(settings ...string) (*Conn, error) { return e.connect(settings) }

func (e *Engine) connect(args []string) (*Conn, error) {
	argv := append([]string{"clickhouse", "--path=" + e.dir}, args...)
	pointers := make([]unsafe.Pointer, len(argv)+1)
	for i, arg := range argv {
		pointers[i] = pointer(append([]byte(arg), 0))
	}
	handle := e.lib.connect(int32(len(argv)), unsafe.Pointer(&pointers[0]))
	runtime.KeepAlive(pointers)
	if handle == nil {
		return nil, fmt.Errorf("%w %s", ErrLocked, e.dir)
	}
	e.open.Add(1)
	return &Conn{lib: e.lib, handle: handle, open: &e.open}, nil
}

// Close stops the engine for the rest of the process and frees the data folder.
// All other connections must have been closed; it fails when one has not.
func (e *Engine) Close() error {
	if open := e.open.Load(); open > 1 {
		return fmt.Errorf("cannot stop the ClickHouse engine: %d connections are still open", open-1)
	}
	e.keep.Close()
	// Closing the last connection shut the tables and freed the folder. This
	// also joins the library's threads, or fails where idle pool threads stay
	// (as after any on-disk table): they hold nothing and end with the process.
	e.lib.shutdown()
	return nil
}
