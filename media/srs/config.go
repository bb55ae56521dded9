// Package srs is the session recording server (RFC 7866): it answers SIPREC
// calls and hands their audio to a mirror.
package srs

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"earshot/media/mirror"
	"earshot/media/rtp"
)

// Config of a server.
type Config struct {
	// UDP and TCP are the addresses to listen on; port 0 takes a free one.
	UDP, TCP []netip.AddrPort
	// Advertise is the address that answers name, unset for the local one.
	Advertise netip.Addr
	// MaxCalls bounds the calls at a time; one more is answered 503.
	MaxCalls int
	// IdleTimeout ends a call from which neither RTP nor SIP came for so long.
	IdleTimeout time.Duration
	// Late is how long packets may still come in after a BYE.
	Late time.Duration
	// AnswerWithin bounds the wait for Kafka before an INVITE is answered 503.
	AnswerWithin time.Duration
	// Tenant goes into every interaction.
	Tenant string
	// Agents are patterns of agents' addresses; "*" stands for any run of
	// characters.
	Agents []string
	// AddressKey keys the HMAC that stands for customers' addresses.
	AddressKey []byte
}

// Deps are what a server works with.
type Deps struct {
	Mirror   *mirror.Mirror
	Ports    *rtp.Ports
	RTPAddr  netip.Addr
	Log      *slog.Logger
	Registry prometheus.Registerer // may be nil
}
