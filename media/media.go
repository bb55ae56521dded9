// Package media is the role that takes call audio from a telephony core and
// mirrors it, untouched, into Kafka.
package media

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/media/mirror"
	"earshot/media/rtp"
	"earshot/media/srs"
)

// Bus is the part of the bus that media writes to; [bus.Client] has it.
type Bus = mirror.Producer

// Service takes calls.
type Service struct {
	cfg    Config
	log    *slog.Logger
	mirror *mirror.Mirror
	server *srs.Server
	ready  chan struct{}
	lock   *os.File
	build  func() (*srs.Server, error)
}

// keepAlive is far below the idle_end of those who read the audio topic.
const keepAlive = time.Minute

// New prepares a service. Nothing is listened on before Run.
func New(cfg Config, b Bus, log *slog.Logger, r prometheus.Registerer) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	m, err := mirror.New(mirror.Config{
		Dir: cfg.Dir, Source: "media/" + host, Bundle: cfg.Bundle, InFlight: cfg.InFlightBytes,
		Patience: cfg.Patience, SpoolBytes: cfg.SpoolBytes, Drain: cfg.Drain,
		KeepAlive: keepAlive,
	}, b, log, r)
	if err != nil {
		lock.Close()
		return nil, err
	}
	s := &Service{cfg: cfg, log: log, mirror: m, ready: make(chan struct{}), lock: lock}
	s.build = func() (*srs.Server, error) { return newServer(cfg, m, log, r) }
	return s, nil
}

func newServer(cfg Config, m *mirror.Mirror, log *slog.Logger, r prometheus.Registerer) (*srs.Server, error) {
	udp, tcp, err := cfg.listeners()
	if err != nil {
		return nil, err
	}
	rtpAddr := netip.MustParseAddr(cfg.RTPAddress)
	advertise, _ := netip.ParseAddr(cfg.Advertise)
	return srs.New(srs.Config{
		UDP: udp, TCP: tcp, Advertise: advertise, MaxCalls: cfg.MaxCalls, IdleTimeout: cfg.IdleTimeout,
		Late: cfg.Late, AnswerWithin: cfg.AnswerWithin, Tenant: cfg.Tenant, Agents: cfg.Agents, AddressKey: cfg.AddressKey,
	}, srs.Deps{
		Mirror: m, Ports: rtp.NewPorts(rtpAddr, cfg.RTPPortMin, cfg.RTPPortMax, cfg.PortCooldown),
		RTPAddr: rtpAddr, Log: log, Registry: r,
	})
}

// lockDir keeps a second process out of the spool and the journal.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("cannot make media folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("cannot lock media folder: %w", err)
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, earshot.Errorf(earshot.Conflict, "media folder %s is used by another process: %w", dir, err)
	}
	return f, nil
}

// Ready is closed once calls are taken.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Addr returns the first SIP address of "udp" or "tcp" once Ready is closed.
func (s *Service) Addr(network string) netip.AddrPort {
	select {
	case <-s.ready:
		return s.server.Addr(network)
	default:
		return netip.AddrPort{}
	}
}

// Run ends what an earlier process left open, then takes calls until ctx ends.
// It returns when the last call is ended and what Kafka does not take is on disk.
func (s *Service) Run(ctx context.Context) error {
	defer s.lock.Close()
	mirrorCtx, stopMirror := context.WithCancel(context.WithoutCancel(ctx))
	var g errgroup.Group
	g.Go(func() error { return s.mirror.Run(mirrorCtx) })
	err := s.serve(ctx)
	// The server has put its calls' ends: the mirror goes last.
	stopMirror()
	if e := g.Wait(); err == nil {
		err = e
	}
	return err
}

func (s *Service) serve(ctx context.Context) error {
	n, err := s.mirror.Recover()
	if err != nil {
		return err
	}
	if n > 0 {
		s.log.Warn("ended calls that an earlier process left open", "calls", n)
	}
	if s.server, err = s.build(); err != nil {
		return err
	}
	close(s.ready)
	s.log.Info("taking calls", "udp", s.server.Addr("udp"), "tcp", s.server.Addr("tcp"))
	return s.server.Run(ctx)
}
