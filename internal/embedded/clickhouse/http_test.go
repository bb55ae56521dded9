package clickhouse_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answer is an HTTP response with its body read.
type answer struct {
	*http.Response
	body string
}

// do sends a request to the shared server with the right password.
func do(t testing.TB, method string, params url.Values, body io.Reader, change ...func(*http.Request)) answer {
	t.Helper()
	needEngine(t)
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+shared.Addr()+"/?"+params.Encode(), body)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("default", "pw")
	for _, f := range change {
		f(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(all)}
}

// post sends a query as the body.
func post(t testing.TB, sql string, params ...string) answer {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		values.Set(params[i], params[i+1])
	}
	return do(t, http.MethodPost, values, strings.NewReader(sql))
}

func (a answer) code() string { return a.Header.Get("X-ClickHouse-Exception-Code") }
