package audio

import (
	"encoding/binary"

	"github.com/gotranspile/g722"

	"earshot"
)

// The static RTP payload types (RFC 3551, table 4) and the dynamic one that
// Earshot uses for [earshot.L16] at rates that have no static type.
const (
	typePCMU         uint8 = 0
	typePCMA         uint8 = 8
	typeG722         uint8 = 9
	typeComfortNoise uint8 = 13
	typeL16          uint8 = 96
	// typeOldComfortNoise was assigned to comfort noise before RFC 3551 and is
	// still sent.
	typeOldComfortNoise uint8 = 19
	firstDynamic        uint8 = 96
)

// PayloadType returns the RTP payload type number for a codec; ok is false for
// a codec that Earshot does not decode.
func PayloadType(c earshot.Codec) (t uint8, ok bool) {
	switch c {
	case earshot.PCMU:
		return typePCMU, true
	case earshot.PCMA:
		return typePCMA, true
	case earshot.G722:
		return typeG722, true
	case earshot.L16:
		return typeL16, true
	default:
		return 0, false
	}
}

// ClockRate returns the usual RTP clock of a codec in Hz: 8000, and 16000 for L16.
func ClockRate(c earshot.Codec) int {
	if c == earshot.L16 {
		return 16000
	}
	return 8000
}

// SampleRate returns the rate of the decoded audio in Hz. It is the RTP clock
// for all codecs but G.722, which has 16 kHz audio on an 8 kHz clock (RFC 3551,
// section 4.5.2). A clock of 0 means the codec's usual one.
func SampleRate(c earshot.Codec, clock int) int {
	if clock == 0 {
		clock = ClockRate(c)
	}
	if c == earshot.G722 {
		return 2 * clock
	}
	return clock
}

// PacketSamples returns how many samples 20 ms of decoded audio have.
func PacketSamples(c earshot.Codec, clock int) int { return SampleRate(c, clock) / 50 }

// checkFormat says whether a codec and clock can be decoded. The bounds on the
// clock keep a damaged bundle from asking for absurd buffers.
func checkFormat(c earshot.Codec, clock int) error {
	if _, ok := PayloadType(c); !ok {
		return earshot.InvalidField("codec", "use PCMU, PCMA, G722 or L16", "cannot decode codec %q", c)
	}
	if clock < 8000 || clock > 48000 {
		return earshot.InvalidField("clock_rate", "use 8000 to 48000 Hz", "clock rate is %d Hz", clock)
	}
	if c != earshot.L16 && clock != 8000 {
		return earshot.InvalidField("clock_rate", "use 8000 Hz", "clock rate of %s is %d Hz", c, clock)
	}
	return nil
}

// Decoder turns the RTP payloads of one source into 16-bit mono PCM. It holds
// the codec's state (G.722 predicts from what came before), so that every
// source needs its own. It is not safe for concurrent use.
type Decoder struct {
	codec earshot.Codec
	rate  int
	g722  *g722.Decoder
}

// NewDecoder returns a decoder, or an Invalid error for a codec or an RTP clock
// rate (Hz, 0 for the codec's usual one) that is not known.
func NewDecoder(c earshot.Codec, clock int) (*Decoder, error) {
	if clock == 0 {
		clock = ClockRate(c)
	}
	if err := checkFormat(c, clock); err != nil {
		return nil, err
	}
	d := &Decoder{codec: c, rate: SampleRate(c, clock)}
	d.Reset()
	return d, nil
}

// Rate returns the sample rate of the decoded audio in Hz.
func (d *Decoder) Rate() int { return d.rate }

// Reset forgets the codec's state, as a new source needs.
func (d *Decoder) Reset() {
	if d.codec == earshot.G722 {
		d.g722 = g722.NewDecoder(g722.Rate64000, 0)
	}
}

// Samples returns how many samples a payload of n bytes has.
func (d *Decoder) Samples(n int) int {
	switch d.codec {
	case earshot.G722:
		return 2 * n
	case earshot.L16:
		return n / 2
	default:
		return n
	}
}

// Decode appends the payload's samples to dst and returns the extended slice.
// Every byte sequence is a valid payload; an odd last byte of L16 is left out.
func (d *Decoder) Decode(dst []int16, payload []byte) []int16 {
	n := d.Samples(len(payload))
	at := len(dst)
	dst = grow(dst, n)
	out := dst[at : at+n]
	switch d.codec {
	case earshot.PCMU:
		for i, b := range payload {
			out[i] = muLawTable[b]
		}
	case earshot.PCMA:
		for i, b := range payload {
			out[i] = aLawTable[b]
		}
	case earshot.G722:
		d.g722.Decode(out, payload)
	case earshot.L16:
		for i := range out {
			out[i] = int16(binary.BigEndian.Uint16(payload[2*i:]))
		}
	}
	return dst
}

// Encoder turns 16-bit mono PCM into RTP payloads. It is not safe for
// concurrent use.
type Encoder struct {
	codec earshot.Codec
	g722  *g722.Encoder
}

// NewEncoder returns an encoder, or an Invalid error for an unknown codec.
func NewEncoder(c earshot.Codec) (*Encoder, error) {
	if err := checkFormat(c, ClockRate(c)); err != nil {
		return nil, err
	}
	e := &Encoder{codec: c}
	if c == earshot.G722 {
		e.g722 = g722.NewEncoder(g722.Rate64000, 0)
	}
	return e, nil
}

// Encode appends the payload of pcm, which has the rate that [SampleRate] says,
// to dst and returns the extended slice. G.722 wants an even number of samples;
// an odd last one is left out.
func (e *Encoder) Encode(dst []byte, pcm []int16) []byte {
	switch e.codec {
	case earshot.PCMU:
		for _, s := range pcm {
			dst = append(dst, EncodeMuLaw(s))
		}
	case earshot.PCMA:
		for _, s := range pcm {
			dst = append(dst, EncodeALaw(s))
		}
	case earshot.G722:
		n := len(pcm) / 2
		at := len(dst)
		dst = grow(dst, n)
		e.g722.Encode(dst[at:at+n], pcm[:2*n])
	case earshot.L16:
		for _, s := range pcm {
			dst = binary.BigEndian.AppendUint16(dst, uint16(s))
		}
	}
	return dst
}

// grow returns s with n more elements of unspecified value.
func grow[T any](s []T, n int) []T {
	if need := len(s) + n; need <= cap(s) {
		return s[:need]
	}
	return append(s, make([]T, n)...)
}
