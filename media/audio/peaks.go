package audio

// maxPeaks bounds the points of a channel; half as many at least are kept of a
// recording that is longer than maxPeaks times firstPeakMS.
const (
	maxPeaks    = 4096
	firstPeakMS = 10
)

// Peaks is the outline of a recording, small enough for a page to draw at once:
// for each channel the lowest and the highest sample of each piece of MS
// milliseconds. As JSON it has under 100 KB however long the recording is.
type Peaks struct {
	// MS is the length of one point: 10 times a power of two.
	MS int `json:"ms"`
	// DurationMS is the length of the recording.
	DurationMS int64         `json:"duration_ms"`
	Channels   []PeakChannel `json:"channels"`
}

// PeakChannel is the outline of one channel.
type PeakChannel struct {
	// Name says who is heard, such as "agent".
	Name string `json:"name"`
	// Min and Max are -128 to 127, a 256th of the samples.
	Min []int8 `json:"min"`
	Max []int8 `json:"max"`
}

// PeakBuilder takes a recording's samples one after the other and keeps the
// outline alone.
type PeakBuilder struct {
	rate   int
	points Peaks
	frames int64
	filled int // frames in the last point
}

// NewPeakBuilder returns a builder for interleaved channels of the given names.
// rate is in Hz.
func NewPeakBuilder(rate int, names ...string) *PeakBuilder {
	b := &PeakBuilder{rate: rate, points: Peaks{MS: firstPeakMS}}
	for _, n := range names {
		b.points.Channels = append(b.points.Channels, PeakChannel{Name: n, Min: []int8{}, Max: []int8{}})
	}
	return b
}

// Add takes whole frames of interleaved samples.
func (b *PeakBuilder) Add(pcm []int16) {
	n := len(b.points.Channels)
	for ; len(pcm) >= n; pcm = pcm[n:] {
		if b.filled == 0 {
			b.begin()
		}
		for i := range b.points.Channels {
			c, v := &b.points.Channels[i], int8(pcm[i]>>8)
			last := len(c.Min) - 1
			c.Min[last], c.Max[last] = min(c.Min[last], v), max(c.Max[last], v)
		}
		b.frames++
		if b.filled++; b.filled == b.rate*b.points.MS/1000 {
			b.filled = 0
		}
	}
}

// begin starts a point, and first makes points twice as long when they are full.
func (b *PeakBuilder) begin() {
	if len(b.points.Channels[0].Min) == maxPeaks {
		b.points.MS *= 2
		for i := range b.points.Channels {
			b.points.Channels[i].halve()
		}
	}
	for i := range b.points.Channels {
		c := &b.points.Channels[i]
		c.Min, c.Max = append(c.Min, 127), append(c.Max, -128)
	}
}

func (c *PeakChannel) halve() {
	for i := range len(c.Min) / 2 {
		c.Min[i] = min(c.Min[2*i], c.Min[2*i+1])
		c.Max[i] = max(c.Max[2*i], c.Max[2*i+1])
	}
	c.Min, c.Max = c.Min[:len(c.Min)/2], c.Max[:len(c.Max)/2]
}

// Peaks returns the outline of what was added.
func (b *PeakBuilder) Peaks() Peaks {
	p := b.points
	p.DurationMS = b.frames * 1000 / int64(b.rate)
	return p
}
