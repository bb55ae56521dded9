package web

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"earshot"
)

// handlerFunc is a handler that may fail; fail turns the error into a page.
type handlerFunc func(w http.ResponseWriter, r *http.Request, v visit) error

func (s *Server) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", s.assets)
	mux.HandleFunc("GET /login", s.page(s.showLogin))
	mux.HandleFunc("POST /login", s.page(s.login))
	mux.HandleFunc("POST /logout", s.page(s.logout))
	mux.HandleFunc("POST /settings", s.page(s.settings))
	mux.HandleFunc("POST /demo/agent", s.page(s.viewAs))
	mux.HandleFunc("GET /{$}", s.inside(s.home))
	mux.HandleFunc("GET /interactions", s.inside(s.list))
	mux.HandleFunc("GET /interactions/{id}", s.inside(s.interaction))
	mux.HandleFunc("GET /interactions/{id}/score", s.inside(s.scored))
	mux.HandleFunc("GET /interactions/{id}/audio.wav", s.inside(s.audio))
	mux.HandleFunc("GET /interactions/{id}/peaks.json", s.inside(s.peaks))
	mux.HandleFunc("GET /interactions/{id}/reviews/{review}", s.inside(s.reviewArrived))
	mux.HandleFunc("POST /interactions/{id}/reviews", s.inside(s.postReview))
	mux.HandleFunc("GET /agents", s.inside(s.agents))
	mux.HandleFunc("GET /agents/{id}", s.inside(s.agent))
	mux.HandleFunc("/", s.page(func(http.ResponseWriter, *http.Request, visit) error {
		return earshot.Errorf(earshot.NotFound, "no such page")
	}))

	cross := http.NewCrossOriginProtection()
	for _, o := range s.cfg.TrustedOrigins {
		if err := cross.AddTrustedOrigin(o); err != nil {
			return nil, earshot.InvalidField("trusted_origins", "use scheme and host", "%v", err)
		}
	}
	cross.SetDenyHandler(http.HandlerFunc(s.page(func(http.ResponseWriter, *http.Request, visit) error {
		return earshot.Errorf(earshot.Denied, "the form was posted from another site")
	})))
	return secure(s.sessions.LoadAndSave(cross.Handler(mux))), nil
}

// csp allows what the workbench itself serves, and nothing inline.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm bounds a posted form; a comment has at most [maxComment] characters.
const maxForm = 64 << 10

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// page runs a handler that needs no login.
func (s *Server) page(h handlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.visit(r)
		w.Header().Set("Cache-Control", "no-store")
		if err := h(w, r, v); err != nil {
			s.fail(w, r, v, err)
		}
	}
}

// inside runs a handler that needs a person, and sends others to the login.
func (s *Server) inside(h handlerFunc) http.HandlerFunc {
	return s.page(func(w http.ResponseWriter, r *http.Request, v visit) error {
		if v.Person.Role != "" {
			return h(w, r, v)
		}
		to := "/login"
		if r.Method == http.MethodGet && !v.partial {
			to = loginURL(r.URL.RequestURI())
		}
		redirect(w, r, v, to)
		return nil
	})
}

// redirect tells browser or htmx to go to a path of our own.
func redirect(w http.ResponseWriter, r *http.Request, v visit, to string) {
	if v.partial {
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// uuidForm is the canonical form of the ids of interactions and reviews.
var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func interactionID(r *http.Request) (earshot.InteractionID, error) {
	id := r.PathValue("id")
	if !uuidForm.MatchString(id) {
		return "", earshot.Errorf(earshot.NotFound, "%q is no interaction id", id)
	}
	return earshot.InteractionID(id), nil
}

// agentID takes any printable name of up to 200 bytes: it is the telephony
// core's own.
func agentID(r *http.Request) (earshot.AgentID, error) {
	id := r.PathValue("id")
	control := strings.ContainsFunc(id, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\uFFFD' })
	if id == "" || len(id) > 200 || control {
		return "", earshot.Errorf(earshot.NotFound, "%q is no agent id", id)
	}
	return earshot.AgentID(id), nil
}

// fail answers with the page, or the fragment, that fits the error's kind.
// People read what they can do; the cause goes to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, v visit, err error) {
	kind := earshot.KindOf(err)
	if r.Context().Err() == context.Canceled {
		return
	}
	if kind == earshot.Internal || kind == earshot.Unavailable {
		s.deps.Log.Error("cannot answer request", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	data := errorData{Kind: strings.ReplaceAll(kind.String(), " ", "_")}
	var e *earshot.Error
	if errors.As(err, &e) && kind == earshot.Invalid {
		data.Field = e.Field
	}
	name := "error"
	if v.partial {
		name = "error-fragment"
	}
	w.Header().Del("HX-Push-Url")
	if err := s.render(w, v, answer{kind.HTTPStatus(), name, data}); err != nil {
		s.deps.Log.Error("cannot show error page", "path", r.URL.Path, "err", err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

type errorData struct {
	// Kind is the key of the text under "error.".
	Kind string
	// Field is the input that was wrong, the key of the text under "invalid.",
	// or "".
	Field string
}
