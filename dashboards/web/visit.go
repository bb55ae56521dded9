package web

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"earshot"
)

// visit is one request's circumstances: who asks, and how it is to be shown.
type visit struct {
	Person Person
	Lang   language
	Theme  string
	Demo   bool
	// Path is the request's path and query, where the settings forms come back to.
	Path string
	// partial is set when htmx asked for a piece of a page.
	partial bool
}

// Agent tells whether the visitor sees the own contacts only.
func (v visit) Agent() bool { return v.Person.Role == RoleAgent }

// On tells whether the page is at or under the given path.
func (v visit) On(path string) bool { return strings.HasPrefix(v.Path, path) }

// May tells whether the visitor may look at an agent's contacts.
func (v visit) May(a earshot.AgentID) bool {
	return v.Person.Role == RoleAdmin || v.Person.Role == RoleReviewer || v.Agent() && a != "" && a == v.Person.Agent
}

const (
	cookieLang  = "earshot_lang"
	cookieTheme = "earshot_theme"
	// cookieYear is how long a choice of language or theme is kept, in seconds.
	cookieYear = 365 * 24 * 60 * 60
)

func (s *Server) visit(r *http.Request) visit {
	v := visit{
		Person:  s.person(r),
		Lang:    s.language(r),
		Theme:   "auto",
		Demo:    s.cfg.Demo,
		Path:    r.URL.RequestURI(),
		partial: r.Header.Get("HX-Request") == "true",
	}
	if r.Method != http.MethodGet {
		v.Path = "/"
	}
	if c, err := r.Cookie(cookieTheme); err == nil && (c.Value == "light" || c.Value == "dark") {
		v.Theme = c.Value
	}
	return v
}

func (s *Server) language(r *http.Request) language {
	if c, err := r.Cookie(cookieLang); err == nil {
		for _, l := range languages() {
			if string(l) == c.Value {
				return l
			}
		}
	}
	return negotiate(r.Header.Get("Accept-Language"), language(s.cfg.Language))
}

// settings keeps the choice of language and theme, and goes back.
func (s *Server) settings(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := parseForm(r); err != nil {
		return err
	}
	switch l := r.PostForm.Get("lang"); l {
	case "en", "zh":
		s.keep(w, cookieLang, l)
	}
	switch t := r.PostForm.Get("theme"); t {
	case "light", "dark", "auto":
		s.keep(w, cookieTheme, t)
	}
	http.Redirect(w, r, ownPath(r.PostForm.Get("back")), http.StatusSeeOther)
	return nil
}

func (s *Server) keep(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: cookieYear,
		HttpOnly: true, Secure: s.cfg.SecureCookies, SameSite: http.SameSiteLaxMode,
	})
}

func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return earshot.Errorf(earshot.Invalid, "cannot read form: %w", err)
	}
	return nil
}

// ownPath returns p when it is a path on this site, else "/". Browsers read
// "//host" and "/\host" as another site.
func ownPath(p string) string {
	if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/"
	}
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return u.RequestURI()
}

// view is what every template gets: the visit and the page's own data.
type view struct {
	visit
	Data any
}

// answer is a status and the template that goes with it.
type answer struct {
	status int
	name   string
	data   any
}

// show answers 200 with a page or a fragment.
func (s *Server) show(w http.ResponseWriter, v visit, name string, data any) error {
	return s.render(w, v, answer{http.StatusOK, name, data})
}

// render writes nothing before the template has run through, so that an error
// in it still becomes an error page.
func (s *Server) render(w http.ResponseWriter, v visit, a answer) error {
	var buf bytes.Buffer
	if err := s.pages[v.Lang].execute(&buf, a.name, view{visit: v, Data: a.data}); err != nil {
		return earshot.Errorf(earshot.Internal, "cannot show %s: %w", a.name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(v.Lang))
	w.Header().Add("Vary", "HX-Request, Accept-Language, Cookie")
	w.WriteHeader(a.status)
	if _, err := buf.WriteTo(w); err != nil {
		s.deps.Log.Debug("visitor left before the page", "page", a.name, "err", err)
	}
	return nil
}
