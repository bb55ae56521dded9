package importer

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/media/audio"
)

// packetsABundle of 20 ms make 200 ms.
const packetsABundle = 10

// track cuts one channel of a file into RTP packets.
type track struct {
	leg           earshot.Leg
	file, channel int
	codec         earshot.Codec
	clock         int
	payloadType   uint8
	ssrc          uint32
	seq           uint16
	// sent counts the samples so far.
	sent int64
}

func newTrack(f audio.WAVFormat, file, channel int) *track {
	t := &track{file: file, channel: channel, codec: earshot.L16, clock: f.Rate, ssrc: uint32(1 + file + channel)}
	if f.Rate == 8000 { // G.711 has no other RTP clock
		t.codec = f.Encoding
	}
	t.payloadType, _ = audio.PayloadType(t.codec)
	return t
}

// bundle packs the track's channel of whole frames that follow what was sent.
func (t *track) bundle(raw []byte, f audio.WAVFormat, start time.Time) *earshot.AudioBundle {
	samples := t.payload(raw, f)
	width := 1
	if t.codec == earshot.L16 {
		width = 2
	}
	b := &earshot.AudioBundle{Leg: t.leg.ID, Codec: t.codec, ClockRate: t.clock}
	for len(samples) > 0 {
		n := min(len(samples), f.Rate/50*width)
		p := rtp.Packet{
			Header: rtp.Header{
				Version: 2, PayloadType: t.payloadType, SSRC: t.ssrc,
				SequenceNumber: t.seq, Timestamp: uint32(t.sent), Marker: t.sent == 0,
			},
			Payload: samples[:n],
		}
		t.seq++
		t.sent += int64(n / width)
		samples = samples[n:]
		// A packet is complete when its last sample was spoken.
		at := start.Add(time.Duration(t.sent) * time.Second / time.Duration(f.Rate)).Truncate(time.Microsecond)
		if b.ReceivedAt.IsZero() {
			b.ReceivedAt = at
		}
		packet := make([]byte, p.MarshalSize())
		if _, err := p.MarshalTo(packet); err == nil { // it has room, and no extension that could be wrong
			b.Packets = append(b.Packets, earshot.AudioPacket{After: at.Sub(b.ReceivedAt), RTP: packet})
		}
	}
	return b
}

// payload takes the channel out of the frames, in the RTP form of its codec.
func (t *track) payload(raw []byte, f audio.WAVFormat) []byte {
	frame := f.FrameSize()
	var out []byte
	for at := 0; at+frame <= len(raw); at += frame {
		switch {
		case f.Encoding == earshot.L16:
			s := binary.LittleEndian.Uint16(raw[at+2*t.channel:])
			out = binary.BigEndian.AppendUint16(out, s)
		case t.codec != earshot.L16:
			out = append(out, raw[at+t.channel])
		case f.Encoding == earshot.PCMU:
			out = binary.BigEndian.AppendUint16(out, uint16(audio.DecodeMuLaw(raw[at+t.channel])))
		default:
			out = binary.BigEndian.AppendUint16(out, uint16(audio.DecodeALaw(raw[at+t.channel])))
		}
	}
	return out
}
