package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"earshot"
	"earshot/asr"
	"earshot/asr/pocketsphinx"
	"earshot/dashboards/web"
	"earshot/ingest"
	"earshot/internal/bus"
	"earshot/internal/config"
	"earshot/internal/embedded/clickhouse"
	"earshot/internal/embedded/kafka"
	"earshot/media"
	"earshot/media/record"
	"earshot/metrics"
	"earshot/metrics/sink"
	"earshot/qa"
)

// Config is everything that can be set; earshot.example.yaml is its manual.
type Config struct {
	// Data is the folder for all that this process keeps: embedded engines,
	// recordings, spool, secrets that were not given.
	Data string `yaml:"data"`
	// Roles that this process runs: sink, recorder, asr, qa, media, ingest, web;
	// empty means all.
	Roles []string   `yaml:"roles"`
	Log   LogConfig  `yaml:"log"`
	HTTP  HTTPConfig `yaml:"http"`
	// AddressKeyFile holds the key under which customers' addresses are hashed;
	// all processes of one installation need the same. Empty makes one in Data.
	AddressKeyFile string              `yaml:"address_key_file"`
	Kafka          bus.Config          `yaml:"kafka"`
	ClickHouse     metrics.Config      `yaml:"clickhouse"`
	Embedded       EmbeddedConfig      `yaml:"embedded"`
	Media          media.Config        `yaml:"media"`
	Recordings     record.Config       `yaml:"recordings"`
	Ingest         ingest.Config       `yaml:"ingest"`
	ASR            asr.Config          `yaml:"asr"`
	PocketSphinx   pocketsphinx.Config `yaml:"pocketsphinx"`
	QA             qa.Config           `yaml:"qa"`
	Sink           sink.Config         `yaml:"sink"`
	Web            web.Config          `yaml:"web"`
}

// LogConfig says what is logged, and how.
type LogConfig struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text or json.
	Format string `yaml:"format"`
}

// HTTPConfig says where HTTP is served.
type HTTPConfig struct {
	// Listen serves the workbench and the API.
	Listen string `yaml:"listen"`
	// OpsListen serves /healthz, /readyz and Prometheus' /metrics, without a
	// login: keep it on loopback or a network of your own.
	OpsListen string `yaml:"ops_listen"`
}

// EmbeddedConfig is for the engines inside the process, which run when kafka.brokers
// or clickhouse.addr is empty.
type EmbeddedConfig struct {
	Kafka      kafka.Config      `yaml:"kafka"`
	ClickHouse clickhouse.Config `yaml:"clickhouse"`
}

// roles lists what a process can do, in the order in which they start.
func roles() []string {
	return []string{"sink", "recorder", "asr", "qa", "media", "ingest", "web"}
}

// defaultConfig is what earshot serve runs with when no file says otherwise.
func defaultConfig() Config {
	return Config{
		Data:         "data",
		Log:          LogConfig{Level: "info", Format: "text"},
		HTTP:         HTTPConfig{Listen: "127.0.0.1:8080", OpsListen: "127.0.0.1:8081"},
		Kafka:        bus.DefaultConfig(),
		ClickHouse:   metrics.DefaultConfig(),
		Embedded:     EmbeddedConfig{Kafka: kafka.Config{Port: 9092}, ClickHouse: clickhouse.DefaultConfig()},
		Media:        media.DefaultConfig(),
		Recordings:   record.DefaultConfig(),
		Ingest:       ingest.DefaultConfig(),
		ASR:          asr.DefaultConfig(),
		PocketSphinx: pocketsphinx.DefaultConfig(),
		QA:           qa.DefaultConfig(),
		Sink:         sink.DefaultConfig(),
		Web:          web.DefaultConfig(),
	}
}

// loadConfig reads defaults, file, environment, and checks the result.
func loadConfig(path string, environ []string) (Config, error) {
	cfg := defaultConfig()
	if err := config.Load(path, &cfg, environ); err != nil {
		return cfg, err
	}
	cfg.resolve()
	return cfg, cfg.Validate()
}

// resolve fills in the places that follow from the data folder.
func (c *Config) resolve() {
	place := func(dst *string, name, unless string) {
		if *dst == unless {
			*dst = filepath.Join(c.Data, name)
		}
	}
	place(&c.AddressKeyFile, "address.key", "")
	place(&c.Embedded.Kafka.Dir, "kafka", "")
	place(&c.Embedded.ClickHouse.Dir, "clickhouse", clickhouse.DefaultConfig().Dir)
	place(&c.Media.Dir, "media", media.DefaultConfig().Dir)
	place(&c.Recordings.Dir, "recordings", record.DefaultConfig().Dir)
	place(&c.Ingest.TokensFile, "ingest.tokens", "")
	place(&c.Web.Users, "users.yaml", "")
	if len(c.Roles) == 0 {
		c.Roles = roles()
	}
}

// Validate names the first key that is wrong.
func (c Config) Validate() error {
	for _, r := range c.Roles {
		if !slices.Contains(roles(), r) {
			return earshot.InvalidField("roles", "use "+strings.Join(roles(), ", "), "%q is no role", r)
		}
	}
	if _, err := c.Log.level(); err != nil {
		return err
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return earshot.InvalidField("log.format", "write text or json", "is %q", c.Log.Format)
	}
	for key, addr := range map[string]string{"http.listen": c.HTTP.Listen, "http.ops_listen": c.HTTP.OpsListen} {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return earshot.InvalidField(key, "write host:port, such as 127.0.0.1:8080", "%q: %w", addr, err)
		}
	}
	for _, section := range []interface{ Validate() error }{
		c.Kafka, c.ClickHouse, c.Embedded.ClickHouse, c.Media, c.Recordings, c.Ingest, c.ASR, c.PocketSphinx, c.QA, c.Sink, c.Web,
	} {
		if err := section.Validate(); err != nil {
			return err
		}
	}
	return c.validateParts()
}

// validateParts refuses a process that would wait for engines nobody else can
// reach: the embedded ones serve only the process that they are in.
func (c Config) validateParts() error {
	if len(c.Roles) == len(roles()) {
		return nil
	}
	if len(c.Kafka.Brokers) == 0 {
		return earshot.InvalidField("kafka.brokers", "name a Kafka, or run all roles in one process", "is empty, and the embedded broker serves one process alone")
	}
	if len(c.ClickHouse.Addr) == 0 {
		return earshot.InvalidField("clickhouse.addr", "name a ClickHouse server, or run all roles in one process", "is empty, and the embedded engine serves one process alone")
	}
	return nil
}

func (c LogConfig) level() (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Level)); err != nil {
		return l, earshot.InvalidField("log.level", "write debug, info, warn or error", "is %q", c.Level)
	}
	return l, nil
}

// logger writes to stderr; what a command is asked for goes to stdout.
func (c LogConfig) logger() (*slog.Logger, error) {
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	opts := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opts)), nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts)), nil
}

// secrets reads what stands in files of its own, and makes what is missing.
func (c *Config) secrets() error {
	key, err := readOrMake(c.AddressKeyFile)
	if err != nil {
		return fmt.Errorf("cannot use address_key_file: %w", err)
	}
	c.Media.AddressKey, c.Ingest.AddressKey = []byte(key), []byte(key)
	if !c.Ingest.Open {
		if _, err := readOrMake(c.Ingest.TokensFile); err != nil {
			return fmt.Errorf("cannot use ingest.tokens_file: %w", err)
		}
		if c.Ingest.Tokens, err = readTokens(c.Ingest.TokensFile); err != nil {
			return err
		}
	}
	return nil
}
