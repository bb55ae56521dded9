package webtest

import (
	"encoding/binary"
	"math"

	"earshot"
	"earshot/metrics/query"
)

const (
	sampleRate = 8000 // Hz
	peakMS     = 20   // one pair of peaks, milliseconds
	wavHeader  = 44   // bytes
)

// level is how loud a role is at a time, 0 to 1: syllables four times a second
// while it speaks.
func level(d query.Detail, role earshot.Role, ms float64) float64 {
	for _, u := range d.Utterances {
		if u.Role == role && float64(u.StartMS) <= ms && ms < float64(u.EndMS) {
			t := (ms - float64(u.StartMS)) / 1000
			return (0.25 + 0.5*math.Abs(math.Sin(t*4*math.Pi))) * (0.6 + 0.4*math.Sin(t*1.7+float64(u.StartMS)))
		}
	}
	return 0.01
}

// hum returns a stereo WAV, 16 bit: the agent left at 180 Hz, the customer
// right at 230 Hz.
func hum(d query.Detail) []byte {
	n := int(d.DurationMS) * sampleRate / 1000
	out := make([]byte, 0, wavHeader+4*n)
	out = append(out, "RIFF"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(wavHeader-8+4*n))
	out = append(out, "WAVEfmt "...)
	out = binary.LittleEndian.AppendUint32(out, 16)
	for _, v := range []uint16{1, 2} { // PCM, two channels
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	out = binary.LittleEndian.AppendUint32(out, sampleRate)
	out = binary.LittleEndian.AppendUint32(out, 4*sampleRate)
	for _, v := range []uint16{4, 16} { // block, bits
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	out = append(out, "data"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(4*n))
	var left, right float64
	for i := range n {
		t := float64(i) / sampleRate
		if i%(sampleRate/100) == 0 {
			left, right = level(d, earshot.Agent, t*1000), level(d, earshot.Customer, t*1000)
		}
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(6000*left*math.Sin(2*math.Pi*180*t))))
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(6000*right*math.Sin(2*math.Pi*230*t))))
	}
	return out
}

func peaks(d query.Detail) [][]int {
	out := make([][]int, 2)
	for ms := int64(0); ms < d.DurationMS; ms += peakMS {
		for side, role := range []earshot.Role{earshot.Agent, earshot.Customer} {
			v := int(127 * math.Abs(level(d, role, float64(ms))))
			out[side] = append(out[side], -v, v)
		}
	}
	return out
}
