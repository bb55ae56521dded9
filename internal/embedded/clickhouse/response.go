package clickhouse

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"earshot/internal/embedded/clickhouse/chdb"
)

// The bytes of a result that are held back, so that an exception among them
// still gets its status: as a rule, and with wait_end_of_query=1.
const (
	holdBack    = 256 << 10
	holdBackAll = 512 << 20
)

// response writes a result, or an exception in its place or in its middle.
type response struct {
	http    http.ResponseWriter
	q       *request
	held    bytes.Buffer
	limit   int
	started bool
	tag     string
	gzip    *gzip.Writer
	out     io.Writer
}

// newResponse picks the encodings that the client asks for.
func newResponse(w http.ResponseWriter, r *http.Request, q *request) *response {
	res := &response{http: w, q: q, limit: holdBack, out: w, tag: exceptionTag()}
	if flag(q.values, "wait_end_of_query") {
		res.limit = holdBackAll
	}
	if flag(q.values, "enable_http_compression") && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		res.gzip = gzip.NewWriter(w)
		res.out = res.gzip
	}
	if flag(q.values, "compress") {
		res.out = newFramer(res.out, q.values)
	}
	return res
}

// exceptionTag makes the 16 letters that mark an exception within a result.
func exceptionTag() string { return strings.ToLower(rand.Text()[:16]) }

// Write implements io.Writer for the result's bytes.
func (r *response) Write(p []byte) (int, error) {
	if !r.started && r.held.Len()+len(p) <= r.limit {
		return r.held.Write(p)
	}
	if err := r.start(); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil // an empty piece would be an empty compressed block
	}
	return r.out.Write(p)
}

// start sends the headers and what was held back.
func (r *response) start() error {
	if r.started {
		return nil
	}
	r.started = true
	head := r.http.Header()
	head.Set("Content-Type", contentType(r.q.resultFormat()))
	head.Set("X-ClickHouse-Format", r.q.resultFormat())
	head.Set("X-ClickHouse-Exception-Tag", r.tag)
	if r.gzip != nil {
		head.Set("Content-Encoding", "gzip")
	}
	r.http.WriteHeader(http.StatusOK)
	if r.held.Len() == 0 {
		return nil
	}
	_, err := r.out.Write(r.held.Bytes())
	r.held = bytes.Buffer{}
	return err
}

// finish sends the rest of a result that was all right.
func (r *response) finish(stats chdb.Stats, elapsed int64) error {
	if !r.started {
		r.http.Header().Set("X-ClickHouse-Summary", summary(stats, elapsed))
		if r.held.Len() == 0 {
			r.gzip = nil // nothing to compress: clients take an empty body for no result
		}
	}
	if err := r.start(); err != nil {
		return err
	}
	if r.gzip != nil {
		return r.gzip.Close()
	}
	return nil
}

// fail sends an exception: with its status if nothing was sent yet, else as
// ClickHouse's framed block after what was sent.
func (r *response) fail(err error) {
	message, code := asException(err)
	if !r.started {
		writeException(r.http, message, code)
		return
	}
	block := fmt.Sprintf("\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", r.tag, message, len(message)+1, r.tag)
	w := io.Writer(r.http)
	if r.gzip != nil {
		w = r.gzip
		defer r.gzip.Close()
	}
	// The client reads the block's text; if it is gone there is nobody to tell.
	_, _ = io.WriteString(w, block)
}

// writeException answers with an exception alone.
func writeException(w http.ResponseWriter, message string, code int) {
	w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(code))
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Connection", "close") // the body may not have been read
	w.WriteHeader(statusOf(code))
	_, _ = io.WriteString(w, message+"\n")
}

func summary(s chdb.Stats, elapsed int64) string {
	return fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d",`+
		`"total_rows_to_read":"0","result_rows":"%d","result_bytes":"0","elapsed_ns":"%d"}`,
		s.ReadRows, s.ReadBytes, s.WrittenRows, s.WrittenBytes, s.ResultRows, elapsed)
}

// contentType is the media type of a format, as ClickHouse sends it.
func contentType(format string) string {
	switch {
	case strings.HasPrefix(format, "JSONEachRow"), strings.HasPrefix(format, "JSONLines"), strings.HasPrefix(format, "NDJSON"),
		strings.HasPrefix(format, "JSONCompactEachRow"):
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(format, "JSON"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8; header=" + present(strings.Contains(format, "Names"))
	case strings.HasPrefix(format, "TabSeparated"), strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case format == "Native", format == "RowBinary", format == "Parquet", format == "Arrow":
		return "application/octet-stream"
	case format == "XML":
		return "application/xml; charset=UTF-8"
	}
	return "text/plain; charset=UTF-8"
}

func present(yes bool) string {
	if yes {
		return "present"
	}
	return "absent"
}
