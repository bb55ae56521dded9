package bus

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"earshot"
)

// The SASL mechanisms of Config.SASL.
const (
	saslPlain  = "plain"
	saslSHA256 = "scram-sha-256"
	saslSHA512 = "scram-sha-512"
)

func (c Config) validateSecurity() error {
	switch c.SASL {
	case "":
		if c.User != "" || c.PasswordFile != "" {
			return earshot.InvalidField("kafka.sasl", "write plain, scram-sha-256 or scram-sha-512", "a user is given but no mechanism")
		}
		return nil
	case saslPlain, saslSHA256, saslSHA512:
	default:
		return earshot.InvalidField("kafka.sasl", "write plain, scram-sha-256 or scram-sha-512", "%q is no mechanism", c.SASL)
	}
	if c.User == "" {
		return earshot.InvalidField("kafka.user", "name the user", "kafka.sasl needs one")
	}
	if c.PasswordFile == "" {
		return earshot.InvalidField("kafka.password_file", "name the file that holds the password", "kafka.sasl needs one")
	}
	return nil
}

// security returns the options that encrypt and authenticate, none by default.
func (c Config) security() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	if c.TLS {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if c.CAFile != "" {
			pem, err := os.ReadFile(c.CAFile)
			if err != nil {
				return nil, earshot.InvalidField("kafka.ca_file", "name a file that this user may read", "cannot read it: %w", err)
			}
			conf.RootCAs = x509.NewCertPool()
			if !conf.RootCAs.AppendCertsFromPEM(pem) {
				return nil, earshot.InvalidField("kafka.ca_file", "write certificates in PEM form", "%s holds no certificate", c.CAFile)
			}
		}
		opts = append(opts, kgo.DialTLSConfig(conf))
	}
	if c.SASL == "" {
		return opts, nil
	}
	data, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return nil, earshot.InvalidField("kafka.password_file", "name a file that this user may read", "cannot read it: %w", err)
	}
	password := strings.TrimRight(string(data), "\r\n")
	switch c.SASL {
	case saslPlain:
		return append(opts, kgo.SASL(plain.Auth{User: c.User, Pass: password}.AsMechanism())), nil
	case saslSHA256:
		return append(opts, kgo.SASL(scram.Auth{User: c.User, Pass: password}.AsSha256Mechanism())), nil
	default:
		return append(opts, kgo.SASL(scram.Auth{User: c.User, Pass: password}.AsSha512Mechanism())), nil
	}
}
