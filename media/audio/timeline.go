package audio

import "time"

const (
	// aheadLimit is how far the sound may run ahead of its arrival: nothing can
	// be heard before it was said, so more means a wrong timestamp.
	aheadLimit = time.Second
	// pauseLimit is the shortest stop of the packets that counts as a pause when
	// the timestamps do not tell it. A network that stalls for less delivers
	// the held packets in a burst, and nothing may be inserted for that.
	pauseLimit = 2 * time.Second
	// jitterLimit is how far arrival times may place sound before the end of
	// what is there without being taken at their word, which would cut it.
	jitterLimit = 20 * time.Millisecond
)

// timeline maps RTP timestamps of one source onto samples from the
// interaction's start.
type timeline struct {
	origin time.Time
	rate   int // samples a second
	clock  int // timestamp units a second

	early    int64 // see heard
	anchored bool
	stamp    uint32 // the last packet's
	units    int64  // timestamp units since the anchor
	base     int64  // the anchor's sample

	arrival  time.Time // the last packet's
	lag      int64     // the last packet's arrival after its place, samples
	transit  float64   // RFC 3550 A.8, timestamp units
	jitter   float64
	measured bool
	drift    drift
}

// samples converts a duration.
func (l *timeline) samples(d time.Duration) int64 {
	return int64(d)/int64(time.Second)*int64(l.rate) + int64(d)%int64(time.Second)*int64(l.rate)/int64(time.Second)
}

// heard returns where a packet of n samples belongs by its arrival: it was
// complete when it was sent. It is negative for sound from before the origin,
// but for a leg that begins there as if packets took no time to fill: the whole
// leg then counts as that much later.
func (l *timeline) heard(arrival time.Time, n int) int64 {
	at := l.samples(arrival.Sub(l.origin)) - int64(n) + l.early
	if !l.anchored && at < 0 && l.early == 0 {
		l.early = min(-at, int64(n))
		at += l.early
	}
	return at
}

// advance notes the packet's timestamp and returns its place by it.
func (l *timeline) advance(stamp uint32) int64 {
	l.units += int64(int32(stamp - l.stamp))
	l.stamp = stamp
	return l.base + l.units*int64(l.rate)/int64(l.clock)
}

// anchor makes sample the place of the packet with the given timestamp.
func (l *timeline) anchor(stamp uint32, sample int64) {
	l.stamp, l.units, l.base, l.anchored = stamp, 0, sample, true
	l.measured = false
	l.drift.reset()
}

// spot is where a packet belongs.
type spot struct {
	at int64
	// rebased says that arrival times had to tell the place.
	rebased bool
	// stretch is by how many samples the packet is to be made longer, or
	// shorter when it is negative, to keep beside the wall clock.
	stretch int64
}

// place returns where the packet of n samples belongs, given that the sound
// before it ends at end.
func (l *timeline) place(p packet, n int, end int64) spot {
	heard := l.heard(p.arrival, n)
	s := spot{}
	if l.anchored {
		s.at = l.advance(p.stamp)
		s.rebased = l.leapt(p.arrival, s.at, n, end)
	}
	if !l.anchored || s.rebased {
		s.at, s.rebased = heard, true
		if early := end - heard; early > 0 && early < int64(n) && early <= l.samples(jitterLimit) {
			s.at = end
		}
		l.anchor(p.stamp, s.at)
	}
	l.lag, l.arrival = heard-s.at, p.arrival
	l.drift.note(p.arrival, l.lag, l.samples(driftLimit))
	if gap := s.at - end; gap > 0 && !s.rebased {
		moved := max(-gap, l.drift.pay(int64(l.rate)))
		s.at, l.base = s.at+moved, l.base+moved
	} else {
		s.stretch = l.drift.pay(int64(l.rate / 8000))
		l.base += s.stretch
	}
	return s
}

// leapt says that the place by timestamp cannot be right.
func (l *timeline) leapt(arrival time.Time, at int64, n int, end int64) bool {
	lag := l.heard(arrival, n) - at
	switch {
	case at+int64(n) <= end: // set back: all of it would lie in the past
		return true
	case -lag > l.samples(aheadLimit):
		return true
	case arrival.Sub(l.arrival) > pauseLimit && lag-l.lag > l.samples(pauseLimit):
		return true
	default:
		return false
	}
}

// measure updates the interarrival jitter (RFC 3550, section A.8).
func (l *timeline) measure(p packet) {
	transit := p.arrival.Sub(l.origin).Seconds()*float64(l.clock) - float64(l.units)
	if l.measured {
		d := transit - l.transit
		l.jitter += (max(d, -d) - l.jitter) / 16
	}
	l.transit, l.measured = transit, true
}
