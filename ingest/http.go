package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"earshot"
	"earshot/internal/bus"
)

// receipt tells a caller what one item became.
type receipt struct {
	ID          string                `json:"id"`
	Interaction earshot.InteractionID `json:"interaction"`
	Utterance   earshot.UtteranceID   `json:"utterance,omitempty"`
}

// problem is an error body (RFC 9457).
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Field  string `json:"field,omitempty"`
	Fix    string `json:"fix,omitempty"`
}

// convert turns the items of a request into records and receipts; nothing is
// written unless all items are right.
type convert func(items []json.RawMessage) ([]bus.Message, []receipt, error)

func (s *Service) accept(noun string, conv convert) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		items, err := s.items(w, r, noun)
		if err != nil {
			s.fail(w, err)
			return
		}
		msgs, receipts, err := conv(items)
		if err != nil {
			s.fail(w, err)
			return
		}
		if err := s.sink.Produce(r.Context(), msgs...); err != nil {
			s.fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(map[string]any{"accepted": len(receipts), "items": receipts}) // the caller is gone: nothing to tell
	})
}

// items reads one JSON object, or a list of them.
func (s *Service) items(w http.ResponseWriter, r *http.Request, noun string) ([]json.RawMessage, error) {
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && ct != "application/json" && ct != "application/x-www-form-urlencoded" {
		return nil, earshot.InvalidField("Content-Type", "send application/json", "is %q", ct)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, earshot.InvalidField("body", "send fewer "+noun+" at once", "over %d bytes", tooLarge.Limit)
		}
		return nil, earshot.InvalidField("body", "send the whole body", "cannot read it: %w", err)
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, earshot.InvalidField("body", "send a JSON object or a list of them", "is empty")
	}
	items := []json.RawMessage{body}
	if body[0] == '[' {
		items = nil
		if err := json.Unmarshal(body, &items); err != nil {
			return nil, earshot.InvalidField("body", "send valid JSON", "cannot read the list: %w", err)
		}
	}
	if len(items) == 0 || len(items) > s.cfg.MaxItems {
		return nil, earshot.InvalidField("body", fmt.Sprintf("send 1 to %d %s", s.cfg.MaxItems, noun), "holds %d %s", len(items), noun)
	}
	return items, nil
}

// readItems reads and validates all items; its error names the first bad one.
func readItems[T interface{ Validate() error }](noun string, items []json.RawMessage) ([]T, error) {
	out := make([]T, len(items))
	for k, raw := range items {
		err := decode(raw, &out[k])
		if err == nil {
			err = out[k].Validate()
		}
		if err != nil {
			return nil, at(noun, k, len(items), err)
		}
	}
	return out, nil
}

// decode reads one item strictly: an unknown field is an error that names it.
func decode(raw json.RawMessage, dst any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(dst)
	if err == nil && dec.More() {
		err = errors.New("more than one JSON value")
	}
	if err == nil {
		return nil
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return earshot.InvalidField(typ.Field, "give a "+typ.Type.String(), "is a %s", typ.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return earshot.InvalidField(strings.Trim(name, `"`), "see docs/channels.md for the fields", "is no field here")
	}
	if strings.Contains(err.Error(), "parsing time") {
		return earshot.InvalidField("", "write times as RFC 3339, such as 2026-11-23T09:30:00+08:00", "%w", err)
	}
	return earshot.InvalidField("", "send valid JSON", "cannot read it: %w", err)
}

func (s *Service) fail(w http.ResponseWriter, err error) {
	kind := earshot.KindOf(err)
	p := problem{Title: strings.ToUpper(kind.String()[:1]) + kind.String()[1:], Status: kind.HTTPStatus(), Detail: err.Error()}
	var e *earshot.Error
	if errors.As(err, &e) {
		p.Field, p.Fix = e.Field, e.Fix
	}
	if kind == earshot.Internal {
		s.log.Error("cannot accept a request", "error", err)
		p.Detail = "Internal error; the log of Earshot tells more"
	}
	if kind == earshot.Unavailable {
		w.Header().Set("Retry-After", "5")
	}
	writeProblem(w, p)
}

func writeProblem(w http.ResponseWriter, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller is gone: nothing to tell
}

// at prefixes the field of an error with the item's place in a list.
func at(noun string, index, of int, err error) error {
	var e *earshot.Error
	if of == 1 || !errors.As(err, &e) {
		return err
	}
	field := fmt.Sprintf("%s[%d]", noun, index)
	if e.Field != "" {
		field += "." + e.Field
	}
	return &earshot.Error{Kind: e.Kind, Field: field, Fix: e.Fix, Err: e.Err}
}
