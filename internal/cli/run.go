package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"leat.dev/leat/internal/graph"
)

// untouched is the logger that a program begins with.
var untouched = slog.Default()

type runFlags struct {
	memory                        int64
	progress, logLevel, logFormat string
	savepointOnTerm, control      string
}

func (c *command) runCommand() *cobra.Command {
	f := runFlags{progress: "auto", logLevel: "info", logFormat: "text"}
	cmd := &cobra.Command{
		Use: "run [flags]", Short: "run the job to the end of its input, or until it is stopped", Args: noArguments,
		Example:     c.examples("run", "run --parallelism 4 --memory 2GiB", "run --restore /var/savepoints/"+c.job.Name+"-20260301-120000-5e1f00aa", "run --progress always 2> progress.log", "run --log-format json --log-level warn"),
		Annotations: map[string]string{notes: runNotes},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.prepare(cmd, f); err != nil {
				return err
			}
			err := c.run(cmd.Context(), f)
			c.ran = err == nil
			return err
		},
	}
	c.addParallelism(cmd)
	c.addStore(cmd)
	c.addRestore(cmd)
	c.addRecovery(cmd)
	c.addTaking(cmd)
	cmd.Flags().Var(text{&f.savepointOnTerm, "TO"}, "savepoint-on-term",
		"Have SIGTERM stop the job as stop --savepoint TO does. If the savepoint fails, the job stops without, and says so.")
	cmd.Flags().Var(text{&f.control, "PATH|none"}, "control",
		"Where the socket is that status, savepoint and stop use. Default: one named after the job, in a folder that only this user can enter.")
	cmd.Flags().Var(size{&f.memory}, "memory",
		"How much memory state may take, such as 512MiB or 2GB. With the backend heap, a job that needs more fails with an error that "+
			"says so, before the system ends the process; with disk, the rest goes to disk. Default: what the job says, or else 60 % "+
			"(heap) or 25 % (disk) of the memory that the process may have.")
	c.addBackend(cmd)
	cmd.Flags().Var(text{&c.stateDir, "DIR"}, "state-dir",
		"Where the state of the backend disk lies: in a folder of this process's own below this one. Default: what the job says, or else "+
			"the system's folder for temporary files.")
	addChoice(cmd, &f.progress, "progress",
		"Whether to show on standard error how far the job is. auto does when that is a terminal, unless a sink prints to the "+
			"same terminal; always writes a line every second when it is none.", "auto", "always", "never")
	addChoice(cmd, &f.logLevel, "log-level", "What is logged, to standard error: this level and what is graver.", "debug", "info", "warn", "error")
	addChoice(cmd, &f.logFormat, "log-format",
		"How logs, lines of progress and the error that ends a job are written: for people, or an object a line for programs.", "text", "json")
	return cmd
}

const runNotes = `
Signals:
  SIGINT (Ctrl-C) and SIGTERM stop the job: the sources stop reading, what they have read is
  worked through and written, and the process ends by that signal. Timers that are not due
  and windows that are open don't fire. With --store the last checkpoint is taken then, and
  the same command goes on from it. A second signal ends the process at once.
  With --savepoint-on-term SIGTERM takes a savepoint in place of that checkpoint.

Exit codes:
  0    all input is worked through and written, or the command stop has ended the job
  1    the job failed, or can't run
  2    a command, flag or argument is wrong
  130  stopped by SIGINT, as a shell shows it
  143  stopped by SIGTERM
`

// prepare does what flags say before the job runs.
func (c *command) prepare(cmd *cobra.Command, f runFlags) error {
	if err := c.checkParallelism(cmd); err != nil {
		return err
	}
	if err := c.checkRestore(cmd); err != nil {
		return err
	}
	if err := c.setBackend(); err != nil {
		return err
	}
	if cmd.Flags().Changed("memory") {
		if err := c.job.SetMemory(f.memory); err != nil {
			return usagef("--memory: %w", err)
		}
	}
	asked := cmd.Flags().Changed("log-level") || cmd.Flags().Changed("log-format")
	if asked || slog.Default() == untouched { // a logger that the program has set stays, unless flags say otherwise
		slog.SetDefault(c.logger(f))
	}
	return nil
}

func (c *command) logger(f runFlags) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		panic(fmt.Sprintf("log level %s, which the flag has let pass: %v", f.logLevel, err))
	}
	options := &slog.HandlerOptions{Level: level}
	if f.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(c.screen, options))
	}
	return slog.New(slog.NewTextHandler(c.screen, options))
}

// run runs the job until it ends, fails or is stopped.
func (c *command) run(ctx context.Context, f runFlags) error {
	signals, release := c.system.Signals()
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	job, shut, err := c.control(f.control)
	if err != nil {
		return c.failed("can't run", err, f)
	}
	defer shut()
	r, early, err := c.start(ctx, cancel, signals, release, f)
	if err != nil {
		return c.failed("can't run", err, f)
	}
	job.runs(r)
	p := c.watch(r, f)
	if early != nil {
		signals = early
	}
	err = c.await(ctx, r, signals, release, f)
	if err == nil && r.Stopping() {
		err = stopped{} // by command
	}
	p.end(err)
	return c.failed("failed", err, f)
}

// await waits for the job's end, and for a signal, which stops it.
func (c *command) await(ctx context.Context, r Running, signals <-chan os.Signal, release func(), f runFlags) error {
	ended := make(chan error, 1)
	go func() { ended <- r.Wait() }()
	select {
	case err := <-ended:
		return err
	case s := <-signals:
		release()
		if c.system.ErrTerminal {
			fmt.Fprintf(c.screen, "%s: stopping; a second Ctrl-C ends it at once\n", c.name)
		}
		if err := c.halt(ctx, r, s, f); err != nil {
			return err
		}
		return stopped{nameSignal(s)}
	}
}

// halt stops the job, as a signal has asked for.
func (c *command) halt(ctx context.Context, r Running, s os.Signal, f runFlags) error {
	if s != syscall.SIGTERM || f.savepointOnTerm == "" {
		return r.Stop(ctx, false)
	}
	place, err := r.StopWithSavepoint(ctx, f.savepointOnTerm, false)
	if err == nil {
		slog.Info("savepoint", "job", c.job.Name, "place", place)
		return nil
	}
	slog.Error("no savepoint: the job stops without", "job", c.job.Name, "to", f.savepointOnTerm, "err", err)
	return r.Stop(ctx, false)
}

// outcome is what starting the job has come to.
type outcome struct {
	r   Running
	err error
}

// start starts the job. A signal breaks the start off, but for one that is to take a savepoint: the job may run already, and then the
// signal is early, for await.
func (c *command) start(
	ctx context.Context, cancel context.CancelCauseFunc, signals <-chan os.Signal, release func(), f runFlags,
) (r Running, early <-chan os.Signal, err error) {
	started := make(chan outcome, 1)
	go func() {
		r, err := c.job.Start(ctx)
		started <- outcome{r, err}
	}()
	select {
	case o := <-started:
		return o.r, nil, o.err
	case s := <-signals:
		if s == syscall.SIGTERM && f.savepointOnTerm != "" {
			if o, ok := c.soon(started); ok {
				again := make(chan os.Signal, 1)
				again <- s
				return o.r, again, o.err
			}
		}
		release()
		cause := stopped{nameSignal(s)}
		cancel(cause)
		if o := <-started; o.err == nil {
			o.r.Wait() // its error is the cause
		}
		return nil, nil, cause
	}
}

// startGrace is how long a job that is to take a savepoint when it is stopped may go on starting: one that restores, or stands by, has
// nothing new to save.
const startGrace = time.Second

// soon waits for the start to come to something.
func (c *command) soon(started <-chan outcome) (o outcome, ok bool) {
	late := make(chan struct{})
	stop := c.system.Clock.At(c.system.Clock.Now()+int64(startGrace), func() { close(late) })
	defer stop()
	select {
	case o = <-started:
		return o, true
	case <-late:
		return o, false
	}
}

// failed tells why the job can't run or has failed, unless it has not.
func (c *command) failed(how string, err error, f runFlags) error {
	var stop stopped
	if err == nil || errors.As(err, &stop) {
		return err
	}
	if f.logFormat == "json" {
		slog.Error("job "+how, "job", c.job.Name, "error", err)
		return failure{err}
	}
	fmt.Fprintln(c.screen, c.failureText(how, err))
	return failure{err}
}

// refused tells why a job can't be planned.
func (c *command) refused(err error) error { return c.failed("can't run", err, runFlags{}) }

// failureText is an error as the last thing that the job says: it names the job once.
func (c *command) failureText(how string, err error) string {
	text := err.Error()
	if several := (*graph.Errors)(nil); errors.As(err, &several) && len(several.Errs) > 1 {
		return text // it is a list, below a line of its own
	}
	job := "job " + c.job.Name
	if rest, named := strings.CutPrefix(text, job); named {
		text = strings.TrimLeft(rest, ":, ")
	}
	return fmt.Sprintf("%s %s: %s", job, how, text)
}
