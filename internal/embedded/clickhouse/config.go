package clickhouse

import (
	"log/slog"
	"net"
	"strconv"
	"time"

	"earshot"
)

// Config says where the engine keeps its data and how it is reached. The zero
// value of every key but Dir means its default.
type Config struct {
	// Dir is the data folder; it is made when missing.
	Dir string `yaml:"dir"`
	// Listen is the HTTP address; port 0 takes a free one. An address that other
	// machines can reach needs a Password.
	Listen string `yaml:"listen"`
	// Lib is the path of libchdb.so; empty searches for it, see [Find].
	Lib string `yaml:"lib"`
	// User is the one user that may connect.
	User string `yaml:"user"`
	// Password is that user's; empty lets every local process in.
	Password string `yaml:"password"`
	// Database is the one that a request without a database works in. It is made
	// at start. "default" is refused: the engine shows the file system there.
	Database string `yaml:"database"`
	// MemoryBytes bounds what the engine allocates; queries beyond it fail with
	// MEMORY_LIMIT_EXCEEDED (241).
	MemoryBytes int64 `yaml:"memory_bytes"`
	// CacheBytes bounds each of the engine's mark, index and text caches.
	CacheBytes int64 `yaml:"cache_bytes"`
	// Queries is how many requests run at once; further ones wait.
	Queries int `yaml:"queries"`
	// Threads is how many threads one query may use; 0 lets the engine choose.
	Threads int `yaml:"threads"`
	// SyncWrites makes an INSERT wait for the disk (fsync), so that a power cut
	// loses nothing acknowledged. Without it a kill -9 is still safe.
	SyncWrites bool `yaml:"sync_writes"`
	// DrainTimeout is how long Close waits for requests before it kills them.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
	// Log gets the server's messages; nil discards them.
	Log *slog.Logger `yaml:"-"`
}

// DefaultConfig fits a laptop: 2 GiB for the engine, 16 requests at once.
func DefaultConfig() Config {
	return Config{
		Dir:          "data/clickhouse",
		Listen:       "127.0.0.1:8123",
		User:         "default",
		Database:     "earshot",
		MemoryBytes:  2 << 30,
		CacheBytes:   64 << 20,
		Queries:      16,
		DrainTimeout: 10 * time.Second,
	}
}

// Validate names the key that is wrong and the fix.
func (c Config) Validate() error {
	c = c.withDefaults()
	if c.Dir == "" {
		return earshot.InvalidField("clickhouse.dir", "name a folder for the data", "must not be empty")
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if n, convErr := strconv.ParseUint(port, 10, 16); err != nil || convErr != nil || n > 65535 {
		return earshot.InvalidField("clickhouse.listen", "write it as 127.0.0.1:8123", "got %q", c.Listen)
	}
	if c.Password == "" && !loopback(host) {
		return earshot.InvalidField("clickhouse.listen", "listen on 127.0.0.1 or set clickhouse.password",
			"%q can be reached by other machines", c.Listen)
	}
	if !identifier(c.Database) || c.Database == overlayDatabase {
		return earshot.InvalidField("clickhouse.database", "use a name such as earshot", "got %q", c.Database)
	}
	return c.validateBounds()
}

// validateBounds checks the numbers.
func (c Config) validateBounds() error {
	if c.MemoryBytes < minMemory {
		return earshot.InvalidField("clickhouse.memory_bytes", "give it at least 268435456", "got %d", c.MemoryBytes)
	}
	if c.CacheBytes < 0 || c.CacheBytes > c.MemoryBytes {
		return earshot.InvalidField("clickhouse.cache_bytes", "use a part of memory_bytes", "got %d", c.CacheBytes)
	}
	if c.Queries < 1 || c.Queries > 1024 {
		return earshot.InvalidField("clickhouse.queries", "use 1 to 1024", "got %d", c.Queries)
	}
	if c.Threads < 0 || c.Threads > 1024 {
		return earshot.InvalidField("clickhouse.threads", "use 0 to 1024", "got %d", c.Threads)
	}
	if c.DrainTimeout < 0 {
		return earshot.InvalidField("clickhouse.drain_timeout", "use a duration such as 10s", "got %s", c.DrainTimeout)
	}
	return nil
}

// minMemory is what the engine needs to answer anything at all.
const minMemory = 256 << 20

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	fill(&c.Listen, d.Listen)
	fill(&c.User, d.User)
	fill(&c.Database, d.Database)
	fill(&c.MemoryBytes, d.MemoryBytes)
	fill(&c.CacheBytes, d.CacheBytes)
	fill(&c.Queries, d.Queries)
	fill(&c.DrainTimeout, d.DrainTimeout)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// fill gives *value its default when it is zero.
func fill[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// loopback says whether only this machine reaches host.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// engineArgs are the server-level options, with the configuration file; the
// engine reads them once, at boot.
func (c Config) engineArgs(file string) []string {
	cache := strconv.FormatInt(c.CacheBytes, 10)
	args := []string{"--config-file=" + file, "--max_server_memory_usage=" + strconv.FormatInt(c.MemoryBytes, 10)}
	for _, name := range []string{
		"mark_cache_size", "index_mark_cache_size", "index_uncompressed_cache_size",
		"primary_index_cache_size", "unique_key_index_cache_size_bytes", "vector_similarity_index_cache_size",
		"text_index_tokens_cache_size", "text_index_header_cache_size", "text_index_postings_cache_size",
		"query_condition_cache_size", "parquet_metadata_cache_size", "iceberg_metadata_files_cache_size",
	} {
		args = append(args, "--"+name+"="+cache)
	}
	return args
}

// sessionArgs are the settings that every connection starts with.
func (c Config) sessionArgs() []string {
	args := []string{
		"--async_insert=0",    // an acknowledged INSERT is a written one
		"--implicit_select=0", // as in a server: 1 + 1 is no statement
		"--query_profiler_real_time_period_ns=0",
		"--query_profiler_cpu_time_period_ns=0",
		"--max_query_size=1048576",
	}
	if c.Threads > 0 {
		args = append(args, "--max_threads="+strconv.Itoa(c.Threads))
	}
	return args
}
