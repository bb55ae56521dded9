package audio

// ITU-T G.711, tables 1a to 2b: eight segments of sixteen steps for each sign.
const (
	muLawBias = 0x84
	muLawClip = 32635
)

// The tables are written once, when the program starts.
var (
	muLawTable = tableOf(DecodeMuLaw)
	aLawTable  = tableOf(DecodeALaw)
)

func tableOf(decode func(byte) int16) (t [256]int16) {
	for i := range t {
		t[i] = decode(byte(i))
	}
	return t
}

// DecodeMuLaw expands one G.711 mu-law byte to 16 bits.
func DecodeMuLaw(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3+muLawBias)<<(b>>4&7) - muLawBias
	if b&0x80 != 0 {
		v = -v
	}
	return int16(v)
}

// EncodeMuLaw compresses a 16-bit sample to one G.711 mu-law byte.
func EncodeMuLaw(s int16) byte {
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, muLawClip) + muLawBias
	seg := segment(v >> 8)
	return ^(sign | seg<<4 | byte(v>>(seg+3))&0x0f)
}

// DecodeALaw expands one G.711 A-law byte to 16 bits.
func DecodeALaw(b byte) int16 {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if seg := b >> 4 & 7; seg > 0 {
		v = (v + 0x100) << (seg - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

// EncodeALaw compresses a 16-bit sample to one G.711 A-law byte.
func EncodeALaw(s int16) byte {
	v, sign := int(s), byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0
	}
	seg := segment(v >> 8)
	step := byte(v>>4) & 0x0f
	if seg > 0 {
		step = byte(v>>(seg+3)) & 0x0f
	}
	return (sign | seg<<4 | step) ^ 0x55
}

// segment returns the number of significant bits of v, 0 to 7.
func segment(v int) (n byte) {
	for v > 0 && n < 7 {
		v >>= 1
		n++
	}
	return n
}
