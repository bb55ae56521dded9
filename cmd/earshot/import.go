package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"earshot"
	"earshot/internal/bus"
	"earshot/media/importer"
)

func newImport() *cobra.Command {
	var o importer.Options
	var file, started string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Put recordings and transcripts through a running Earshot",
		Long: `Put recordings and transcripts through the topics of a running Earshot, as fast
as it takes them, and print the interactions' ids, one a line.

A recording is a WAV file, mono or stereo (agent left, customer right), 8 to 48
kHz, 16-bit PCM or G.711; NAME_agent.wav and NAME_customer.wav (or _caller) are
the two sides of one call. The same recording twice is one interaction.

A transcript is a file of JSON lines (.jsonl), one utterance a line: role, text,
and start_ms or sent_at; end_ms, conversation_id, channel, agent, agent_name,
queue, customer and language may stand there too. docs/import.md lists all.

Kafka is the one of the config; without one, the embedded broker of the
'earshot serve' on this machine.`,
		Example: `  earshot import call.wav
  earshot import --queue billing --agent 1001 --agent-name "Anna Li" call_agent.wav call_customer.wav
  earshot import -c earshot.yaml --json archive/*.wav transcripts.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return earshot.Errorf(earshot.Invalid, "name at least one file, as in 'earshot import call.wav'")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if started != "" {
				at, err := time.Parse(time.RFC3339, started)
				if err != nil {
					return earshot.InvalidField("--started-at", "write RFC 3339, such as 2026-11-23T09:30:00+08:00", "%w", err)
				}
				o.Facts.StartedAt = at.UTC()
			}
			client, err := dialForImport(cmd.Context(), file)
			if err != nil {
				return err
			}
			defer client.Close()
			var finish func()
			o.Progress, finish = byteProgress(cmd.ErrOrStderr())
			ids, err := importer.New(client).Import(cmd.Context(), args, o)
			finish()
			return errors.Join(err, printIDs(cmd.OutOrStdout(), ids, asJSON))
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "config", "c", "", "the config file")
	f.StringVar((*string)(&o.Facts.Agent), "agent", "", "the agent's id")
	f.StringVar(&o.Facts.AgentName, "agent-name", "", "the agent's name")
	f.StringVar((*string)(&o.Facts.Customer), "customer", "", "the customer's id in the CRM")
	f.StringVar(&o.Facts.Queue, "queue", "", "the queue")
	f.StringVar(&o.Facts.Language, "language", "", "the language, such as en or zh")
	f.StringVar(&started, "started-at", "", "when it began (default from the file's time)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func dialForImport(ctx context.Context, file string) (*bus.Client, error) {
	cfg, err := loadConfig(file, os.Environ())
	if err != nil {
		return nil, err
	}
	to := cfg.Kafka
	if len(to.Brokers) == 0 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Embedded.Kafka.Port))
		conn, err := net.DialTimeout("tcp", addr, dialTimeout)
		if err != nil {
			return nil, earshot.Errorf(earshot.Unavailable, "cannot reach Kafka at %s: is 'earshot serve' running on this machine? %w", addr, err)
		}
		_ = conn.Close() // only a probe
		to = to.Embedded(addr)
	}
	return bus.Dial(ctx, to, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

func printIDs(w io.Writer, ids []earshot.InteractionID, asJSON bool) error {
	if asJSON {
		if ids == nil {
			ids = []earshot.InteractionID{}
		}
		return json.NewEncoder(w).Encode(map[string]any{"interactions": ids})
	}
	for _, id := range ids {
		if _, err := fmt.Fprintln(w, id); err != nil {
			return fmt.Errorf("cannot print: %w", err)
		}
	}
	return nil
}

// byteProgress draws a bar on a terminal, and nothing elsewhere.
func byteProgress(w io.Writer) (update func(done, total int64), finish func()) {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	return func(done, total int64) {
			if bar == nil {
				bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
					progressbar.OptionSetDescription("importing"), progressbar.OptionClearOnFinish())
			}
			_ = bar.Set64(done) // only drawing
		}, func() {
			if bar != nil {
				_ = bar.Finish() // only drawing
			}
		}
}
