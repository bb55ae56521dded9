package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"earshot"
	"earshot/media/audio"
)

// Rate of spoken scripts, in Hz: what flite's voices have.
const Rate = 16000

// Spoken is a call as sound, one side each; both are equally long.
type Spoken struct {
	// Rate is in Hz.
	Rate            int
	Agent, Customer []int16
}

// tail is how long a call goes on after the last word.
const tail = 1500 * time.Millisecond

// Speak has flite speak a call. It fails as Unavailable when flite is not
// installed, and as Invalid for a script that is no call.
func (s Script) Speak(ctx context.Context) (Spoken, error) {
	if s.Channel != earshot.Voice {
		return Spoken{}, earshot.Errorf(earshot.Invalid, "cannot speak script %s: its channel is %s", s.ID, s.Channel)
	}
	flite, err := exec.LookPath("flite")
	if err != nil {
		return Spoken{}, &earshot.Error{Kind: earshot.Unavailable, Fix: "install the Debian package flite", Err: fmt.Errorf("cannot speak script %s: %w", s.ID, err)}
	}
	folder, err := os.MkdirTemp("", "earshot-demo-")
	if err != nil {
		return Spoken{}, fmt.Errorf("cannot speak script %s: %w", s.ID, err)
	}
	defer os.RemoveAll(folder)
	out := Spoken{Rate: Rate}
	end := 0
	for i, t := range s.Turns {
		pcm, err := say(ctx, flite, filepath.Join(folder, "turn.wav"), s.voice(t.Role), t.Text)
		if err != nil {
			return Spoken{}, fmt.Errorf("cannot speak turn %d of script %s: %w", i+1, s.ID, err)
		}
		side := &out.Agent
		if t.Role == earshot.Customer {
			side = &out.Customer
		}
		at := max(len(*side), end+samples(t.Pause()))
		*side = append(pad(*side, at), pcm...)
		end = len(*side)
	}
	length := max(len(out.Agent), len(out.Customer)) + samples(tail)
	out.Agent, out.Customer = pad(out.Agent, length), pad(out.Customer, length)
	return out, nil
}

func (s Script) voice(r earshot.Role) string {
	if r == earshot.Customer {
		return s.Customer.Voice
	}
	return s.Agent.Voice
}

func samples(d time.Duration) int { return int(d * Rate / time.Second) }

// pad adds silence up to a length.
func pad(pcm []int16, length int) []int16 {
	return append(pcm, make([]int16, max(0, length-len(pcm)))...)
}

// say speaks one text through a file.
func say(ctx context.Context, flite, file, voice, text string) ([]int16, error) {
	cmd := exec.CommandContext(ctx, flite, "-voice", voice, "-o", file, "-t", text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot run flite with voice %s: %w: %s", voice, err, bytes.TrimSpace(out))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read what flite spoke: %w", err)
	}
	defer f.Close()
	r, err := audio.NewWAVReader(f, file)
	if err != nil {
		return nil, err
	}
	if got := r.Format(); got.Rate != Rate || got.Channels != 1 {
		return nil, fmt.Errorf("cannot use voice %s: it has %d Hz and %d channels, want %d Hz and 1", voice, got.Rate, got.Channels, Rate)
	}
	return r.ReadAll()
}
