package web

import (
	"io"
	"net/http"
	"time"

	"earshot"
)

// allowed checks that the visitor may see the interaction before its sound is
// given out.
func (s *Server) allowed(r *http.Request, v visit) (earshot.InteractionID, error) {
	id, err := interactionID(r)
	if err != nil {
		return "", err
	}
	if s.deps.Recordings == nil {
		return "", earshot.Errorf(earshot.NotFound, "no recordings are kept")
	}
	if !v.Agent() {
		return id, nil
	}
	detail, err := s.deps.Store.Interaction(r.Context(), id)
	if err != nil {
		return "", err
	}
	if !v.May(detail.Interaction.Agent) {
		return "", errForeign
	}
	return id, nil
}

// errForeign hides from agents whether somebody else's contact exists.
var errForeign = earshot.Errorf(earshot.NotFound, "not among the agent's own contacts")

// audio answers range requests, so that players may jump.
func (s *Server) audio(w http.ResponseWriter, r *http.Request, v visit) error {
	id, err := s.allowed(r, v)
	if err != nil {
		return err
	}
	f, err := s.deps.Recordings.Open(id)
	if err != nil {
		return err
	}
	defer s.closed(id, f)
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("Cache-Control", "private, no-cache")
	http.ServeContent(w, r, "audio.wav", time.Time{}, f)
	return nil
}

func (s *Server) peaks(w http.ResponseWriter, r *http.Request, v visit) error {
	id, err := s.allowed(r, v)
	if err != nil {
		return err
	}
	f, err := s.deps.Recordings.Peaks(id)
	if err != nil {
		return err
	}
	defer s.closed(id, f)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-cache")
	if _, err := io.Copy(w, f); err != nil {
		s.deps.Log.Debug("cannot send peaks", "interaction", id, "err", err)
	}
	return nil
}

// recorded tells whether there is sound to play.
func (s *Server) recorded(id earshot.InteractionID) (bool, error) {
	if s.deps.Recordings == nil {
		return false, nil
	}
	f, err := s.deps.Recordings.Peaks(id)
	if earshot.KindOf(err) == earshot.NotFound && err != nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// closed closes what was sent; by then an error can only be logged.
func (s *Server) closed(id earshot.InteractionID, f io.Closer) {
	if err := f.Close(); err != nil {
		s.deps.Log.Warn("cannot close recording", "interaction", id, "err", err)
	}
}
