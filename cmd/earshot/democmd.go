package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/cmd/earshot/demo"
)

// demoRun is one run of the demo.
type demoRun struct {
	out     io.Writer
	scripts []demo.Script
	// id keeps this run's conversations apart from those of an earlier one in
	// the same folder.
	id string
}

// demoResult is what became of one script.
type demoResult struct {
	ID         earshot.InteractionID `json:"id"`
	Channel    earshot.Channel       `json:"channel"`
	Agent      string                `json:"agent"`
	Score      *float64              `json:"score"`
	Failed     []string              `json:"failed"`
	Utterances int                   `json:"utterances"`
	// WER is the word error rate against the script; calls only.
	WER    *float64 `json:"wer,omitempty"`
	Script string   `json:"script"`
	// Expected are the criteria that the script was written to fail.
	Expected []string `json:"expected"`
}

// asWritten reports whether the script's conversation came out as meant.
func (r demoResult) asWritten() bool {
	return r.Score != nil && slices.Equal(r.Failed, r.Expected)
}

func newDemo() *cobra.Command {
	var exit, verbose bool
	var file, data string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Send scripted calls and chats through everything, and show what became of them",
		Long: `Start all of Earshot in this process with a fresh data folder, send scripted
calls through its SIP port and chats through its HTTP port, wait until each is
scored, print a table, and keep the workbench running until Ctrl-C.

The conversations are scripted and spoken by a synthesizer (flite); everything
else is what runs in production: SIPREC, RTP, Kafka, speech recognition, rules,
ClickHouse. The demo has no login: it listens on loopback only.

The exit code is 1 when a conversation did not come out as its script was
written to.`,
		Example: `  earshot demo
  earshot demo --exit --json demo.json
  earshot demo --data demo-data`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				dir, err := os.MkdirTemp("", "earshot-demo-")
				if err != nil {
					return fmt.Errorf("cannot make a data folder: %w", err)
				}
				defer os.RemoveAll(dir)
				data = dir
			}
			cfg, err := demoConfig(data, verbose)
			if err != nil {
				return err
			}
			return runDemo(cmd.Context(), cmd.OutOrStdout(), cfg, demoOptions{exit: exit, file: file})
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "end after the table")
	cmd.Flags().StringVar(&file, "json", "", "write the table to this file as JSON")
	cmd.Flags().StringVar(&data, "data", "", "keep the data in this folder (default a temporary one)")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print the log")
	return cmd
}

type demoOptions struct {
	exit bool
	file string
}

// demoConfig is the default config without a login, on ports that are free.
func demoConfig(data string, verbose bool) (Config, error) {
	cfg := defaultConfig()
	cfg.Data = data
	cfg.Web.Demo, cfg.Ingest.Open = true, true
	cfg.Log.Level = "error"
	if verbose {
		cfg.Log.Level = "info"
	}
	cfg.HTTP.Listen = freeAddress(cfg.HTTP.Listen)
	cfg.HTTP.OpsListen = freeAddress(cfg.HTTP.OpsListen)
	cfg.Embedded.ClickHouse.Listen = freeAddress(cfg.Embedded.ClickHouse.Listen)
	sip := freeAddress("127.0.0.1:5060")
	cfg.Media.Listen = []string{"udp:" + sip, "tcp:" + sip}
	_, port, err := net.SplitHostPort(freeAddress(net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Embedded.Kafka.Port))))
	if err != nil {
		return cfg, fmt.Errorf("cannot choose a port: %w", err)
	}
	if cfg.Embedded.Kafka.Port, err = strconv.Atoi(port); err != nil {
		return cfg, fmt.Errorf("cannot choose a port: %w", err)
	}
	cfg.resolve()
	return cfg, cfg.Validate()
}

// freeAddress returns addr, or one with another port when that is taken.
func freeAddress(addr string) string {
	for _, a := range []string{addr, "127.0.0.1:0"} {
		if l, err := net.Listen("tcp", a); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	return addr
}

func runDemo(ctx context.Context, out io.Writer, cfg Config, o demoOptions) (err error) {
	scripts, err := demo.Scripts()
	if err != nil {
		return err
	}
	log, err := cfg.Log.logger()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Earshot demo: the conversations are scripted, and the calls are spoken by a synthesizer.\nStarting Kafka, ClickHouse and all roles in %s ...\n", cfg.Data)
	s, err := open(ctx, cfg, log)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	g, running := errgroup.WithContext(running)
	ready := make(chan string, 1)
	g.Go(func() error { return s.run(running, func(addr string) { ready <- addr }) })
	g.Go(func() error {
		if o.exit {
			defer stop()
		}
		select {
		case addr := <-ready:
			d := &demoRun{out: out, scripts: scripts, id: randomHex(4)}
			return d.play(running, s, addr, o)
		case <-running.Done():
			return nil
		}
	})
	return g.Wait()
}

// play sends all conversations, waits for their scores and shows them.
func (d *demoRun) play(ctx context.Context, s *system, addr string, o demoOptions) error {
	ids, err := d.send(ctx, s, addr)
	if err != nil {
		return err
	}
	results, err := d.wait(ctx, s, ids)
	if err != nil {
		return err
	}
	d.print(results)
	if o.file != "" {
		if err := writeResults(o.file, results); err != nil {
			return err
		}
	}
	if bad := unlike(results); len(bad) > 0 {
		return fmt.Errorf("not as written: %s", strings.Join(bad, ", "))
	}
	if !o.exit {
		fmt.Fprintf(d.out, "\nThe workbench: http://%s/   (Ctrl-C ends the demo)\n", addr)
	}
	return nil
}

func unlike(results []demoResult) []string {
	var bad []string
	for _, r := range results {
		if !r.asWritten() {
			bad = append(bad, r.Script)
		}
	}
	return bad
}

func writeResults(path string, results []demoResult) error {
	data, err := json.MarshalIndent(map[string]any{"interactions": results}, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	return nil
}

func (d *demoRun) print(results []demoResult) {
	t := table.NewWriter()
	t.SetOutputMirror(d.out)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"script", "channel", "agent", "score", "failed criteria", "as written", "WER", "interaction"})
	for _, r := range results {
		score, rate, mark := "-", "", "yes"
		if r.Score != nil {
			score = strconv.FormatFloat(*r.Score, 'f', 1, 64)
		}
		if r.WER != nil {
			rate = strconv.FormatFloat(*r.WER, 'f', 2, 64)
		}
		if !r.asWritten() {
			mark = "NO: meant " + strings.Join(r.Expected, ", ")
		}
		t.AppendRow(table.Row{r.Script, r.Channel, r.Agent, score, strings.Join(r.Failed, "\n"), mark, rate, r.ID})
		t.AppendSeparator()
	}
	t.Render()
}

// patience is how long after the last call ended a score may take.
const patience = 4 * time.Minute
