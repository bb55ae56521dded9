// Package rtp receives RTP: a range of ports, a goroutine for each socket, and
// the checks that a packet passes before it counts.
package rtp

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"earshot"
)

// Ports hands out pairs of UDP ports from a range: an even one for RTP and the
// next one for RTCP (RFC 3550, section 11).
type Ports struct {
	addr     netip.Addr
	cooldown time.Duration

	opening sync.Mutex // keeps the ports of one call beside each other

	mu   sync.Mutex
	free []freePort // the longest unused first
}

type freePort struct {
	port  int
	since time.Time
}

// NewPorts makes a range from low to high, both included. A port that was given
// back rests for the cool-down: until then a sender that has not noticed the
// end of its call may still send to it.
func NewPorts(addr netip.Addr, low, high int, cooldown time.Duration) *Ports {
	p := &Ports{addr: addr, cooldown: cooldown}
	for port := low + low%2; port+1 <= high; port += 2 {
		p.free = append(p.free, freePort{port: port})
	}
	return p
}

// Pair is an open pair of sockets.
type Pair struct {
	RTP *net.UDPConn
	// RTCP is held so that nobody else gets the port and senders see no ICMP
	// errors. Nothing is read from it yet.
	RTCP *net.UDPConn
	Port int

	ports *Ports
}

// rtpBuffer is the socket's receive buffer: about 10 s of G.711, so that a busy
// moment of the machine loses nothing.
const rtpBuffer = 256 << 10

// Open opens n pairs for one call, those that have been unused for longest. The
// error is Unavailable when too few ports are free and rested.
func (p *Ports) Open(n int) ([]*Pair, error) {
	p.opening.Lock()
	defer p.opening.Unlock()
	var pairs []*Pair
	for range n {
		pair, err := p.openOne()
		if err != nil {
			Close(pairs)
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

// Close closes pairs that nothing receives from.
func Close(pairs []*Pair) {
	for _, p := range pairs {
		p.Close()
	}
}

func (p *Ports) openOne() (*Pair, error) {
	p.mu.Lock()
	tries := len(p.free)
	p.mu.Unlock()
	for range tries {
		port, ok := p.take()
		if !ok {
			break
		}
		pair, err := p.bind(port)
		if err == nil {
			return pair, nil
		}
		// Another program has the port: it may be free again later.
		p.giveBack(port)
	}
	return nil, earshot.Errorf(earshot.Unavailable, "no RTP port is free at %s: widen media.rtp_port_min to media.rtp_port_max", p.addr)
}

func (p *Ports) take() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 || (!p.free[0].since.IsZero() && time.Since(p.free[0].since) < p.cooldown) {
		return 0, false
	}
	port := p.free[0].port
	p.free = p.free[1:]
	return port, true
}

func (p *Ports) giveBack(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, freePort{port, time.Now()})
}

func (p *Ports) bind(port int) (*Pair, error) {
	a, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.addr, uint16(port))))
	if err != nil {
		return nil, fmt.Errorf("cannot open RTP port %d: %w", port, err)
	}
	b, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.addr, uint16(port+1))))
	if err != nil {
		a.Close()
		return nil, fmt.Errorf("cannot open RTCP port %d: %w", port+1, err)
	}
	// The kernel may give less; loss then shows in the sequence numbers.
	_ = a.SetReadBuffer(rtpBuffer)
	_ = b.SetReadBuffer(1)
	return &Pair{RTP: a, RTCP: b, Port: port, ports: p}, nil
}

// Close closes the sockets and lets the ports rest.
func (p *Pair) Close() {
	p.RTP.Close()
	p.RTCP.Close()
	p.ports.giveBack(p.Port)
}
