// Package asr turns the audio of a call's legs into utterances.
package asr

import (
	"context"
	"strings"
	"time"
)

// Info says what an engine is and what it wants.
type Info struct {
	// Name as the config and the reports call it, such as "pocketsphinx".
	Name string
	// Languages are the BCP 47 primary tags it knows, such as "en"; empty means
	// every language.
	Languages []string
	// Rate of the PCM it is fed, in Hz.
	Rate int
}

// Speaks reports whether the engine knows a language, given by its BCP 47 tag.
func (i Info) Speaks(language string) bool {
	if len(i.Languages) == 0 {
		return true
	}
	primary, _, _ := strings.Cut(language, "-")
	for _, l := range i.Languages {
		if strings.EqualFold(l, primary) {
			return true
		}
	}
	return false
}

// Engine recognises speech. It is safe for concurrent use.
type Engine interface {
	// Info never changes.
	Info() Info
	// Open begins one leg. Partial and final segments are handed to emit, one
	// at a time and finals in order of their start, from any goroutine; emit
	// returns quickly. Open takes no decoder: thousands of legs may be open.
	// When ctx ends the stream drops what it has not recognised.
	Open(ctx context.Context, o Opening) (Stream, error)
}

// Opening says what is known of a leg when its stream is opened.
type Opening struct {
	// Language is a BCP 47 tag that the engine speaks.
	Language string
	// Emit takes the stream's segments.
	Emit func(Segment)
}

// Stream is one leg on its way through an engine. One goroutine feeds and
// finishes it; Settled may be called from any.
type Stream interface {
	// Feed takes the leg's next samples, at the engine's rate; silence is fed
	// too, since time is counted in samples. It keeps no reference to pcm. It
	// blocks while the engine is behind by more than the stream may hold, and
	// then returns early only with ctx's error.
	Feed(ctx context.Context, pcm []int16) error
	// Settled is the time, counted from the first sample, before which no
	// further final segment will begin. It never goes back.
	Settled() time.Duration
	// Finish says that no more samples come, waits until the last segment was
	// emitted and releases the stream. It is called exactly once, also after an
	// error or a cancelled context. The error is the first one that kept speech
	// from being recognised; segments may have been emitted all the same.
	Finish(ctx context.Context) error
}

// Segment is a piece of speech, recognised. Times count from the first sample
// that the stream was fed.
type Segment struct {
	Start, End time.Duration
	Text       string
	Words      []Word
	// Confidence is 0 to 1: how likely the engine holds its own words to be.
	Confidence float64
	// Language is what was recognised, a BCP 47 tag.
	Language string
	// Final is unset for a partial result, which a later segment with the same
	// Start replaces.
	Final bool
}

// Word is one recognised word.
type Word struct {
	Text       string
	Start, End time.Duration
	// Confidence is 0 to 1.
	Confidence float64
}

// Recognizer is an engine that wants a whole piece of speech at a time; see
// [Segmented]. It is safe for concurrent use and bounds its own concurrency.
type Recognizer interface {
	// Info never changes.
	Info() Info
	// Recognize returns what was said in pcm, with times from its beginning,
	// always final. The same pcm gives the same segment, whatever was recognised
	// before. It waits while all decoders are busy, and returns ctx's error when
	// ctx ends before it has begun. An Unavailable error is worth another try.
	Recognize(ctx context.Context, pcm []int16, language string) (Segment, error)
}
