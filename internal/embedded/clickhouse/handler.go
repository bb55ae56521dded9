package clickhouse

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"earshot/internal/embedded/clickhouse/chdb"
)

// ServeHTTP answers ClickHouse's HTTP interface.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-ClickHouse-Server-Display-Name", displayName)
	switch {
	case foreign(r):
		http.Error(w, "requests from web pages of other sites are refused", http.StatusForbidden)
	case r.URL.Path == "/ping", r.URL.Path == "/replicas_status",
		r.URL.Path == "/" && r.Method == http.MethodGet && r.URL.RawQuery == "":
		_, _ = io.WriteString(w, "Ok.\n")
	case r.URL.Path != "/":
		http.Error(w, "There is no handle "+r.URL.Path, http.StatusNotFound)
	case r.Method != http.MethodPost && r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "Use GET or POST", http.StatusMethodNotAllowed)
	case !s.allowed(r):
		writeException(w, raise(codeAuth, "AUTHENTICATION_FAILED",
			"Authentication failed: password is incorrect, or there is no user with such name").Error(), codeAuth)
	default:
		s.serve(w, r)
	}
}

// foreign finds requests that a web page of another site made a browser send:
// the port is on loopback, where every page's scripts can reach it.
func foreign(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if net.ParseIP(strings.Trim(host, "[]")) == nil && host != "localhost" && !strings.HasSuffix(host, ".local") && strings.Contains(host, ".") {
		return loopbackRemote(r) // a name that was made to point here
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	from, err := url.Parse(origin)
	return err != nil || from.Host != r.Host
}

func loopbackRemote(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopback(host)
}

// allowed compares the request's credentials, in the order in which ClickHouse
// looks for them, in constant time.
func (s *Server) allowed(r *http.Request) bool {
	user, password := s.config.User, ""
	values := r.URL.Query()
	switch {
	case r.Header.Get("X-ClickHouse-User") != "" || r.Header.Get("X-ClickHouse-Key") != "":
		user, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	case r.Header.Get("Authorization") != "":
		var ok bool
		if user, password, ok = r.BasicAuth(); !ok {
			return false
		}
	case values.Has("user") || values.Has("password"):
		user, password = values.Get("user"), values.Get("password")
	}
	if user == "" {
		user = s.config.User
	}
	got := sha256.Sum256([]byte(user + "\x00" + password))
	want := sha256.Sum256([]byte(s.config.User + "\x00" + s.config.Password))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// serve runs the request's query within the bound on concurrent ones.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return
	}
	q, err := readRequest(r)
	w.Header().Set("X-ClickHouse-Query-Id", q.id)
	w.Header().Set("X-ClickHouse-Timezone", s.timezone)
	if err != nil {
		message, code := asException(err)
		writeException(w, message, code)
		return
	}
	res := newResponse(w, r, q)
	if strings.HasPrefix(q.sql, hello) && q.values.Has("client_protocol_version") {
		_, _ = res.Write(helloBlock(s.version, s.timezone))
		_ = res.finish(chdb.Stats{ResultRows: 1}, 0)
		return
	}
	begun := time.Now()
	stats, err := s.run(r.Context(), q, res)
	if err == nil {
		err = res.finish(stats, time.Since(begun).Nanoseconds())
	}
	if err != nil {
		s.report(q, err)
		res.fail(err)
	}
}

// report logs failures that are not the client's.
func (s *Server) report(q *request, err error) {
	var ours *exception
	var engine *chdb.Error
	if errors.As(err, &ours) || errors.As(err, &engine) || errors.Is(err, context.Canceled) {
		s.config.Log.Debug("clickhouse query failed", "query_id", q.id, "error", err)
		return
	}
	s.config.Log.Warn("clickhouse query failed", "query_id", q.id, "error", err)
}
