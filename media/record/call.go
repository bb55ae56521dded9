package record

import (
	"os"
	"path/filepath"
	"time"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/audio"
)

// maxCall bounds a recording: its stereo WAV stays under 4 GiB.
const maxCall = 12 * time.Hour

// call is one call that is not over.
type call struct {
	id    earshot.InteractionID
	dir   string
	sound *audio.Call
	// old is what was recorded of the interaction before, nil mostly.
	old *entry
	// begun is done when the call is recorded. It keeps the group's committed
	// offset, and so all that follows it, from being passed: the other records
	// are done at once, and a long call costs no more to hold than a short one.
	begun     func()
	partition int32
	// first and last are offsets of the call's records.
	first, last int64
	// heard is the time of the latest record.
	heard  time.Time
	tracks []*take
	// saved is set by the first file that was written.
	saved bool
}

func newCall(r *bus.Record, work string, old *entry) *call {
	return &call{
		id: r.Interaction, dir: filepath.Join(work, string(r.Interaction)), old: old,
		sound: audio.NewCall(audio.Options{MaxLength: maxCall}),
		begun: r.Done, partition: r.Partition, first: r.Offset, last: r.Offset,
	}
}

// hold notes a record that has been taken in; the first one stays undone.
func (c *call) hold(r *bus.Record, at time.Time) {
	if r.Offset != c.first {
		r.Done()
	}
	c.last = max(c.last, r.Offset)
	if at.After(c.heard) {
		c.heard = at
	}
}

// push takes a record's sound into memory.
func (c *call) push(b *earshot.AudioBundle) error { return c.sound.Push(b, c.frame) }

// frame notes a piece of sound. Inserted silence needs no room: what is never
// written reads as zeros.
func (c *call) frame(f audio.Frame) {
	t := c.track(f.Leg, f.Rate)
	if t.end == 0 {
		t.start = f.Start
	}
	t.end = f.End()
	if f.Fill == audio.Sound {
		t.add(f.Start, f.PCM)
	}
}

// track returns the take of a leg at a rate: a leg whose codec changes has
// several, one after the other.
func (c *call) track(leg earshot.LegID, rate int) *take {
	for i := len(c.tracks) - 1; i >= 0; i-- {
		if t := c.tracks[i]; t.leg == leg {
			if t.rate == rate {
				return t
			}
			break
		}
	}
	t := &take{leg: leg, rate: rate, path: filepath.Join(c.dir, takeName(len(c.tracks)))}
	c.tracks = append(c.tracks, t)
	return t
}

// save writes what waits in memory to the takes' files; unless all is set, only
// where it is much. An error leaves everything in place for another try.
func (c *call) save(all bool) error {
	for _, t := range c.tracks {
		if t.waiting() == 0 || !all && t.waiting() < takeBuffer {
			continue
		}
		if !c.saved {
			if err := os.MkdirAll(c.dir, 0o750); err != nil {
				return unavailable("make folder of unfinished call", err)
			}
			c.saved = true
		}
		if err := t.save(); err != nil {
			return err
		}
	}
	return nil
}

// discard removes the unfinished files.
func (c *call) discard() error {
	if !c.saved {
		return nil
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return unavailable("remove unfinished recording", err)
	}
	return nil
}

// unavailable wraps a failure of the disk: a full or absent one is waited for,
// it never makes dead letters.
func unavailable(what string, err error) error {
	return earshot.Errorf(earshot.Unavailable, "cannot %s: %w", what, err)
}
