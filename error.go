package earshot

import (
	"errors"
	"fmt"
)

// Kind decides what becomes of a failure: the HTTP status, the exit code, and
// whether a record is retried, dead-lettered or waits.
type Kind uint8

// The kinds. Internal is also the kind of an unknown error.
const (
	Internal Kind = iota
	// Invalid input: 400, exit 2, dead letter at once.
	Invalid
	// Denied: 403, exit 3, dead letter at once.
	Denied
	// NotFound: 404, exit 4; a record is retried within a bound, since another
	// topic may lag, and then dead-lettered.
	NotFound
	// Conflict, that is, already there: 409, exit 5; a record is counted and passed.
	Conflict
	// Unavailable: something depended on is away: 503, exit 6; a record waits
	// and is never dead-lettered.
	Unavailable
)

// String returns the kind in lower case.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Denied:
		return "denied"
	case NotFound:
		return "not found"
	case Conflict:
		return "conflict"
	case Unavailable:
		return "unavailable"
	default:
		return "internal"
	}
}

// HTTPStatus returns the status code that tells a caller of this kind.
func (k Kind) HTTPStatus() int {
	return [...]int{Internal: 500, Invalid: 400, Denied: 403, NotFound: 404, Conflict: 409, Unavailable: 503}[k]
}

// ExitCode returns the exit code of a command that failed so.
func (k Kind) ExitCode() int {
	return [...]int{Internal: 1, Invalid: 2, Denied: 3, NotFound: 4, Conflict: 5, Unavailable: 6}[k]
}

// Error is a failure with its kind and, for bad input, the field and the fix.
type Error struct {
	Kind Kind
	// Field names the input that is wrong, such as "messages[2].role".
	Field string
	// Fix says what to do about it.
	Fix string
	Err error
}

// Error reads "field: what is wrong; fix".
func (e *Error) Error() string {
	msg := e.Err.Error()
	if e.Field != "" {
		msg = e.Field + ": " + msg
	}
	if e.Fix != "" {
		msg += "; " + e.Fix
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of the given kind; the format may wrap a cause with %w.
func Errorf(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// InvalidField returns an Invalid error about one input field.
func InvalidField(field, fix, format string, args ...any) error {
	return &Error{Kind: Invalid, Field: field, Fix: fix, Err: fmt.Errorf(format, args...)}
}

// KindOf returns the kind of the outermost [Error] in err's chain, Internal if
// there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
