package chdb

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// shieldStdin points descriptor 0 at /dev/null, because the engine reads it as
// the data of an INSERT. The process keeps its input: os.Stdin moves to a copy.
func shieldStdin() error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fmt.Errorf("cannot shield standard input: %w", err)
	}
	defer null.Close()
	if kept, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3); err == nil {
		os.Stdin = os.NewFile(uintptr(kept), os.Stdin.Name())
	}
	if err := unix.Dup3(int(null.Fd()), 0, 0); err != nil {
		return fmt.Errorf("cannot shield standard input: %w", err)
	}
	return nil
}
