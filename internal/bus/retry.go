package bus

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"earshot"
)

// backoff returns the wait before try n+1, from RetryMin doubling to RetryMax.
func (c Config) backoff(n int) time.Duration {
	d := c.RetryMin
	for ; n > 1 && d < c.RetryMax; n-- {
		d *= 2
	}
	return min(d, c.RetryMax)
}

// wait returns false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// persist calls f until it works; false when ctx ended first. What fails is
// logged, so that a partition that waits is seen.
func (c *Client) persist(ctx context.Context, what string, f func() error) bool {
	for n := 1; ctx.Err() == nil; n++ {
		err := guard(f)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		d := c.cfg.backoff(n)
		c.log.Warn(what+" failed and is tried again", "error", err, "try", n, "wait", d)
		wait(ctx, d)
	}
	return false
}

// guard turns a panic of f into an error of kind Internal.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = earshot.Errorf(earshot.Internal, "panic: %s\n%s", fmt.Sprint(p), debug.Stack())
		}
	}()
	return f()
}
