package earshot_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"earshot"
)

func TestKind_DecidesStatusExitCodeAndName(t *testing.T) {
	tests := map[earshot.Kind]struct {
		name         string
		status, exit int
	}{
		earshot.Internal:    {"internal", 500, 1},
		earshot.Invalid:     {"invalid", 400, 2},
		earshot.Denied:      {"denied", 403, 3},
		earshot.NotFound:    {"not found", 404, 4},
		earshot.Conflict:    {"conflict", 409, 5},
		earshot.Unavailable: {"unavailable", 503, 6},
	}
	for kind, want := range tests {
		if kind.String() != want.name || kind.HTTPStatus() != want.status || kind.ExitCode() != want.exit {
			t.Errorf("got %s, %d, %d, want %v", kind, kind.HTTPStatus(), kind.ExitCode(), want)
		}
	}
}

func TestKindOf_IsThatOfTheOutermostErrorInTheChain(t *testing.T) {
	away := earshot.Errorf(earshot.Unavailable, "cannot reach Kafka: %w", io.ErrUnexpectedEOF)
	tests := map[string]struct {
		err  error
		want earshot.Kind
	}{
		"none":          {nil, earshot.Internal},
		"unknown":       {io.EOF, earshot.Internal},
		"itself":        {away, earshot.Unavailable},
		"wrapped":       {fmt.Errorf("cannot write: %w", away), earshot.Unavailable},
		"outermost":     {earshot.Errorf(earshot.Denied, "no: %w", away), earshot.Denied},
		"invalid field": {earshot.InvalidField("f", "x", "is bad"), earshot.Invalid},
	}
	for name, tt := range tests {
		if got := earshot.KindOf(tt.err); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	if !errors.Is(away, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

func TestError_NamesTheFieldAndTheFix(t *testing.T) {
	tests := map[string]error{
		"is bad":                   earshot.Errorf(earshot.Internal, "is bad"),
		"f: is bad":                earshot.InvalidField("f", "", "is bad"),
		"is 7; give at least 8":    earshot.InvalidField("", "give at least 8", "is %d", 7),
		"f: is 7; give at least 8": earshot.InvalidField("f", "give at least 8", "is %d", 7),
	}
	for want, err := range tests {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
