package audio

import (
	"time"

	"earshot"
)

// Call follows the legs of one interaction through the records of the audio
// topic. It is what both the transcription and the recording stand on, so that
// their times agree. A call is not safe for concurrent use.
type Call struct {
	opts   Options
	facts  earshot.Interaction
	origin time.Time
	legs   []*callLeg
	ended  bool
}

type callLeg struct {
	id    earshot.LegID
	track *Track
	ended bool
}

// NewCall returns a call that has no legs yet.
func NewCall(o Options) *Call { return &Call{opts: o.withDefaults()} }

// Push takes the next record of the interaction and calls emit for each piece
// of sound that is now complete. After an AudioLegEnd the leg's last frame has
// been emitted, after an AudioCallEnd that of every leg. The error is Invalid
// when the bundle's codec cannot be decoded; the call goes on without it.
func (c *Call) Push(b *earshot.AudioBundle, emit func(Frame)) error {
	if b.Mark != nil {
		c.facts = c.facts.Merge(b.Mark.Interaction)
	}
	c.setOrigin(b)
	switch b.Kind {
	case earshot.AudioLegStart:
		c.leg(b.Leg).ended = false
	case earshot.AudioMedia:
		return c.leg(b.Leg).track.Push(b, emit)
	case earshot.AudioLegEnd:
		l := c.leg(b.Leg)
		l.track.Flush(emit)
		l.ended = true
	case earshot.AudioCallEnd:
		c.Flush(emit)
		c.ended = true
	}
	return nil
}

// setOrigin fixes the timeline's zero at the first record: when the interaction
// started, or that record's own time where the start is unknown or cannot be.
func (c *Call) setOrigin(b *earshot.AudioBundle) {
	if !c.origin.IsZero() {
		return
	}
	c.origin = b.ReceivedAt
	if s := c.facts.StartedAt; !s.IsZero() {
		if since := b.ReceivedAt.Sub(s); since >= -time.Minute && since < c.opts.MaxLength {
			c.origin = s
		}
	}
}

// Flush emits what still waits in any leg and ends every leg, as an AudioCallEnd
// does; it is for a call whose end never comes.
func (c *Call) Flush(emit func(Frame)) {
	for _, l := range c.legs {
		l.track.Flush(emit)
		l.ended = true
	}
}

func (c *Call) leg(id earshot.LegID) *callLeg {
	for _, l := range c.legs {
		if l.id == id {
			return l
		}
	}
	l := &callLeg{id: id, track: NewTrack(id, c.origin, c.opts)}
	c.legs = append(c.legs, l)
	return l
}

// Interaction returns what the marks have told so far, merged.
func (c *Call) Interaction() earshot.Interaction { return c.facts }

// Origin returns the zero of the timeline; it is the zero time before the first
// record.
func (c *Call) Origin() time.Time { return c.origin }

// Ended says whether the AudioCallEnd has come.
func (c *Call) Ended() bool { return c.ended }

// Legs returns the ids of the legs seen so far, in the order they appeared.
func (c *Call) Legs() []earshot.LegID {
	ids := make([]earshot.LegID, len(c.legs))
	for i, l := range c.legs {
		ids[i] = l.id
	}
	return ids
}

// LegEnded says whether a leg has ended and not begun again.
func (c *Call) LegEnded(id earshot.LegID) bool {
	for _, l := range c.legs {
		if l.id == id {
			return l.ended
		}
	}
	return false
}

// Leg returns what is known of a leg; its role is [earshot.Other] when no mark
// has told it.
func (c *Call) Leg(id earshot.LegID) earshot.Leg {
	for _, l := range c.facts.Legs {
		if l.ID == id {
			return l
		}
	}
	return earshot.Leg{ID: id, Role: earshot.Other}
}

// Stats returns the counts of a leg; they are zero for one that is not known.
func (c *Call) Stats(id earshot.LegID) Stats {
	for _, l := range c.legs {
		if l.id == id {
			return l.track.Stats()
		}
	}
	return Stats{}
}
