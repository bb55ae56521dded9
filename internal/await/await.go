// Package await lets a test wait for what it cannot be told of.
package await

import (
	"testing"
	"time"
)

// The bound is far above what a busy machine needs: no test passes or fails by
// it unless something hangs.
const (
	bound = time.Minute
	every = 5 * time.Millisecond
)

// That returns once ok does, and ends the test when it does not within a minute.
// what is the sentence that has to become true, such as "the lag is 0".
func That(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for end := time.After(bound); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("never: " + what)
		}
	}
}
