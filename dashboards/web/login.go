package web

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"earshot"
)

const (
	sessionUser  = "user"
	sessionAgent = "agent"
	// loginWindow is how long a wrong password counts.
	loginWindow = 15 * time.Minute
	// demoName is the login under which the demo's decisions are kept.
	demoName = "demo"
)

// newSessions keeps sessions in memory: a restart asks everybody to log in
// again. The store has no clean-up goroutine; expired sessions go when asked for.
func newSessions(cfg Config) *scs.SessionManager {
	m := scs.New()
	m.Store = memstore.NewWithCleanupInterval(0)
	m.Lifetime = cfg.SessionLifetime
	m.HashTokenInStore = true
	m.Cookie.Name = "earshot_session"
	m.Cookie.Secure = cfg.SecureCookies
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	return m
}

// person reads who is logged in from the session; a user who was taken out of
// the file since is nobody.
func (s *Server) person(r *http.Request) Person {
	if s.cfg.Demo {
		if a := s.sessions.GetString(r.Context(), sessionAgent); a != "" {
			return Person{Name: demoName, Role: RoleAgent, Agent: earshot.AgentID(a)}
		}
		return Person{Name: demoName, Role: RoleAdmin}
	}
	return s.users.person(s.sessions.GetString(r.Context(), sessionUser))
}

func loginURL(back string) string {
	if back == "/" {
		return "/login"
	}
	return "/login?" + url.Values{"back": {back}}.Encode()
}

type loginData struct {
	Back, Name string
	// Wrong is the key of what went wrong, "" at first.
	Wrong string
}

func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, v visit) error {
	back := ownPath(r.URL.Query().Get("back"))
	if v.Person.Role != "" {
		http.Redirect(w, r, back, http.StatusSeeOther)
		return nil
	}
	return s.show(w, v, "login", loginData{Back: back})
}

func (s *Server) login(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	data := loginData{Back: ownPath(r.PostForm.Get("back")), Name: r.PostForm.Get("name")}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if s.limit.full(data.Name, host, time.Now()) {
		data.Wrong = "login.too_many"
		return s.render(w, v, answer{http.StatusTooManyRequests, "login", data})
	}
	who, ok := s.users.check(data.Name, r.PostForm.Get("password"))
	if !ok {
		s.limit.add(data.Name, host, time.Now())
		s.deps.Log.Warn("wrong login", "name", data.Name, "host", host)
		data.Wrong = "login.wrong"
		return s.render(w, v, answer{http.StatusUnauthorized, "login", data})
	}
	// A new token, so that one known before the login is worth nothing after.
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		return earshot.Errorf(earshot.Internal, "cannot start session: %w", err)
	}
	s.sessions.Put(r.Context(), sessionUser, who.Name)
	http.Redirect(w, r, data.Back, http.StatusSeeOther)
	return nil
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request, _ visit) error {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return earshot.Errorf(earshot.Internal, "cannot end session: %w", err)
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// viewAs lets the demo's visitor look through the eyes of one agent, or of the
// administrator again when none is named.
func (s *Server) viewAs(w http.ResponseWriter, r *http.Request, _ visit) error {
	if !s.cfg.Demo {
		return earshot.Errorf(earshot.NotFound, "only the demo shows other people's view")
	}
	if err := parseForm(r); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), sessionAgent, r.PostForm.Get("agent"))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// limiter counts wrong passwords within loginWindow: of a name from an address,
// and ten times as many of a name from anywhere and of an address for any name,
// since a whole office may share one address.
type limiter struct {
	most int
	mu   sync.Mutex
	// seen holds the times of what went wrong by key, oldest first.
	seen map[string][]time.Time
}

const (
	// maxKeys bounds the memory that made-up names can take.
	maxKeys = 10_000
	// widely is how much more is let through where many may stand behind a key.
	widely = 10
)

func newLimiter(most int) *limiter { return &limiter{most: most, seen: map[string][]time.Time{}} }

// keys are what an attempt counts for, with how many times the bound.
func keys(name, host string) map[string]int {
	return map[string]int{"pair " + name + "\x00" + host: 1, "name " + name: widely, "host " + host: widely}
}

// full tells whether the attempts are used up.
func (l *limiter) full(name, host string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, times := range keys(name, host) {
		if len(l.fresh(key, now)) >= l.most*times {
			return true
		}
	}
	return false
}

// add counts one more wrong attempt.
func (l *limiter) add(name, host string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) >= maxKeys {
		for k := range l.seen {
			l.fresh(k, now)
		}
	}
	for key := range keys(name, host) {
		if len(l.seen) < maxKeys || l.seen[key] != nil {
			l.seen[key] = append(l.fresh(key, now), now)
		}
	}
}

// fresh drops what is older than the window.
func (l *limiter) fresh(key string, now time.Time) []time.Time {
	times := l.seen[key]
	for len(times) > 0 && now.Sub(times[0]) > loginWindow {
		times = times[1:]
	}
	if len(times) == 0 {
		delete(l.seen, key)
		return nil
	}
	l.seen[key] = times
	return times
}
