package src

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/media/audio"
)

// frame is the length of one packet's audio.
const frame = 20 * time.Millisecond

// stream sends one side as RTP.
type stream struct {
	source   Source
	resample *audio.Resampler // nil when the rates agree
	encoder  *audio.Encoder
	conn     *net.UDPConn
	to       netip.AddrPort
	header   rtp.Header
	samples  int // of one frame, at the codec's rate

	pending []int16 // resampled and not yet sent
	in      []int16
	done    bool // the source is at its end
	packets int
	out     []byte
	payload []byte
}

func newStream(source Source, codec earshot.Codec, local netip.Addr) (*stream, error) {
	enc, err := audio.NewEncoder(codec)
	if err != nil {
		return nil, err
	}
	pt, _ := audio.PayloadType(codec)
	rate := audio.SampleRate(codec, 0)
	s := &stream{
		source: source, encoder: enc, samples: audio.PacketSamples(codec, 0),
		in: make([]int16, source.Rate()/50),
		header: rtp.Header{
			Version: 2, PayloadType: pt, SSRC: rand.Uint32(), Marker: true,
			SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
		},
	}
	if source.Rate() != rate {
		if s.resample, err = audio.NewResampler(source.Rate(), rate); err != nil {
			return nil, err
		}
	}
	if s.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))); err != nil {
		return nil, earshot.Errorf(earshot.Unavailable, "cannot open RTP port: %w", err)
	}
	return s, nil
}

func (s *stream) port() int { return s.conn.LocalAddr().(*net.UDPAddr).Port }

// fill reads until a frame is there or the source ends, and says whether
// anything is left to send.
func (s *stream) fill() (bool, error) {
	for !s.done && len(s.pending) < s.samples {
		n, err := s.source.Read(s.in)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("cannot read audio: %w", err)
		}
		if s.resample != nil {
			s.pending = s.resample.Process(s.pending, s.in[:n])
		} else {
			s.pending = append(s.pending, s.in[:n]...)
		}
		if err != nil {
			s.done = true
			if s.resample != nil {
				s.pending = s.resample.Flush(s.pending)
			}
		}
	}
	return len(s.pending) > 0, nil
}

// send sends one frame, silence when the source is at its end.
func (s *stream) send() error {
	for len(s.pending) < s.samples {
		s.pending = append(s.pending, 0)
	}
	s.payload = s.encoder.Encode(s.payload[:0], s.pending[:s.samples])
	s.pending = append(s.pending[:0], s.pending[s.samples:]...)
	p := rtp.Packet{Header: s.header, Payload: s.payload}
	if need := p.MarshalSize(); cap(s.out) < need {
		s.out = make([]byte, need)
	}
	n, err := p.MarshalTo(s.out[:cap(s.out)])
	if err != nil {
		return fmt.Errorf("cannot write RTP packet: %w", err)
	}
	if _, err := s.conn.WriteToUDPAddrPort(s.out[:n], s.to); err != nil {
		return earshot.Errorf(earshot.Unavailable, "cannot send RTP to %s: %w", s.to, err)
	}
	s.packets++
	s.header.Marker = false
	s.header.SequenceNumber++
	s.header.Timestamp += uint32(frame.Milliseconds() * 8) // 8 kHz for all three codecs
	return nil
}

// play sends both streams on one clock until both are at their end.
func (c *caller) play(ctx context.Context) error {
	step := time.Duration(float64(frame) / c.opts.Pace)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ; ; c.frames++ {
		more := false
		for _, s := range c.streams {
			left, err := s.fill()
			if err != nil {
				return err
			}
			more = more || left
		}
		if !more {
			return nil
		}
		timer.Reset(time.Until(start.Add(time.Duration(c.frames) * step)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.hungUp:
			return earshot.Errorf(earshot.Unavailable, "%s ended the call after %v", c.opts.Target, time.Duration(c.frames)*frame)
		case <-timer.C:
		}
		for _, s := range c.streams {
			if err := s.send(); err != nil {
				return err
			}
		}
	}
}
