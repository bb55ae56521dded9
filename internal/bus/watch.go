package bus

import "time"

// watch ends a session that has lag and receives nothing. It looks every
// quarter of StallTimeout.
func (s *session) watch() {
	every := max(s.client.cfg.StallTimeout/4, time.Millisecond)
	for wait(s.ctx, every) {
		if s.stalled() {
			s.cancel(errRebuild)
			return
		}
	}
}

func (s *session) stalled() bool { return false }
