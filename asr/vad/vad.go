// Package vad cuts a leg's audio into segments of speech by its level above an
// adaptive noise floor.
package vad

import "time"

// frameTime is the piece of audio that is judged at once.
const frameTime = 10 * time.Millisecond

// Segment is a piece of speech. Start counts samples from the first one fed.
type Segment struct {
	Start int64
	PCM   []int16
}

// onset is how many of the last frames must be speech for a segment to begin:
// a click is shorter.
const (
	onsetWindow = 8
	onsetSpeech = 6
)

// Detector cuts one leg. The same samples give the same segments, however they
// are split over calls. It is not safe for concurrent use.
type Detector struct {
	cfg   Config
	rate  int
	meter meter
	floor floor

	// held is the audio that may still become part of a segment; base is the
	// place of its first sample, levels and speech one entry a whole frame.
	held   []int16
	base   int64
	levels []float64
	speech []bool

	// open is set within a segment, which begins at base; lastSpeech is the
	// index of its last frame of speech, spoken how many there are.
	open       bool
	lastSpeech int
	spoken     int
}

// New returns a detector for audio of the given rate in Hz, a multiple of 100.
// The config is taken to be valid.
func New(cfg Config, rate int) *Detector {
	return &Detector{
		cfg:   cfg,
		rate:  rate,
		meter: newMeter(rate),
		floor: newFloor(cfg.Floor, frames(cfg.Adapt)),
	}
}

func frames(d time.Duration) int { return int(d / frameTime) }

func (d *Detector) frameLen() int { return d.rate / 100 }

// Feed takes the next samples and returns the segments that ended in them.
func (d *Detector) Feed(pcm []int16) []Segment {
	var out []Segment
	n := d.frameLen()
	for len(pcm) > 0 {
		missing := n - (len(d.held) - n*len(d.levels))
		take := min(missing, len(pcm))
		d.held = append(d.held, pcm[:take]...)
		pcm = pcm[take:]
		if take < missing {
			break
		}
		d.judge(d.held[len(d.held)-n:])
		if s, ok := d.step(); ok {
			out = append(out, s)
		}
	}
	return out
}

// Flush ends the audio and returns the segment that was still open, if any.
func (d *Detector) Flush() []Segment {
	if !d.open {
		return nil
	}
	if s, ok := d.cut(d.tailEnd()); ok {
		return []Segment{s}
	}
	return nil
}

// Settled is the sample before which no further segment will begin.
func (d *Detector) Settled() int64 { return d.base }

// Fed is how many samples were fed.
func (d *Detector) Fed() int64 { return d.base + int64(len(d.held)) }

// judge measures a frame and decides whether it is speech.
func (d *Detector) judge(frame []int16) {
	level := d.meter.level(frame)
	d.levels = append(d.levels, level)
	smooth := d.smooth(len(d.levels) - 1)
	d.floor.add(smooth)
	need := d.cfg.Threshold
	if d.open {
		need = d.cfg.Keep
	}
	d.speech = append(d.speech, smooth-d.floor.level() >= need)
}

// smooth averages a frame's level with those of the two before it.
func (d *Detector) smooth(i int) float64 {
	sum, from := 0.0, max(0, i-2)
	for _, l := range d.levels[from : i+1] {
		sum += l
	}
	return sum / float64(i+1-from)
}

// step moves on by the frame just judged.
func (d *Detector) step() (Segment, bool) {
	last := len(d.levels) - 1
	if !d.open {
		d.listen(last)
		return Segment{}, false
	}
	if d.speech[last] {
		d.lastSpeech = last
		d.spoken++
	}
	if last-d.lastSpeech >= frames(d.cfg.Pause) {
		return d.cut(d.tailEnd())
	}
	if last+1 >= frames(d.cfg.Max) {
		return d.split()
	}
	return Segment{}, false
}

// listen opens a segment when speech has begun, and forgets what is too old to
// belong to the next one.
func (d *Detector) listen(last int) {
	from := max(0, last+1-onsetWindow)
	first, count := -1, 0
	for i := from; i <= last; i++ {
		if d.speech[i] {
			if first < 0 {
				first = i
			}
			count++
		}
	}
	if count >= onsetSpeech {
		d.drop(max(0, first-frames(d.cfg.PreRoll)))
		d.open, d.spoken, d.lastSpeech = true, count, len(d.levels)-1
		return
	}
	// Dropping in larger steps keeps the copying small.
	keep := frames(d.cfg.PreRoll) + onsetWindow
	if len(d.levels) >= 2*keep {
		d.drop(len(d.levels) - keep)
	}
}

// tailEnd is the frame after the last speech and what is kept of the pause.
func (d *Detector) tailEnd() int {
	return min(len(d.levels), d.lastSpeech+1+frames(d.cfg.Tail))
}

// cut ends the open segment before the given frame.
func (d *Detector) cut(end int) (Segment, bool) {
	s, ok := d.take(end), d.spoken >= frames(d.cfg.Min)
	d.open = false
	return s, ok
}

// split ends a segment that is too long at the quietest place of its second
// half; the rest is the beginning of the next one.
func (d *Detector) split() (Segment, bool) {
	quietest, at := 0.0, 0
	for i := len(d.levels) / 2; i < len(d.levels); i++ {
		if l := d.smooth(i); at == 0 || l < quietest {
			quietest, at = l, i
		}
	}
	s := d.take(at)
	d.spoken, d.lastSpeech = 0, 0
	for i, speech := range d.speech {
		if speech {
			d.spoken++
			d.lastSpeech = i
		}
	}
	return s, true
}

// take removes the frames before end and returns their audio.
func (d *Detector) take(end int) Segment {
	n := end * d.frameLen()
	s := Segment{Start: d.base, PCM: append([]int16(nil), d.held[:n]...)}
	d.drop(end)
	return s
}

func (d *Detector) drop(frames int) {
	n := frames * d.frameLen()
	d.held = d.held[:copy(d.held, d.held[n:])]
	d.levels = d.levels[:copy(d.levels, d.levels[frames:])]
	d.speech = d.speech[:copy(d.speech, d.speech[frames:])]
	d.base += int64(n)
}
