package metrics

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"strings"
	"time"

	"earshot"
)

// Protocol says how ClickHouse is spoken to.
type Protocol string

// The protocols. The embedded engine speaks HTTP alone.
const (
	HTTP   Protocol = "http"
	Native Protocol = "native"
)

// Config says which ClickHouse to use and how.
type Config struct {
	// Addr are host:port pairs of one cluster's servers; empty means the
	// embedded engine.
	Addr []string `yaml:"addr"`
	// Protocol is "http" (port 8123, or 8443 with TLS) or "native" (9000, 9440).
	Protocol Protocol `yaml:"protocol"`
	// User and PasswordFile sign in; the file holds the password alone.
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	// TLS encrypts; CAFile is a PEM file with the authorities to trust instead of
	// the system's.
	TLS    bool   `yaml:"tls"`
	CAFile string `yaml:"ca_file"`
	// DialTimeout is how long a connection may take, ReadTimeout how long an
	// answer.
	DialTimeout time.Duration `yaml:"dial_timeout"`
	ReadTimeout time.Duration `yaml:"read_timeout"`
	// Connections bounds the open connections of one process, 1 to 1,000.
	Connections int `yaml:"connections"`

	// Password is the contents of PasswordFile.
	Password string `yaml:"-"`
}

// DefaultConfig returns the embedded engine's: HTTP, user default, 16 connections.
func DefaultConfig() Config {
	return Config{
		Protocol:    HTTP,
		User:        "default",
		DialTimeout: 5 * time.Second,
		ReadTimeout: time.Minute,
		Connections: 16,
	}
}

// Validate names the first key that is wrong.
func (c Config) Validate() error {
	for _, addr := range c.Addr {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return earshot.InvalidField("clickhouse.addr", `write "host:port"`, "%q: %w", addr, err)
		}
	}
	if c.Protocol != HTTP && c.Protocol != Native {
		return earshot.InvalidField("clickhouse.protocol", `write "http" or "native"`, "%q is no protocol", c.Protocol)
	}
	if c.CAFile != "" && !c.TLS {
		return earshot.InvalidField("clickhouse.ca_file", "set clickhouse.tls to true or leave ca_file out", "authorities without TLS")
	}
	if c.DialTimeout <= 0 {
		return earshot.InvalidField("clickhouse.dial_timeout", "give more than 0s", "%v", c.DialTimeout)
	}
	if c.ReadTimeout <= 0 {
		return earshot.InvalidField("clickhouse.read_timeout", "give more than 0s", "%v", c.ReadTimeout)
	}
	if c.Connections < 1 || c.Connections > 1000 {
		return earshot.InvalidField("clickhouse.connections", "give 1 to 1000", "%d", c.Connections)
	}
	return nil
}

func (c Config) password() (string, error) {
	if c.Password != "" || c.PasswordFile == "" {
		return c.Password, nil
	}
	data, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", earshot.InvalidField("clickhouse.password_file", "give a file that this user may read", "cannot read password: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func (c Config) tls() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, earshot.InvalidField("clickhouse.ca_file", "give a PEM file that this user may read", "cannot read authorities: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, earshot.InvalidField("clickhouse.ca_file", "give a PEM file", "%s holds no certificate", c.CAFile)
	}
	return conf, nil
}
