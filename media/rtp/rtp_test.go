package rtp

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"earshot"
)

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	alice    = netip.MustParseAddrPort("192.0.2.1:4000")
	mallory  = netip.MustParseAddrPort("192.0.2.66:4000")
	pcmu     = map[uint8]earshot.Codec{0: earshot.PCMU, 98: earshot.G722}
)

type sink struct {
	mu   sync.Mutex
	got  [][]byte
	kind []earshot.Codec
	more chan struct{}
}

func newSink() *sink { return &sink{more: make(chan struct{}, 1000)} }

func (s *sink) Packet(_ time.Time, codec earshot.Codec, _ int, rtp []byte) {
	s.mu.Lock()
	s.got = append(s.got, append([]byte(nil), rtp...))
	s.kind = append(s.kind, codec)
	s.mu.Unlock()
	s.more <- struct{}{}
}

func packet(pt byte, seq uint16, ssrc uint32) []byte {
	p := binary.BigEndian.AppendUint16([]byte{0x80, pt}, seq)
	p = binary.BigEndian.AppendUint32(p, uint32(seq)*160)
	p = binary.BigEndian.AppendUint32(p, ssrc)
	return append(p, make([]byte, 160)...)
}

func TestReceiver_JudgesEveryDatagram(t *testing.T) {
	s := newSink()
	r := &Receiver{sink: s, codecs: pcmu}
	now := time.Now()
	r.take(now, alice, packet(0, 1, 7))
	r.take(now, alice, packet(98, 2, 7))
	r.take(now, alice, packet(0, 3, 8)) // another SSRC of the same sender
	r.take(now, mallory, packet(0, 4, 7))
	r.take(now, alice, packet(101, 5, 7))                                  // DTMF
	r.take(now, alice, []byte{0x80, 200, 0, 6, 1, 1, 1, 1, 2, 2, 2, 2, 3}) // RTCP SR
	for _, junk := range [][]byte{{}, {0x80}, make([]byte, 200), packet(0, 1, 1)[:12], []byte("OPTIONS sip:x SIP/2.0\r\n\r\n")} {
		r.take(now, alice, junk)
	}
	if c := r.Counts(); c != (Counts{Packets: 3, Foreign: 1, Unknown: 2, Invalid: 5}) {
		t.Fatalf("counts %+v", c)
	}
	if s.kind[1] != earshot.G722 || r.SSRC() != 8 || !r.Last().Equal(time.Unix(0, now.UnixNano())) {
		t.Fatalf("codecs %v, SSRC %d, last %v", s.kind, r.SSRC(), r.Last())
	}
}

func TestSource_LocksOnOneSender(t *testing.T) {
	t0 := time.Now()
	type step struct {
		from  netip.AddrPort
		after time.Duration
		want  bool
	}
	tests := map[string]struct {
		expect netip.AddrPort
		steps  []step
	}{
		"the first is taken":             {steps: []step{{mallory, 0, true}, {alice, 0, false}, {mallory, 0, true}}},
		"the announced one displaces":    {expect: alice, steps: []step{{mallory, 0, true}, {alice, 0, true}, {mallory, 0, false}}},
		"a silent one is displaced":      {expect: alice, steps: []step{{alice, 0, true}, {mallory, time.Second, false}, {mallory, 4 * time.Second, true}}},
		"one behind a NAT is taken":      {expect: alice, steps: []step{{netip.MustParseAddrPort("198.51.100.1:9"), 0, true}}},
		"another port is another sender": {steps: []step{{alice, 0, true}, {netip.AddrPortFrom(alice.Addr(), 4002), 0, false}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := source{expect: tt.expect}
			for i, st := range tt.steps {
				if got := s.accept(t0.Add(st.after), st.from); got != st.want {
					t.Fatalf("step %d: got %v", i, got)
				}
			}
		})
	}
}

func openOne(t testing.TB, p *Ports) *Pair {
	t.Helper()
	pairs, err := p.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	return pairs[0]
}

func TestReceiver_ReadsItsSocketUntilClosed(t *testing.T) {
	ports := NewPorts(loopback, 33000, 33099, 0)
	pair := openOne(t, ports)
	s := newSink()
	r := Receive(pair, s, pcmu, netip.AddrPort{})
	c, err := net.Dial("udp", pair.RTP.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 100 {
		if _, err := c.Write(packet(0, uint16(i), 1)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 100 {
		select {
		case <-s.more:
		case <-ctx.Done():
			t.Fatalf("%d packets came", r.Counts().Packets)
		}
	}
	r.Close()
	if r.Port()%2 != 0 {
		t.Fatalf("port %d is odd", r.Port())
	}
}

func TestPorts_GivesPairsRestAndSaysWhenNoneIsFree(t *testing.T) {
	p := NewPorts(loopback, 33101, 33105, time.Hour) // pairs 33102, 33104
	one := openOne(t, p)
	if one.Port != 33102 || one.RTCP.LocalAddr().(*net.UDPAddr).Port != 33103 {
		t.Fatalf("got %+v", one)
	}
	one.Close()
	if two, err := p.Open(2); earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("got %+v, %v", two, err)
	}
	if _, err := p.Open(1); earshot.KindOf(err) != earshot.Unavailable {
		t.Fatalf("a port that must rest was given out: %v", err)
	}
}

func TestPorts_PassesOverWhatAnotherProgramHas(t *testing.T) {
	taken, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 33203})
	if err != nil {
		t.Skip(err)
	}
	defer taken.Close()
	p := NewPorts(loopback, 33202, 33205, 0)
	pair := openOne(t, p)
	if pair.Port != 33204 {
		t.Fatalf("got %+v", pair)
	}
	pair.Close()
}

func FuzzReceiver(f *testing.F) {
	f.Add(packet(0, 1, 1))
	f.Add([]byte{0xff, 0, 0, 0})
	f.Add([]byte{0x9f, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSink()
		r := &Receiver{sink: s, codecs: pcmu}
		r.take(time.Now(), alice, data)
		c := r.Counts()
		if c.Packets+c.Unknown+c.Invalid+c.Foreign != 1 || int(c.Packets) != len(s.got) {
			t.Fatalf("counts %+v, %d packets", c, len(s.got))
		}
	})
}

type nothing struct{}

func (nothing) Packet(time.Time, earshot.Codec, int, []byte) {}

func BenchmarkReceiver_Take(b *testing.B) {
	r := &Receiver{sink: nothing{}, codecs: pcmu}
	p := packet(0, 1, 1)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		r.take(now, alice, p)
	}
}

// BenchmarkReceiver_Socket measures a packet from the sender's write to the
// sink, over loopback, sender included.
func BenchmarkReceiver_Socket(b *testing.B) {
	pair := openOne(b, NewPorts(loopback, 33300, 33399, 0))
	r := Receive(pair, nothing{}, pcmu, netip.AddrPort{})
	defer r.Close()
	c, err := net.Dial("udp", pair.RTP.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	p := packet(0, 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(r.Counts().Packets)/float64(b.N), "received/sent")
}
