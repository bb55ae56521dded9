// Package ingest takes messages and contact events from every channel but
// voice into Kafka.
package ingest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"

	"earshot"
	"earshot/internal/address"
	"earshot/internal/bus"
)

// Config says who may post and how much at once.
type Config struct {
	// TokensFile holds the bearer tokens that may post, one a line; lines that
	// begin with # are comments.
	TokensFile string `yaml:"tokens_file"`
	// MaxBody bounds a request's body, in bytes.
	MaxBody int64 `yaml:"max_body"`
	// MaxItems bounds the messages or events of one request.
	MaxItems int `yaml:"max_items"`

	// Tokens are the contents of TokensFile.
	Tokens []string `yaml:"-"`
	// Open lets everybody post: the demo, which says so in its banner.
	Open bool `yaml:"-"`
	// AddressKey keys the HMAC that stands for customers' addresses.
	AddressKey []byte `yaml:"-"`
}

// DefaultConfig returns the defaults: 8 MiB and 1,000 items a request.
func DefaultConfig() Config { return Config{MaxBody: 8 << 20, MaxItems: 1000} }

// Validate names the first key that is wrong.
func (c Config) Validate() error {
	if c.MaxBody < 1024 {
		return earshot.InvalidField("ingest.max_body", "give at least 1024 bytes", "%d bytes", c.MaxBody)
	}
	if c.MaxItems < 1 {
		return earshot.InvalidField("ingest.max_items", "give at least 1", "%d items", c.MaxItems)
	}
	return nil
}

// Sink is where accepted messages and events go; it returns when all of them
// are durable.
type Sink interface {
	Produce(ctx context.Context, msgs ...bus.Message) error
}

// Service answers the HTTP API.
type Service struct {
	cfg  Config
	sink Sink
	log  *slog.Logger
}

// New returns a service that writes to sink.
func New(cfg Config, sink Sink, log *slog.Logger) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if !cfg.Open && len(cfg.Tokens) == 0 {
		return nil, earshot.InvalidField("ingest.tokens_file", "put at least one token into it, such as the output of 'openssl rand -hex 32'", "no token may post")
	}
	return &Service{cfg: cfg, sink: sink, log: log}, nil
}

// Handler returns the routes POST /v1/messages and POST /v1/events.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/messages", s.accept("messages", s.messages))
	mux.Handle("POST /v1/events", s.accept("events", s.events))
	return s.authenticate(mux)
}

func (s *Service) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.cfg.Open && !s.known(r.Header.Get("Authorization")) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="earshot"`)
			writeProblem(w, problem{Title: "Not signed in", Status: http.StatusUnauthorized,
				Detail: "the request carries no known token", Fix: "send the header 'Authorization: Bearer TOKEN' with a token of ingest.tokens_file"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Service) known(header string) bool {
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	found := 0
	for _, t := range s.cfg.Tokens {
		want := sha256.Sum256([]byte(t))
		found |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	return found == 1
}

func (s *Service) hash(customer string) string { return address.Hash(s.cfg.AddressKey, customer) }
