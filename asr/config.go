package asr

import (
	"time"

	"earshot"
	"earshot/asr/vad"
)

// Config of the role.
type Config struct {
	// Language is assumed of a call whose source does not tell, as a BCP 47 tag.
	Language string `yaml:"language"`
	// Queue bounds the audio records of one call that wait, each 100 to 200 ms
	// of one leg; when it is full, the call's partition waits.
	Queue int `yaml:"queue"`
	// Pending bounds the segments of one leg that wait for a decoder.
	Pending int `yaml:"pending"`
	// IdleEnd is how long a call may send nothing before it is taken to have
	// ended without saying so.
	IdleEnd time.Duration `yaml:"idle_end"`
	// VAD says where speech is cut, for engines that do not decide that.
	VAD vad.Config `yaml:"vad"`
}

// DefaultConfig suits live calls in English: at most about 10 MB a call.
func DefaultConfig() Config {
	return Config{
		Language: "en",
		Queue:    256,
		Pending:  4,
		IdleEnd:  10 * time.Minute,
		VAD:      vad.DefaultConfig(),
	}
}

// Validate names the key that is wrong.
func (c Config) Validate() error {
	switch {
	case c.Language == "":
		return earshot.InvalidField("asr.language", "give a BCP 47 tag such as en", "is empty")
	case c.Queue < 1 || c.Queue > 100_000:
		return earshot.InvalidField("asr.queue", "take 1 to 100000", "is %d", c.Queue)
	case c.Pending < 1 || c.Pending > 1000:
		return earshot.InvalidField("asr.pending", "take 1 to 1000", "is %d", c.Pending)
	case c.IdleEnd < time.Second:
		return earshot.InvalidField("asr.idle_end", "take 1s or more", "is %v", c.IdleEnd)
	}
	return c.VAD.Validate()
}
