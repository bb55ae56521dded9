package earshot

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Codec names an RTP payload format as SDP does (RFC 4566 a=rtpmap).
type Codec string

// The codecs that Earshot decodes.
const (
	PCMU Codec = "PCMU" // ITU-T G.711 mu-law
	PCMA Codec = "PCMA" // ITU-T G.711 A-law
	G722 Codec = "G722" // ITU-T G.722, 64 kbit/s; 16 kHz audio on an 8 kHz RTP clock
	L16  Codec = "L16"  // 16-bit linear PCM, big endian (RFC 3551, section 4.5.11)
)

// AudioKind says what a record of the audio topic is.
type AudioKind uint8

// The kinds. CallEnd is the last record of an interaction in the topic.
const (
	AudioMedia AudioKind = iota
	AudioLegStart
	AudioLegEnd
	AudioCallEnd
)

// AudioBundle is a record of the audio topic: 100 to 200 ms of one leg's RTP
// packets as they came off the wire, or a mark. Every bundle describes itself,
// so that a consumer that starts in the middle of a call needs nothing else.
//
// Wire form, big endian:
//
//	 0               1               2               3
//	+---------------+---------------+---------------+---------------+
//	| version = 1   | kind          | codec         | leg id length |
//	+---------------+---------------+---------------+---------------+
//	| clock rate, Hz                                                |
//	+---------------------------------------------------------------+
//	| received at, Unix nanoseconds, 64 bit                         |
//	+---------------------------------------------------------------+
//	| leg id ...
//	media:  { arrival after "received at", microseconds, 32 bit;
//	          length, 16 bit; RTP packet } ...
//	marks:  AudioMark as JSON
type AudioBundle struct {
	Kind      AudioKind
	Leg       LegID
	Codec     Codec
	ClockRate int
	// ReceivedAt is when the first packet arrived, or when the mark was made.
	ReceivedAt time.Time
	// Packets of media; they share memory with the bytes they were read from.
	Packets []AudioPacket
	// Mark is set unless Kind is AudioMedia.
	Mark *AudioMark
}

// AudioPacket is one whole RTP packet (RFC 3550, section 5.1).
type AudioPacket struct {
	// After is the arrival time after the bundle's ReceivedAt, to the microsecond.
	After time.Duration
	RTP   []byte
}

// AudioMark tells what is known at a leg's start, a leg's end or a call's end.
type AudioMark struct {
	// Interaction as known now; Legs holds all legs so far.
	Interaction Interaction `json:"interaction"`
	// Reason of an end: "bye", "re-invite", "interrupted", "timeout" or "import".
	Reason string `json:"reason,omitempty"`
	// Lost counts the bundles of this leg that a full spool had to drop.
	Lost int `json:"lost,omitempty"`
}

// ErrAudioBundle is the error of bytes that are no audio bundle.
var ErrAudioBundle = errors.New("not an audio bundle")

const (
	audioVersion    = 1
	audioHeader     = 16
	audioPacketHead = 6
)

// codecs lists the wire numbers by index; the order never changes.
var codecs = [...]Codec{"", PCMU, PCMA, G722, L16}

// MarshalBinary returns the wire form. It fails on an unknown codec, a leg id
// over 255 bytes, a packet over 65,535 bytes, or one that arrived before
// ReceivedAt or more than 71 minutes after.
func (b *AudioBundle) MarshalBinary() ([]byte, error) {
	codec, err := codecNumber(b.Codec)
	if err != nil {
		return nil, err
	}
	if len(b.Leg) > 255 {
		return nil, fmt.Errorf("leg id has %d bytes, at most 255 fit: %w", len(b.Leg), ErrAudioBundle)
	}
	out := make([]byte, 0, b.size())
	out = append(out, audioVersion, byte(b.Kind), codec, byte(len(b.Leg)))
	out = binary.BigEndian.AppendUint32(out, uint32(b.ClockRate))
	out = binary.BigEndian.AppendUint64(out, uint64(b.ReceivedAt.UnixNano()))
	out = append(out, b.Leg...)
	if b.Kind != AudioMedia {
		mark, err := json.Marshal(b.Mark)
		if err != nil {
			return nil, fmt.Errorf("cannot write audio mark: %w", err)
		}
		return append(out, mark...), nil
	}
	return appendPackets(out, b.Packets)
}

func (b *AudioBundle) size() int {
	n := audioHeader + len(b.Leg)
	for _, p := range b.Packets {
		n += audioPacketHead + len(p.RTP)
	}
	return n
}

func codecNumber(c Codec) (byte, error) {
	for i, known := range codecs {
		if c == known {
			return byte(i), nil
		}
	}
	return 0, fmt.Errorf("codec %q has no wire number: %w", c, ErrAudioBundle)
}

func appendPackets(out []byte, packets []AudioPacket) ([]byte, error) {
	for _, p := range packets {
		us := p.After.Microseconds()
		if len(p.RTP) > 0xffff || us < 0 || us > 0xffffffff {
			return nil, fmt.Errorf("packet of %d bytes, %v after the first: %w", len(p.RTP), p.After, ErrAudioBundle)
		}
		out = binary.BigEndian.AppendUint32(out, uint32(us))
		out = binary.BigEndian.AppendUint16(out, uint16(len(p.RTP)))
		out = append(out, p.RTP...)
	}
	return out, nil
}

// UnmarshalBinary reads the wire form. Packets share memory with data.
func (b *AudioBundle) UnmarshalBinary(data []byte) error {
	if len(data) < audioHeader {
		return fmt.Errorf("%d bytes, the header alone has %d: %w", len(data), audioHeader, ErrAudioBundle)
	}
	if data[0] != audioVersion {
		return fmt.Errorf("version %d, this program knows %d: %w", data[0], audioVersion, ErrAudioBundle)
	}
	kind, codec, legLen := AudioKind(data[1]), int(data[2]), int(data[3])
	if kind > AudioCallEnd || codec >= len(codecs) || len(data) < audioHeader+legLen {
		return fmt.Errorf("kind %d, codec %d, leg id of %d bytes: %w", kind, codec, legLen, ErrAudioBundle)
	}
	*b = AudioBundle{
		Kind:       kind,
		Codec:      codecs[codec],
		ClockRate:  int(binary.BigEndian.Uint32(data[4:])),
		ReceivedAt: time.Unix(0, int64(binary.BigEndian.Uint64(data[8:]))).UTC(),
		Leg:        LegID(data[audioHeader : audioHeader+legLen]),
	}
	rest := data[audioHeader+legLen:]
	if kind != AudioMedia {
		b.Mark = &AudioMark{}
		if err := json.Unmarshal(rest, b.Mark); err != nil {
			return fmt.Errorf("cannot read audio mark: %w: %w", err, ErrAudioBundle)
		}
		return nil
	}
	return b.readPackets(rest)
}

func (b *AudioBundle) readPackets(rest []byte) error {
	for len(rest) > 0 {
		if len(rest) < audioPacketHead {
			return fmt.Errorf("%d bytes after the last packet: %w", len(rest), ErrAudioBundle)
		}
		after := time.Duration(binary.BigEndian.Uint32(rest)) * time.Microsecond
		n := int(binary.BigEndian.Uint16(rest[4:]))
		rest = rest[audioPacketHead:]
		if len(rest) < n {
			return fmt.Errorf("packet of %d bytes, %d are left: %w", n, len(rest), ErrAudioBundle)
		}
		b.Packets = append(b.Packets, AudioPacket{After: after, RTP: rest[:n:n]})
		rest = rest[n:]
	}
	return nil
}
