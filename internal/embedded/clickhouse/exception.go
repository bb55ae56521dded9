package clickhouse

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// Codes of ClickHouse's exceptions that this server raises or maps by itself.
const (
	codeUnsupported     = 1
	codeBadArguments    = 36
	codeNotImplemented  = 48
	codeUnknownTable    = 60
	codeSyntax          = 62
	codeUnknownDatabase = 81
	codeReadOnly        = 164
	codeTooManyQueries  = 202
	codeUnknownFormat   = 73
	codeNoSession       = 372
	codeSessionLocked   = 373
	codeTimeout         = 159
	codeDenied          = 497
	codeAuth            = 516
	codeUnknown         = 1002
)

// exception is an error in ClickHouse's own grammar.
type exception struct {
	code    int
	name    string
	message string
}

// Error reads "Code: 60. DB::Exception: message. (UNKNOWN_TABLE)".
func (e *exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", e.code, e.message, e.name)
}

func raise(code int, name, format string, args ...any) error {
	return &exception{code: code, name: name, message: fmt.Sprintf(format, args...)}
}

var codePattern = regexp.MustCompile(`^Code: (\d{1,5})\.`)

// asException returns err's text and code; an error of ours that is not in
// ClickHouse's grammar is put into it.
func asException(err error) (string, int) {
	text := err.Error()
	if m := codePattern.FindStringSubmatch(text); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil {
			return text, code
		}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return asException(raise(codeBadArguments, "BAD_ARGUMENTS", "the query text is longer than %d bytes", tooLarge.Limit))
	}
	return asException(raise(codeUnknown, "UNKNOWN_EXCEPTION", "%s", text))
}

// statusOf is the HTTP status of an exception code, as ClickHouse's HTTPHandler
// maps them (exceptionCodeToHTTPStatus).
func statusOf(code int) int {
	switch code {
	case codeAuth, 192, 193, 194, 195, codeDenied, 291:
		return http.StatusForbidden
	case codeUnknownTable, codeUnknownDatabase, 46, 47, 61, 63, codeUnknownFormat, 74, codeNoSession:
		return http.StatusNotFound
	case 6, 16, 26, 27, 38, 41, 43, 44, 42, 53, 69, 70, 72, 115, 117, 130, 456, 457, 62, 36, 19, 31, 349:
		return http.StatusBadRequest
	case codeTimeout:
		return http.StatusRequestTimeout
	case codeReadOnly, codeNotImplemented, codeUnsupported:
		return notExecuted(code)
	case codeTooManyQueries:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func notExecuted(code int) int {
	if code == codeReadOnly {
		return http.StatusForbidden
	}
	return http.StatusNotImplemented
}
