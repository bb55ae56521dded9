package chdb

import (
	"os"
	"os/signal"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestHandlersThatChangedAreNamedAndPutBack(t *testing.T) {
	before, err := saveSignals()
	if err != nil {
		t.Fatal(err)
	}
	var mine kernelAction // SIG_DFL, as a library that resets a handler leaves it
	if err := sigaction(int(unix.SIGUSR2), &mine, nil); err != nil {
		t.Fatal(err)
	}
	changed, err := before.restore()
	if err != nil || !slices.Equal(changed, []int{int(unix.SIGUSR2)}) {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if changed, err := before.restore(); err != nil || len(changed) != 0 {
		t.Errorf("after restoring, %v differ still, %v", changed, err)
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGUSR2)
	defer signal.Stop(got)
	if err := unix.Kill(os.Getpid(), unix.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != unix.SIGUSR2 {
		t.Errorf("got %v", s)
	}
}

func TestNoSignalBeyondTheLastIsAsked(t *testing.T) {
	if err := sigaction(lastSignal+1, nil, new(kernelAction)); err == nil {
		t.Error("the kernel knows more signals than are saved")
	}
}
