package audio

import "time"

const (
	// driftWindow is how long the least delay is looked for. Jitter only ever
	// delays, so the packet that came soonest tells the clocks apart.
	driftWindow = 10 * time.Second
	// driftLimit is how far a leg may be off before it is moved.
	driftLimit = 10 * time.Millisecond
)

// drift keeps a leg beside the wall clock: the sender's clock runs at another
// speed (100 ppm are 360 ms an hour), and the very first packet may have been a
// late one. A leg that is off is moved by one sample of 8 kHz a packet, which
// cannot be heard, or at once where there is silence anyway.
type drift struct {
	until time.Time
	least int64
	// owed is by how many samples the leg is still to be moved.
	owed int64
}

// reset begins anew, after arrival times have placed the sound.
func (d *drift) reset() { *d = drift{} }

// note takes a packet's arrival and by how many samples that was after its
// place; limit is driftLimit in samples.
func (d *drift) note(arrival time.Time, lag, limit int64) {
	if d.owed != 0 {
		return // what is measured now is about to change
	}
	if d.until.IsZero() {
		d.until, d.least = arrival.Add(driftWindow), lag
	}
	d.least = min(d.least, lag)
	if arrival.Before(d.until) {
		return
	}
	if d.least > limit || d.least < -limit {
		d.owed = d.least
	}
	d.until = time.Time{}
}

// pay returns how much of what is owed to move by now, at most most in either
// direction, and takes it off.
func (d *drift) pay(most int64) int64 {
	n := max(-most, min(most, d.owed))
	d.owed -= n
	return n
}
