package clickhouse

import (
	"net/url"
	"slices"
	"strings"
)

// reserved are the URL parameters that are not settings of the engine; the list
// follows ClickHouse's HTTP interface.
var reserved = []string{
	"add_http_cors_header", "buffer_size", "client_protocol_version", "compress", "database", "decompress",
	"default_format", "enable_http_compression", "http_headers_progress_interval_ms",
	"http_native_compression_disable_checksumming_on_decompress", "http_zlib_compression_level", "log_comment",
	"network_compression_method", "network_zstd_compression_level", "password", "query", "query_id", "quota_key",
	"role", "send_progress_in_http_headers", "session_check", "session_id", "session_timeout", "stacktrace",
	"user", "wait_end_of_query",
}

// settingsStatement turns the URL's settings and param_x values into one SET
// statement, in the order of their names; empty if there are none. A name that
// is no identifier is an UNKNOWN_SETTING (115), as with a server.
func settingsStatement(values url.Values) (string, error) {
	var pairs []string
	for _, name := range slices.Sorted(keys(values)) {
		if slices.Contains(reserved, name) || len(values[name]) == 0 {
			continue
		}
		if !identifier(name) {
			return "", raise(115, "UNKNOWN_SETTING", "Unknown setting '%s'", name)
		}
		if err := checkSetting(name); err != nil {
			return "", err
		}
		pairs = append(pairs, name+" = "+quote(values[name][len(values[name])-1]))
	}
	if len(pairs) == 0 {
		return "", nil
	}
	return "SET " + strings.Join(pairs, ", "), nil
}

func keys(values url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range values {
			if !yield(name) {
				return
			}
		}
	}
}

// quote writes s as a string literal of ClickHouse.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// quoteName writes s as a quoted identifier.
func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}
