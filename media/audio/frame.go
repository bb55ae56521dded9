package audio

import (
	"time"

	"earshot"
)

// Fill says why a frame holds silence that nobody sent.
type Fill uint8

// The reasons. Sound is what was received.
const (
	Sound Fill = iota
	// FillLoss stands for packets that never came, or too late.
	FillLoss
	// FillSilence is a timestamp jump without a sequence gap: the sender had
	// nothing to send (DTX, comfort noise).
	FillSilence
	// FillPause is a stop that only the arrival times tell: hold, a new source,
	// a timestamp that was set anew.
	FillPause
)

// Frame is a piece of one leg's sound. A leg's frames follow each other without
// a hole or an overlap: Start is the previous frame's End.
type Frame struct {
	Leg earshot.LegID
	// Start is the first sample's place, in samples of Rate from the
	// interaction's start.
	Start int64
	// Rate is in Hz. It changes within a leg only when the codec does and
	// [Options] asks for no fixed rate; Start is then in the new rate.
	Rate int
	// PCM is valid until the function that was given the frame returns; it must
	// not be changed.
	PCM  []int16
	Fill Fill
}

// End returns the place after the last sample.
func (f Frame) End() int64 { return f.Start + int64(len(f.PCM)) }

// Options of a [Track] or a [Call]; the zero value is good.
type Options struct {
	// Rate of the frames in Hz, one of 8000 and 16000; 0 leaves each leg at its
	// codec's rate.
	Rate int
	// Window is how long a missing packet is waited for, by arrival times;
	// default 200 ms.
	Window time.Duration
	// MaxLength of the timeline; packets that arrived later than that after
	// the interaction's start, or more than a minute before it, are counted and
	// dropped. Default and upper limit 24 h.
	MaxLength time.Duration
}

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = 200 * time.Millisecond
	}
	if o.MaxLength <= 0 || o.MaxLength > 24*time.Hour {
		o.MaxLength = 24 * time.Hour
	}
	return o
}

// Stats counts what became of a leg's packets.
type Stats struct {
	// Packets that were received, whatever became of them.
	Packets int64
	// Lost packets were not there when their turn came; Late ones among them
	// arrived after that.
	Lost int64
	Late int64
	// Duplicated packets had been received before.
	Duplicated int64
	// Malformed packets are no RTP.
	Malformed int64
	// Stray packets are RTP that fits no timeline: outside the call's time, or
	// a single leap of the sequence number.
	Stray int64
	// Other packets hold no sound: comfort noise, telephone events.
	Other int64
	// Trimmed samples were sent for a time that had sound already.
	Trimmed int64
	// Rebased counts how often arrival times had to place the sound: a new
	// source, a timestamp that was set anew, a pause.
	Rebased int64
	// Spans counts the pieces of inserted silence.
	Spans int64
	// LossMS, SilenceMS and PauseMS are the inserted silence by reason.
	LossMS    int64
	SilenceMS int64
	PauseMS   int64
	// JitterMS is the interarrival jitter (RFC 3550, section A.8).
	JitterMS float64
}
