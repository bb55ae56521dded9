package bus

import "earshot"

// partitionOf returns the partition of an interaction, 0 to n-1, the same that
// Kafka's Java client chooses for a record with that key (murmur2, seed
// 0x9747b28c, sign bit dropped, modulo).
func partitionOf(i earshot.InteractionID, n int) int32 {
	return int32(murmur2([]byte(i))&0x7fffffff) % int32(n)
}

// murmur2 is Austin Appleby's MurmurHash2 as in Kafka's Utils.murmur2.
func murmur2(b []byte) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
	)
	h := seed ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
