package asr

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"earshot"
)

// The waits before something that was unavailable is tried again.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// retry does something until it works, fails with an error that is not of kind
// Unavailable, or ctx ends. what completes the sentence "cannot ...".
func retry(ctx context.Context, log *slog.Logger, what string, do func() error) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("cannot %s: %w", what, err)
		}
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || earshot.KindOf(err) != earshot.Unavailable {
			return fmt.Errorf("cannot %s: %w", what, err)
		}
		log.Warn("cannot "+what+" now", "again_in", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}
