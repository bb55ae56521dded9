package await

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// probe is a test that notes its end, as Fatal does by ending the goroutine.
type probe struct {
	testing.TB
	message any
}

func (p *probe) Helper() {}
func (p *probe) Fatal(args ...any) {
	p.message = args[0]
	runtime.Goexit()
}

func TestThat_AsksAgainUntilItHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		began := time.Now()
		That(t, "it is asked thrice", func() bool { asked++; return asked == 3 })
		if took := time.Since(began); asked != 3 || took != 2*every {
			t.Errorf("asked %d times in %v", asked, took)
		}
	})
}

func TestThat_EndsTheTestAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &probe{TB: t}
		ended := make(chan time.Duration)
		go func() {
			began := time.Now()
			defer func() { ended <- time.Since(began) }()
			That(p, "nothing is left", func() bool { return false })
		}()
		if took := <-ended; took < bound || took > bound+every || p.message != "never: nothing is left" {
			t.Errorf("after %v: %v", took, p.message)
		}
	})
}
