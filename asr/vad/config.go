package vad

import (
	"time"

	"earshot"
)

// Config says what counts as speech and where it is cut. Durations are rounded
// down to frames of 10 ms.
type Config struct {
	// Threshold is how far speech stands above the noise floor, in dB, to begin.
	Threshold float64 `yaml:"threshold_db"`
	// Keep is how far above the noise floor speech goes on, in dB.
	Keep float64 `yaml:"keep_db"`
	// Floor is the lowest noise floor assumed, in dBFS; quieter sound is never
	// speech, unless it stands Threshold above Floor.
	Floor float64 `yaml:"floor_dbfs"`
	// Adapt is the time in which the noise floor follows a louder noise.
	Adapt time.Duration `yaml:"adapt"`
	// PreRoll is kept from before the first speech: soft beginnings.
	PreRoll time.Duration `yaml:"pre_roll"`
	// Pause ends a segment; Tail of it is kept.
	Pause time.Duration `yaml:"pause"`
	Tail  time.Duration `yaml:"tail"`
	// Min is the least speech, pauses not counted, that a segment holds; less
	// is a click and dropped.
	Min time.Duration `yaml:"min"`
	// Max is the longest segment; longer speech is cut at its quietest place.
	Max time.Duration `yaml:"max"`
}

// DefaultConfig suits telephone speech of 8 or 16 kHz.
func DefaultConfig() Config {
	return Config{
		Threshold: 6,
		Keep:      3.5,
		Floor:     -65,
		Adapt:     3 * time.Second,
		PreRoll:   300 * time.Millisecond,
		Pause:     600 * time.Millisecond,
		Tail:      250 * time.Millisecond,
		Min:       150 * time.Millisecond,
		Max:       15 * time.Second,
	}
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.Threshold < 1 || c.Threshold > 40:
		return earshot.InvalidField("asr.vad.threshold_db", "take 1 to 40", "is %v", c.Threshold)
	case c.Keep < 1 || c.Keep > c.Threshold:
		return earshot.InvalidField("asr.vad.keep_db", "take 1 to asr.vad.threshold_db", "is %v", c.Keep)
	case c.Floor < -90 || c.Floor > -20:
		return earshot.InvalidField("asr.vad.floor_dbfs", "take -90 to -20", "is %v", c.Floor)
	case c.Adapt < 500*time.Millisecond || c.Adapt > time.Minute:
		return earshot.InvalidField("asr.vad.adapt", "take 500ms to 1m", "is %v", c.Adapt)
	case c.PreRoll < 0 || c.PreRoll > 2*time.Second:
		return earshot.InvalidField("asr.vad.pre_roll", "take 0s to 2s", "is %v", c.PreRoll)
	case c.Pause < 100*time.Millisecond || c.Pause > 5*time.Second:
		return earshot.InvalidField("asr.vad.pause", "take 100ms to 5s", "is %v", c.Pause)
	case c.Tail < 0 || c.Tail > c.Pause:
		return earshot.InvalidField("asr.vad.tail", "take 0s to asr.vad.pause", "is %v", c.Tail)
	case c.Min < 0 || c.Min > time.Second:
		return earshot.InvalidField("asr.vad.min", "take 0s to 1s", "is %v", c.Min)
	case c.Max < 2*time.Second || c.Max > time.Minute:
		return earshot.InvalidField("asr.vad.max", "take 2s to 1m", "is %v", c.Max)
	}
	return nil
}
