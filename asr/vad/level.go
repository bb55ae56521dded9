package vad

import "math"

// silent is the level, in dBFS, below which a frame is no sound at all: a gap
// that was filled with zeros. It tells nothing of the line's noise.
const silent = -90

// meter measures the level of frames above the hum: a Butterworth high-pass of
// second order at 150 Hz (R. Bristow-Johnson, "Cookbook formulae for audio EQ
// biquad filter coefficients", Q = 1/sqrt 2), then the mean square.
type meter struct {
	b0, b1, b2, a1, a2 float64
	x1, x2, y1, y2     float64
}

func newMeter(rate int) meter {
	w := 2 * math.Pi * 150 / float64(rate)
	alpha := math.Sin(w) / math.Sqrt2
	cos := math.Cos(w)
	a0 := 1 + alpha
	return meter{
		b0: (1 + cos) / 2 / a0, b1: -(1 + cos) / a0, b2: (1 + cos) / 2 / a0,
		a1: -2 * cos / a0, a2: (1 - alpha) / a0,
	}
}

// level returns the frame's level in dBFS, -100 at least.
func (m *meter) level(frame []int16) float64 {
	var sum float64
	for _, s := range frame {
		x := float64(s) / 32768
		y := m.b0*x + m.b1*m.x1 + m.b2*m.x2 - m.a1*m.y1 - m.a2*m.y2
		m.x2, m.x1 = m.x1, x
		m.y2, m.y1 = m.y1, y
		sum += y * y
	}
	return 10 * math.Log10(sum/float64(len(frame))+1e-10)
}

// blocks is how many pieces the window of the noise floor has: it is forgotten
// piece by piece.
const blocks = 8

// floor follows the line's noise by minimum statistics: the noise is what is
// left at the quietest moment of a window that is longer than any word (after
// R. Martin, "Noise power spectral density estimation based on optimal
// smoothing and minimum statistics", 2001, here in one band).
type floor struct {
	// lowest levels of the window's blocks; the current one is at index now.
	lowest [blocks]float64
	now    int
	// frames in the current block, of perBlock.
	frames, perBlock int
	least            float64
}

// bias lifts the minimum to the mean of the noise, in dB. A frame that is the
// average of three of 10 ms varies by about 0.5 dB in white noise, and the
// least of three hundred lies about three deviations below the mean.
const bias = 1.5

func newFloor(least float64, perWindow int) floor {
	f := floor{perBlock: max(1, perWindow/blocks), least: least}
	for i := range f.lowest {
		// Until the window is full only what was heard counts. A call that begins
		// with speech is not lost: its first dip shows the floor, and the pre-roll
		// reaches back.
		f.lowest[i] = math.Inf(1)
	}
	return f
}

func (f *floor) add(level float64) {
	if level < silent {
		return
	}
	if f.frames == f.perBlock {
		f.frames = 0
		f.now = (f.now + 1) % blocks
		f.lowest[f.now] = level
	}
	f.frames++
	f.lowest[f.now] = math.Min(f.lowest[f.now], level)
}

func (f *floor) level() float64 {
	low := f.lowest[0]
	for _, l := range f.lowest[1:] {
		low = math.Min(low, l)
	}
	if math.IsInf(low, 1) {
		return f.least // nothing but gaps so far
	}
	return math.Max(low+bias, f.least)
}
