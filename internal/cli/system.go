package cli

import (
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"leat.dev/leat/internal/clock"
)

// System is what the command line needs of the process that it runs in.
type System struct {
	Args     []string // the program first
	Out, Err io.Writer
	// OutTerminal and ErrTerminal say whether somebody looks at a terminal.
	OutTerminal, ErrTerminal bool
	// Width is how many columns the terminal of Err has; 0 if that is not known.
	Width func() int
	Clock clock.Clock
	Serve Serve // of the control socket
	// Signals begins to take the signals that stop a job. After release they have their usual effect: to kill.
	Signals func() (signals <-chan os.Signal, release func())
}

// Process is the system itself.
func Process() System {
	dumb := os.Getenv("TERM") == "dumb"
	return System{
		Args: os.Args, Out: os.Stdout, Err: os.Stderr,
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())) && !dumb,
		Width: stderrWidth, Clock: clock.Wall{}, Signals: takeSignals, Serve: serveSocket,
	}
}

func stderrWidth() int {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		return 0
	}
	return width
}

func takeSignals() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals, func() { signal.Stop(signals) }
}

// Signal is a signal that stops a job.
type Signal struct {
	os.Signal
	Name   string
	Number int
}

func nameSignal(s os.Signal) Signal {
	if s == os.Interrupt {
		return Signal{s, "SIGINT", 2}
	}
	return Signal{s, "SIGTERM", 15}
}

// Exit is how a process is to end.
type Exit struct {
	Code int
	// Signal is what stopped the job, if a signal did.
	Signal os.Signal
	// Ran says that the job has run to its end, so that the program may go on.
	Ran bool
}

// dying bounds the wait for the process's own signal to end it.
const dying = time.Second

// End ends the process. One that a signal has stopped ends by that signal, so that its parent can tell: a shell leaves
// its loop, and a supervisor sees the end that it has asked for. Where a process can't signal itself so (Windows, the
// first process of a container) the exit code says it. It returns when the job has run to its end.
func (e Exit) End() {
	if e.Ran {
		return
	}
	if e.Signal != nil {
		if self, err := os.FindProcess(os.Getpid()); err == nil && os.Getpid() != 1 && self.Signal(e.Signal) == nil {
			<-time.After(dying)
		}
	}
	os.Exit(e.Code)
}
