package chdb

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lastSignal is the highest signal number of Linux (_NSIG).
const lastSignal = 64

// kernelAction is the kernel's struct sigaction (handler, flags, restorer, mask;
// 32 bytes on amd64 and arm64) taken as it is: Go's own restorer comes back too,
// which the C library's sigaction would replace.
type kernelAction [64]byte

// signalHandlers is what the process does on each signal; index is the number.
type signalHandlers [lastSignal + 1]kernelAction

// saveSignals reads the handlers of all signals.
func saveSignals() (*signalHandlers, error) {
	saved := new(signalHandlers)
	for sig := 1; sig <= lastSignal; sig++ {
		if err := sigaction(sig, nil, &saved[sig]); err != nil {
			return nil, err
		}
	}
	return saved, nil
}

// restore sets the handlers that differ from the saved ones back and returns the
// numbers of those signals.
func (h *signalHandlers) restore() ([]int, error) {
	var changed []int
	for sig := 1; sig <= lastSignal; sig++ {
		var now kernelAction
		if err := sigaction(sig, nil, &now); err != nil {
			return changed, err
		}
		if now == h[sig] {
			continue
		}
		changed = append(changed, sig)
		if err := sigaction(sig, &h[sig], nil); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func sigaction(sig int, set, get *kernelAction) error {
	const maskSize = 8
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), maskSize, 0, 0)
	if errno != 0 {
		return fmt.Errorf("cannot read or set the handler of signal %d: %w", sig, errno)
	}
	return nil
}
