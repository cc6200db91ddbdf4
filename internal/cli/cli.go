// Package cli is the command line of a job's binary: run and plan, what asks a running job (status, savepoint, stop, state), and
// what looks into snapshots. What it knows of a job, and what it needs of the system, is handed in, so that tests can put
// something else in the place of both.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/view"
)

// Job is what the command line knows of a job.
type Job struct {
	Name  string
	Graph *graph.Graph
	// Parallelism and MaxParallelism are the job's settings; 0 is the default. Flags change them before Plan or Start.
	Parallelism, MaxParallelism *int
	// Recovery are the job's settings of checkpoints and restarts.
	Recovery Recovery
	// SetMemory sets how many bytes state may take; it refuses when the job's backend has no such setting.
	SetMemory func(bytes int64) error
	// SetBackend sets where state lives, by the backend's name, and in which folder; "" is what the job says.
	SetBackend func(name, dir string) error
	Plan       func() (*graph.Plan, error)
	// Compare says what restoring from a place, or from the "latest" snapshot, brings along, and fails if it can't be done.
	Compare func(ctx context.Context, place string) (text string, err error)
	Start   func(context.Context) (Running, error)
}

// Recovery points to a job's settings of checkpoints and restarts, which flags change.
type Recovery struct {
	Store       *string
	Every       *time.Duration
	FailAfter   *int
	Never       *bool
	Restore     *string
	Claim       *bool
	Standby     *bool
	AllowDrop   *[]string
	AllowRepeat *bool
}

// Running is a job that runs.
type Running interface {
	// Wait waits for the end. It may be called by several goroutines.
	Wait() error
	// Stop ends the job, with or without the firing of all windows and timers, and waits for its end.
	Stop(ctx context.Context, drain bool) error
	// Savepoint takes a savepoint below a place, and returns its own.
	Savepoint(ctx context.Context, to string) (place string, err error)
	// StopWithSavepoint takes one, commits all output up to it, and ends the job. When it fails, Stopping says whether
	// the job ends all the same.
	StopWithSavepoint(ctx context.Context, to string, drain bool) (place string, err error)
	// Runs says whether an attempt runs: not between two of them, and not while the job stands by.
	Runs() bool
	// Stopping says whether the job ends, or has ended, as it was asked to.
	Stopping() bool
	Metrics() *metrics.Job
	// Reader reads its state.
	Reader() *view.Reader
}

// Exit codes, beside 128 and the number of the signal that stopped the job.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a mistake of who called: it is told in a line, with a hint where help is.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// failure is a job that can't run or that failed; it has been reported.
type failure struct{ error }

// stopped is the end of a job that a signal has stopped, or, without one, somebody's command.
type stopped struct{ signal Signal }

func (s stopped) Error() string { return "stopped by " + cmp.Or(s.signal.Name, "command") }

// command is one call of the binary.
type command struct {
	job    Job
	system System
	name   string // of the program
	screen *screen
	ran    bool // the job has run to its end

	backend, stateDir string // of the flags; "": what the job says
}

// Main does what the arguments say and returns how the process is to end.
func Main(ctx context.Context, j Job, s System) Exit {
	c := &command{job: j, system: s, name: j.Name, screen: newScreen(s.Err)}
	if len(s.Args) > 0 {
		c.name = filepath.Base(s.Args[0])
	}
	root := c.root()
	root.SetArgs(s.Args[min(1, len(s.Args)):])
	return c.exit(root.ExecuteContext(ctx))
}

func (c *command) exit(err error) Exit {
	var usage usageError
	var stop stopped
	var failed failure
	switch {
	case err == nil:
		return Exit{Code: exitDone, Ran: c.ran}
	case errors.As(err, &failed):
		return Exit{Code: exitFailed}
	case errors.As(err, &stop) && stop.signal.Signal == nil:
		return Exit{Code: exitDone}
	case errors.As(err, &stop):
		return Exit{Code: 128 + stop.signal.Number, Signal: stop.signal.Signal}
	case errors.As(err, &usage):
		fmt.Fprintf(c.screen, "%s: %v\n", c.name, err)
		return Exit{Code: exitUsage}
	}
	fmt.Fprintf(c.screen, "%s: %v\n", c.name, err)
	return Exit{Code: exitFailed}
}

// root is the tree of commands.
func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use: c.name, Args: c.noCommand, SilenceErrors: true, SilenceUsage: true, RunE: c.bare,
		Annotations: map[string]string{about: c.about()},
		Example:     c.examples("run", "plan", "help run"),
	}
	root.Flags().Bool("version", false, "The same as the command version.")
	root.SetOut(c.system.Out)
	root.SetErr(c.screen)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { c.help(c.system.Out, cmd) })
	help := c.helpCommand()
	root.SetHelpCommand(help)
	root.AddCommand(c.runCommand(), c.planCommand(), c.statusCommand(), c.savepointCommand(), c.stopCommand(), c.stateCommand(),
		c.snapshotCommand(), c.versionCommand(), help)
	root.CompletionOptions.HiddenDefaultCmd = true
	for _, cmd := range append(root.Commands(), root) {
		cmd.Flags().SortFlags = false // they stand in the order of use
		cmd.DisableFlagsInUseLine = true
	}
	return root
}

// bare is a call without a command.
func (c *command) bare(cmd *cobra.Command, _ []string) error {
	if cmd.Flags().Changed("version") {
		return c.version()
	}
	c.help(c.screen, cmd)
	return usagef("say what to do: %s run, or %s plan", c.name, c.name)
}

// noCommand refuses what is no command.
func (c *command) noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range cmd.Commands() {
		known = append(known, sub.Name())
	}
	return usagef("unknown command %q%s (see %s help)", args[0], suggest(args[0], known), c.name)
}

// noArguments refuses arguments of a command that takes flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, but there is %q (see %s --help)", cmd.Name(), args[0], cmd.CommandPath())
	}
	return nil
}

func (c *command) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "say more of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return c.noCommand(cmd.Root(), args)
			}
			about.InitDefaultHelpFlag()
			c.help(c.system.Out, about)
			return nil
		},
	}
}

// write writes what a command is asked for.
func (c *command) write(text string) error {
	if _, err := io.WriteString(c.system.Out, text); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}
