// Package web is the workbench: the pages on which reviewers, agents and their
// managers read interactions, listen to them and decide about verdicts.
package web

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"

	"earshot"
	"earshot/metrics/query"
)

// Config says who may come in and how pages are shown.
type Config struct {
	// Demo turns the login off, makes everybody an administrator and says so on
	// every page. Never set it where real conversations are.
	Demo bool `yaml:"demo"`
	// Users is the path of the YAML file with logins, each with name, role
	// (admin, reviewer or agent), password (a bcrypt hash) and, for an agent,
	// agent (the id that the telephony core knows). It is needed unless Demo is set.
	Users string `yaml:"users"`
	// Language is shown to browsers that ask for none that we have: "en" or "zh".
	Language string `yaml:"language"`
	// TimeZone is the IANA name, such as "Asia/Shanghai", in which times are
	// shown and dates are searched; "Local" is the server's.
	TimeZone string `yaml:"time_zone"`
	// PageSize is how many interactions a page of the list holds, 10 to 200.
	PageSize int `yaml:"page_size"`
	// SessionLifetime is how long a login lasts, at least a minute.
	SessionLifetime time.Duration `yaml:"session_lifetime"`
	// LoginAttempts is how many wrong passwords one login name may have from one
	// address within 15 minutes, 1 to 100; the name from all addresses, and the
	// address for all names, may have ten times as many.
	LoginAttempts int `yaml:"login_attempts"`
	// SecureCookies keeps cookies off plain HTTP; set it behind HTTPS.
	SecureCookies bool `yaml:"secure_cookies"`
	// TrustedOrigins may post forms besides the workbench's own origin, such as
	// "https://desk.example.com".
	TrustedOrigins []string `yaml:"trusted_origins"`
}

// DefaultConfig returns the values used where the file says nothing.
func DefaultConfig() Config {
	return Config{
		Language:        "en",
		TimeZone:        "Local",
		PageSize:        50,
		SessionLifetime: 12 * time.Hour,
		LoginAttempts:   10,
	}
}

// Validate returns an Invalid error that names the first wrong key.
func (c Config) Validate() error {
	if !c.Demo && c.Users == "" {
		return earshot.InvalidField("users", "name a file with logins, or set demo: true for a trial", "is empty")
	}
	if c.Language != "en" && c.Language != "zh" {
		return earshot.InvalidField("language", `use "en" or "zh"`, "is %q", c.Language)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		return earshot.InvalidField("time_zone", `use an IANA name such as "Asia/Shanghai", or "Local"`, "is %q", c.TimeZone)
	}
	if c.PageSize < 10 || c.PageSize > 200 {
		return earshot.InvalidField("page_size", "use 10 to 200", "is %d", c.PageSize)
	}
	if c.SessionLifetime < time.Minute {
		return earshot.InvalidField("session_lifetime", "use a minute or more, such as 12h", "is %v", c.SessionLifetime)
	}
	if c.LoginAttempts < 1 || c.LoginAttempts > 100 {
		return earshot.InvalidField("login_attempts", "use 1 to 100", "is %d", c.LoginAttempts)
	}
	for _, o := range c.TrustedOrigins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
			return earshot.InvalidField("trusted_origins", "use scheme and host, such as https://desk.example.com", "holds %q", o)
		}
	}
	return nil
}

// Store reads what the pages show. NotFound is the kind of an unknown id.
type Store interface {
	Interactions(context.Context, query.Filter) (query.Page, error)
	Interaction(context.Context, earshot.InteractionID) (query.Detail, error)
	Facets(context.Context) (query.Facets, error)
	Agents(context.Context) ([]query.AgentRow, error)
	Agent(context.Context, earshot.AgentID) (query.AgentDetail, error)
}

// Recordings opens the audio of calls. NotFound is the kind of a call without
// a recording.
type Recordings interface {
	// Open returns the WAV file: agent left, customer right.
	Open(earshot.InteractionID) (io.ReadSeekCloser, error)
	// Peaks returns JSON: {"rate_ms":N,"channels":[[min,max,...],...]} with one
	// pair every N milliseconds; all values share one scale.
	Peaks(earshot.InteractionID) (io.ReadCloser, error)
}

// Reviews takes what people decided.
type Reviews interface {
	// Produce returns when the review is durable.
	Produce(context.Context, earshot.Review) error
}

// Deps are what the workbench works with.
type Deps struct {
	Store Store
	// Recordings may be nil where no recordings are kept.
	Recordings Recordings
	Reviews    Reviews
	Log        *slog.Logger
}

// Server answers the workbench's requests.
type Server struct {
	cfg      Config
	deps     Deps
	zone     *time.Location
	users    logins
	sessions *scs.SessionManager
	limit    *limiter
	assets   *assets
	pages    map[language]*pages
	handler  http.Handler
}

// New returns a Server over the assets that were built into the binary.
func New(cfg Config, deps Deps) (*Server, error) {
	dist, err := fs.Sub(distFiles, "dist")
	if err != nil {
		return nil, earshot.Errorf(earshot.Internal, "cannot open the built-in assets: %w", err)
	}
	return newServer(cfg, deps, dist)
}

func newServer(cfg Config, deps Deps, dist fs.FS) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(cfg.TimeZone)
	if err != nil {
		return nil, earshot.Errorf(earshot.Invalid, "cannot load time zone: %w", err)
	}
	s := &Server{cfg: cfg, deps: deps, zone: zone, limit: newLimiter(cfg.LoginAttempts)}
	if !cfg.Demo {
		file, err := ReadUsers(cfg.Users)
		if err != nil {
			return nil, err
		}
		if s.users, err = file.logins(); err != nil {
			return nil, err
		}
	}
	if s.assets, err = readAssets(dist); err != nil {
		return nil, err
	}
	if s.pages, err = readPages(zone, s.assets); err != nil {
		return nil, err
	}
	s.sessions = newSessions(cfg)
	s.handler, err = s.routes()
	return s, err
}

// Handler answers every request of the workbench; mount it at the root.
func (s *Server) Handler() http.Handler { return s.handler }
