package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"earshot"
	"earshot/cmd/earshot/demo"
	"earshot/media/audio"
	"earshot/media/src"
)

func newCall() *cobra.Command {
	var o src.Options
	var wavs []string
	var codec string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "call [flags] sip:HOST:PORT",
		Short: "Send a SIPREC call, to test an installation",
		Long: `Send a recorded call to a SIPREC recording server in real time, as an SBC does:
an INVITE with two streams and metadata, RTP, BYE. The audio is one stereo WAV
(agent left, customer right) or two mono WAVs (the agent's first), 8 to 48 kHz,
16-bit PCM or G.711. Without --wav a scripted conversation is spoken by flite.

It prints the interaction's id. Add ;transport=tcp to the address for TCP.`,
		Example: `  earshot call sip:127.0.0.1:5060
  earshot call --wav stereo.wav --codec g722 sip:127.0.0.1:5060
  earshot call --wav agent.wav --wav customer.wav --agent "Anna Li" --customer +15550100 --queue billing "sip:recorder.example.com:5060;transport=tcp"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return earshot.Errorf(earshot.Invalid, "give one address, as in 'earshot call sip:127.0.0.1:5060'")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Target, o.Codec = args[0], earshot.Codec(strings.ToUpper(codec))
			length, err := callAudio(cmd.Context(), wavs, &o)
			if err != nil {
				return err
			}
			stop := progress(cmd.ErrOrStderr(), "calling "+o.Target, length)
			result, err := src.Call(cmd.Context(), o)
			stop()
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"interaction": result.InteractionID, "call_id": result.CallID,
					"packets": result.Packets, "duration_ms": result.Duration.Milliseconds(),
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %s of %s sent in %d packets\n", result.InteractionID, result.Duration.Round(time.Second), o.Codec, result.Packets)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&wavs, "wav", nil, "a stereo WAV, or twice: the agent's and the customer's mono WAV")
	f.StringVar(&codec, "codec", "g722", "pcmu, pcma or g722")
	f.StringVar(&o.AgentName, "agent", "Test Agent", "the agent's name")
	f.StringVar(&o.AgentAoR, "agent-aor", "", "the agent's SIP address (default made from the name)")
	f.StringVar(&o.CustomerTel, "customer", "+15550100", "the customer's telephone number")
	f.StringVar(&o.Queue, "queue", "", "the queue")
	f.StringVar(&o.Language, "language", "", "the language spoken, such as en or zh")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// callAudio fills in both sides' audio and returns its length.
func callAudio(ctx context.Context, wavs []string, o *src.Options) (time.Duration, error) {
	switch len(wavs) {
	case 0:
		return spokenAudio(ctx, o)
	case 1, 2:
	default:
		return 0, earshot.InvalidField("--wav", "give one stereo file or two mono files", "is given %d times", len(wavs))
	}
	var sides [][]int16
	var rates []int
	for _, path := range wavs {
		channels, rate, err := readWAV(path)
		if err != nil {
			return 0, err
		}
		if want := 3 - len(wavs); len(channels) != want {
			return 0, earshot.InvalidField("--wav", "give one stereo file or two mono files", "%s has %d channels", path, len(channels))
		}
		sides = append(sides, channels...)
		rates = append(rates, slices.Repeat([]int{rate}, len(channels))...)
	}
	o.Agent, o.Customer = src.PCM(rates[0], sides[0]), src.PCM(rates[1], sides[1])
	return max(length(sides[0], rates[0]), length(sides[1], rates[1])), nil
}

func length(samples []int16, rate int) time.Duration {
	return time.Duration(len(samples)) * time.Second / time.Duration(rate)
}

// spokenAudio has the demo's first call spoken.
func spokenAudio(ctx context.Context, o *src.Options) (time.Duration, error) {
	scripts, err := demo.Scripts()
	if err != nil {
		return 0, err
	}
	for _, s := range scripts {
		if s.Channel != earshot.Voice {
			continue
		}
		spoken, err := s.Speak(ctx)
		if err != nil {
			return 0, err
		}
		o.Agent, o.Customer = src.PCM(spoken.Rate, spoken.Agent), src.PCM(spoken.Rate, spoken.Customer)
		return length(spoken.Agent, spoken.Rate), nil
	}
	return 0, earshot.Errorf(earshot.NotFound, "no call is among the built-in scripts")
}

// readWAV returns the samples of each channel.
func readWAV(path string) (channels [][]int16, rate int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, earshot.InvalidField("--wav", "name a file that can be read", "%w", err)
	}
	defer f.Close()
	r, err := audio.NewWAVReader(f, path)
	if err != nil {
		return nil, 0, err
	}
	pcm, err := r.ReadAll()
	if err != nil {
		return nil, 0, err
	}
	format := r.Format()
	channels = make([][]int16, format.Channels)
	for i, sample := range pcm {
		channels[i%format.Channels] = append(channels[i%format.Channels], sample)
	}
	return channels, format.Rate, nil
}

// progress shows how much of a known time has passed, on a terminal only; the
// returned function ends it.
func progress(w io.Writer, what string, length time.Duration) (stop func()) {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	bar := progressbar.NewOptions64(length.Milliseconds(), progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false))
	began, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				_ = bar.Finish() // only drawing
				return
			case <-tick.C:
				_ = bar.Set64(min(time.Since(began), length).Milliseconds()) // only drawing
			}
		}
	}()
	return func() { close(done); <-ended }
}
