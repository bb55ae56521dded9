//go:build !linux

package chdb

import (
	"fmt"
	"runtime"
)

// signalHandlers is empty where the engine is not run.
type signalHandlers struct{}

func saveSignals() (*signalHandlers, error) { return new(signalHandlers), nil }

func (*signalHandlers) restore() ([]int, error) { return nil, nil }

// shieldStdin refuses: signals and input are guarded on Linux only.
func shieldStdin() error {
	return fmt.Errorf("%w: it is loaded on Linux, this is %s", ErrCPU, runtime.GOOS)
}
