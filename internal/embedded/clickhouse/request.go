package clickhouse

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// maxQueryText bounds the text of a query without the data of an INSERT, like
// the engine's max_query_size.
const maxQueryText = 1 << 20

// request is an HTTP request as ClickHouse reads it.
type request struct {
	id       string
	values   url.Values
	readOnly bool
	statement
	// body is the data of an INSERT.
	body io.Reader
	// literal is the data of an INSERT ... VALUES as far as it was read ahead,
	// since it may hold expressions; literalOnly is set when there is more.
	literal     string
	literalOnly bool
}

// readRequest takes the query from the URL and the body: a server joins the two.
// It reads the whole body unless it is the data of an INSERT.
func readRequest(r *http.Request) (*request, error) {
	q := &request{values: r.URL.Query(), readOnly: r.Method != http.MethodPost}
	q.id = q.values.Get("query_id")
	if q.id == "" {
		q.id = uuid.NewString()
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return q, raise(codeNotImplemented, "NOT_IMPLEMENTED",
			"external tables (multipart forms) are not supported by the embedded engine, use a temporary table in a session")
	}
	body, err := requestBody(r, q.values)
	if err != nil {
		return q, err
	}
	return q, q.read(body)
}

func (q *request) read(body io.Reader) error {
	given := q.values.Get("query")
	if given != "" {
		if q.statement = split(given); q.inserts {
			return q.readData(given[q.data:], body)
		}
		given += "\n"
	}
	head, err := readAhead(body)
	if err != nil {
		return err
	}
	sql := given + head
	if q.statement = split(sql); q.inserts {
		return q.readData(sql[q.data:], body)
	}
	if len(sql) > maxQueryText {
		return raise(codeSyntax, "SYNTAX_ERROR", "the query text is longer than %d bytes", maxQueryText)
	}
	q.sql = trimEnd(sql)
	return nil
}

// readData sets the data of an INSERT: what followed the statement in its text,
// then the rest of the body.
func (q *request) readData(begin string, rest io.Reader) error {
	q.body = io.MultiReader(strings.NewReader(begin), rest)
	if !strings.EqualFold(q.format, "Values") {
		return nil
	}
	var err error
	if q.literal, err = readAhead(q.body); err != nil {
		return err
	}
	q.literalOnly = len(q.literal) > maxQueryText
	q.body = io.MultiReader(strings.NewReader(q.literal), rest)
	return nil
}

// readAhead reads at most one byte more than a query text may have.
func readAhead(body io.Reader) (string, error) {
	head, err := io.ReadAll(io.LimitReader(body, maxQueryText+1))
	if err != nil {
		return "", raise(codeBadArguments, "BAD_ARGUMENTS", "cannot read the request's body: %s", err)
	}
	return string(head), nil
}

// resultFormat is the format that the engine is told; a FORMAT clause wins over it.
func (q *request) resultFormat() string {
	if q.format != "" {
		return q.format
	}
	if f := q.values.Get("default_format"); f != "" {
		return f
	}
	return "TabSeparated"
}
