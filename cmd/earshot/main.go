// Command earshot is all of Earshot in one binary: every role, the demo, and
// the tools around them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"earshot"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program but the process: what a test runs is what ships.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errSaid) {
		fmt.Fprintln(stderr, "earshot:", err)
	}
	var e *earshot.Error
	if errors.As(err, &e) {
		return e.Kind.ExitCode()
	}
	return earshot.Internal.ExitCode()
}

// errSaid ends a command whose output has said already what is wrong.
var errSaid = errors.New("see above")

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "earshot",
		Short: "Listens to every conversation of a contact centre and tells people what to do about it",
		Long: `Earshot listens to every conversation of a contact centre, calls and messages,
turns speech into text, scores each one against your scorecards with evidence,
and shows reviewers, agents and managers what to do about it.

Start with 'earshot demo'. 'earshot doctor' says what is missing on a machine.

Exit codes: 0 done, 1 internal error or something missing, 2 bad input,
3 denied, 4 not found, 5 already there, 6 something needed is away.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return earshot.Errorf(earshot.Invalid, "%q is no command; 'earshot --help' lists them", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return earshot.Errorf(earshot.Invalid, "%w; 'earshot %s --help' lists the flags", err, cmd.Name())
	})
	root.AddCommand(
		newDemo(), newServe(), newCall(), newImport(), newDoctor(),
		newConfig(), newDashboards(), newUser(), newVersion(),
	)
	return root
}

// group is a command that only holds others.
func group(use, short string, of ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return earshot.Errorf(earshot.Invalid, "%q is no command of 'earshot %s'; 'earshot %s --help' lists them", args[0], use, use)
		}
		return cmd.Help()
	}}
	cmd.AddCommand(of...)
	return cmd
}

// noArgs refuses arguments with the kind of bad input.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return earshot.Errorf(earshot.Invalid, "%s takes no argument, got %q; see 'earshot %s --help'", cmd.Name(), args[0], cmd.Name())
	}
	return nil
}
