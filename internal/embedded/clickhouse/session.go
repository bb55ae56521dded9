package clickhouse

import (
	"context"
	"strconv"
	"sync"
	"time"

	"earshot/internal/embedded/clickhouse/chdb"
)

// The bounds of sessions: how long one may idle, and how many there may be.
const (
	sessionTimeout    = 60 * time.Second
	maxSessionTimeout = time.Hour
	maxSessions       = 256
)

// session is a connection that outlives a request, with its temporary tables.
type session struct {
	conn    *chdb.Conn
	busy    bool
	timeout time.Duration
	expires time.Time
}

// sessions are the open ones by session_id.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
}

// take returns the session called id for one request, opening it by open when
// there is none. The caller must give it back.
func (s *sessions) take(id string, timeout time.Duration, mustExist bool, open func() (*chdb.Conn, error)) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.byID[id]
	switch {
	case one == nil && mustExist:
		return nil, raise(codeNoSession, "SESSION_NOT_FOUND", "Session %s not found", id)
	case one == nil && len(s.byID) >= maxSessions:
		return nil, raise(codeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES", "more than %d sessions are open", maxSessions)
	case one != nil && one.busy:
		return nil, raise(codeSessionLocked, "SESSION_IS_LOCKED", "Session %s is locked by a concurrent client", id)
	case one == nil:
		conn, err := open()
		if err != nil {
			return nil, err
		}
		one = &session{conn: conn}
		s.byID[id] = one
	}
	one.busy, one.timeout = true, timeout
	return one, nil
}

// give ends a request's use of the session and starts its idle time.
func (s *sessions) give(one *session, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.busy = false
	one.expires = now.Add(one.timeout)
}

// expire closes the sessions that have idled too long.
func (s *sessions) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.byID {
		if !one.busy && now.After(one.expires) {
			one.conn.Close()
			delete(s.byID, id)
		}
	}
}

// closeAll closes every session; none may be in use.
func (s *sessions) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.byID {
		one.conn.Close()
		delete(s.byID, id)
	}
}

// sweep expires sessions once a second until ctx ends.
func (s *sessions) sweep(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s.expire(now)
		}
	}
}

// parseSessionTimeout reads session_timeout, in seconds; empty is the default.
func parseSessionTimeout(seconds string) (time.Duration, error) {
	if seconds == "" {
		return sessionTimeout, nil
	}
	n, err := strconv.ParseUint(seconds, 10, 32)
	if err != nil || time.Duration(n)*time.Second > maxSessionTimeout {
		return 0, raise(codeBadArguments, "BAD_ARGUMENTS",
			"session_timeout must be 0 to %d seconds; got %q", int(maxSessionTimeout.Seconds()), seconds)
	}
	return time.Duration(n) * time.Second, nil
}
