package audio

import (
	"math"

	"earshot"
)

const (
	// passEdge is where the pass band ends and the transition to the stop band
	// begins, as a part of the lower Nyquist frequency: 3.4 kHz at 8 kHz.
	passEdge = 0.85
	// stopDB is the attenuation of the stop band that the filter is designed for.
	stopDB = 80
)

// Resampler changes the sample rate of a stream by a rational factor with a
// polyphase FIR filter: a sinc under a Kaiser window (Oppenheim and Schafer,
// Discrete-Time Signal Processing, section 7.5.3). Its pass band ends at 0.85
// of the lower Nyquist frequency, from which on all else is below -80 dB at
// that frequency. It adds no delay to the timeline: output sample k belongs to
// the time of k over the output rate. It is not safe for concurrent use.
type Resampler struct {
	up, down int64
	half     int64 // input samples to each side of the centre
	coef     [][]float32

	in      []float32
	first   int64 // index of in[0] in the stream
	out     int64 // index of the next output sample
	lastOne int64 // index of the last input sample that is not zero
}

// NewResampler returns a resampler, or an Invalid error unless both rates are
// 8000 to 48000 Hz.
func NewResampler(from, to int) (*Resampler, error) {
	for _, r := range []int{from, to} {
		if r < 8000 || r > 48000 {
			return nil, earshot.InvalidField("rate", "use 8000 to 48000 Hz", "sample rate is %d Hz", r)
		}
	}
	g := gcd(from, to)
	r := &Resampler{up: int64(to / g), down: int64(from / g)}
	if from != to {
		r.design(float64(from), float64(to))
	}
	r.Reset()
	return r, nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// design computes the filter's phases.
func (r *Resampler) design(from, to float64) {
	nyquist := min(from, to) / 2
	transition := (1 - passEdge) * nyquist
	seconds := (stopDB - 8) / (2.285 * 2 * math.Pi * transition)
	r.half = int64(math.Ceil(seconds / 2 * from))
	cutoff := (1 + passEdge) / 2 * nyquist / from // cycles an input sample
	beta := 0.1102 * (stopDB - 8.7)
	r.coef = make([][]float32, r.up)
	for phase := range r.coef {
		r.coef[phase] = r.phase(float64(phase)/float64(r.up), cutoff, beta)
	}
}

// phase returns the filter for output samples that lie frac of an input sample
// after one, scaled so that a constant stays the same.
func (r *Resampler) phase(frac, cutoff, beta float64) []float32 {
	taps := make([]float64, 2*r.half+1)
	var sum float64
	for i := range taps {
		x := frac + float64(r.half) - float64(i)
		u := x / float64(r.half+1)
		taps[i] = sinc(2*cutoff*x) * bessel(beta*math.Sqrt(max(0, 1-u*u)))
		sum += taps[i]
	}
	out := make([]float32, len(taps))
	for i, t := range taps {
		out[i] = float32(t / sum)
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel returns I0(x), the modified Bessel function of order zero, by its
// power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// Reset begins a new stream.
func (r *Resampler) Reset() {
	r.in = append(r.in[:0], make([]float32, r.half)...)
	r.first, r.out, r.lastOne = -r.half, 0, -r.half-1
}

// Process appends to dst what the samples of src complete, and returns the
// extended slice. n input samples give, once flushed, n*to/from output samples,
// rounded up.
func (r *Resampler) Process(dst, src []int16) []int16 {
	if r.coef == nil {
		return append(dst, src...)
	}
	for i, s := range src {
		if s != 0 {
			r.lastOne = r.first + int64(len(r.in)+i)
		}
	}
	for _, s := range src {
		r.in = append(r.in, float32(s))
	}
	return r.run(dst, r.first+int64(len(r.in))-r.half)
}

// Flush appends the rest of the stream to dst and begins a new stream.
func (r *Resampler) Flush(dst []int16) []int16 {
	if r.coef != nil {
		end := r.first + int64(len(r.in))
		r.in = append(r.in, make([]float32, r.half)...)
		dst = r.run(dst, end)
	}
	r.Reset()
	return dst
}

// run computes the output samples that lie before the input sample end.
func (r *Resampler) run(dst []int16, end int64) []int16 {
	for {
		at := r.out * r.down
		centre := at / r.up
		if centre >= end {
			break
		}
		from := centre - r.half
		if from > r.lastOne {
			dst = append(dst, 0)
		} else {
			window := r.in[from-r.first : from-r.first+2*r.half+1]
			dst = append(dst, dot(r.coef[at%r.up], window))
		}
		r.out++
	}
	if used := r.out*r.down/r.up - r.half - r.first; used > 0 {
		used = min(used, int64(len(r.in)))
		r.in = r.in[:copy(r.in, r.in[used:])]
		r.first += used
	}
	return dst
}

func dot(a, b []float32) int16 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	s := math.Round(float64(s0 + s1 + s2 + s3))
	return int16(max(math.MinInt16, min(math.MaxInt16, s)))
}
