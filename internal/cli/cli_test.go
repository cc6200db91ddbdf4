package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/control"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/view"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fake is a job whose numbers and whose end a test decides, on a system that a test has made.
type fake struct {
	Job
	System
	numbers           metrics.Job
	clock             *clock.Manual
	out, err          strings.Builder
	signals           chan os.Signal
	released, closed  bool  // signals, and the socket
	failure           error // set before ended is closed
	ended, stopping   chan struct{}
	holdStart         bool // Start waits for the end of its context
	stopped, waits    atomic.Bool
	noSavepoint       error
	controlled        control.Job // what the socket serves
	socket            string      // its path
	noSocket          error
	memory            int64
	parallelism, most int
	source, sink      *metrics.Subtask
	done              chan Exit
}

// newFake makes a job that is called with the arguments given, by somebody at a terminal.
func newFake(args ...string) *fake {
	f := &fake{
		clock: clock.NewManual(noon), signals: make(chan os.Signal, 1), ended: make(chan struct{}),
		stopping: make(chan struct{}), done: make(chan Exit, 1),
	}
	g := &graph.Graph{Job: "orders"}
	read := g.Add(&graph.Node{Kind: graph.Source, Name: "read"})
	g.Add(&graph.Node{Kind: graph.Sink, Name: "write", Inputs: []graph.Input{{From: read}}})
	f.Job = Job{
		Name: "orders", Graph: g, Parallelism: &f.parallelism, MaxParallelism: &f.most,
		Recovery: Recovery{
			Store: new(string), Every: new(time.Duration), FailAfter: new(int), Never: new(bool), Restore: new(string),
			Claim: new(bool), Standby: new(bool), AllowDrop: new([]string), AllowRepeat: new(bool),
		},
		SetMemory: func(bytes int64) error { f.memory = bytes; return nil },
		Start:     f.start,
	}
	f.System = System{
		Args: append([]string{"/usr/bin/orders"}, args...), Out: &f.out, Err: &f.err,
		OutTerminal: true, ErrTerminal: true, Width: func() int { return 200 }, Clock: f.clock,
		Signals: func() (<-chan os.Signal, func()) { return f.signals, func() { f.released = true } },
		Serve:   f.serve,
	}
	f.source, f.sink = f.numbers.Add("read", 0, flow.NoTime), f.numbers.Add("write", 0, flow.NoTime)
	return f
}

func (f *fake) start(ctx context.Context) (Running, error) {
	if f.holdStart {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return f, nil
}

func (f *fake) Wait() error {
	<-f.ended
	return f.failure
}

// end ends the job.
func (f *fake) end(err error) {
	f.failure = err
	close(f.ended)
}

func (f *fake) Runs() bool { return !f.waits.Load() }

func (f *fake) Stopping() bool { return f.stopped.Load() }

func (f *fake) Stop(context.Context, bool) error {
	f.stopped.Store(true)
	close(f.stopping)
	return f.Wait()
}

func (f *fake) Savepoint(_ context.Context, to string) (string, error) {
	return to + "/one", f.noSavepoint
}

func (f *fake) StopWithSavepoint(ctx context.Context, to string, drain bool) (string, error) {
	if f.noSavepoint != nil {
		return "", f.noSavepoint
	}
	return to + "/one", f.Stop(ctx, drain)
}

func (f *fake) Metrics() *metrics.Job { return &f.numbers }

func (f *fake) Reader() *view.Reader {
	return view.New(nil, &graph.Plan{Graph: &graph.Graph{Job: "orders"}})
}

// serve is the control socket: the test itself calls what is behind it.
func (f *fake) serve(_ string, job control.Job, path string) (Socket, error) {
	f.controlled, f.socket = job, path
	return f, f.noSocket
}

func (f *fake) Path() string { return f.socket }

func (f *fake) Close() { f.closed = true }

// begin calls the command line and returns when it waits for the job.
func (f *fake) begin(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	go func() { f.done <- Main(t.Context(), f.Job, f.System) }()
	synctest.Wait()
}

// count sets what the job has done so far.
func (f *fake) count(in, out int64, watermark time.Time) {
	f.source.In.Store(in)
	f.source.Out.Store(in)
	f.sink.In.Store(out)
	f.sink.Out.Store(out)
	f.sink.Watermark.Store(watermark.UnixNano())
}

// said is what was written to standard error since the last call; terminal controls made readable.
func (f *fake) said() string {
	text := strings.ReplaceAll(f.err.String(), eraseLine, "⌫")
	f.err.Reset()
	return text
}

func (f *fake) expect(t *testing.T, when, want string) {
	t.Helper()
	if got := f.said(); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", when, got, want)
	}
}

func TestLiveProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.begin(t)
		f.expect(t, "at first", "")
		f.clock.Advance(200 * time.Millisecond)
		f.expect(t, "before the first record", "⌫orders 0.2s  in 0 (0/s)  out 0")
		f.count(1_000_000, 12, noon.Add(-3*time.Second))
		f.clock.Advance(200 * time.Millisecond)
		f.expect(t, "later", "⌫orders 0.4s  in 1,000,000 (2.50M/s)  out 12  watermark 2026-03-01 11:59:57  lag 3.4s")
		slog.Info("hello")
		if got := f.said(); !strings.HasPrefix(got, "⌫time=") || !strings.Contains(got, "msg=hello\norders 0.4s  in") {
			t.Errorf("a log line and the status: %q", got)
		}
		f.source.Rejected.Store(2)
		f.sink.Late.Store(3)
		f.count(1_000_000, 12, noon.AddDate(-10, 0, 0))
		f.clock.Advance(2 * time.Second)
		f.expect(t, "history", "⌫orders 2.4s  in 1,000,000 (0/s)  out 12  rejected 2  late 3  watermark 2016-03-01 12:00:00")
		f.end(nil)
		if exit := <-f.done; exit != (Exit{Ran: true}) {
			t.Errorf("exit %+v", exit)
		}
		f.expect(t, "in the end", `⌫job orders ended after 2.4s: 1,000,000 records in (417k/s), 12 out, rejected 2, late 3

operator  subtasks         in        out  rejected  late
read             1  1,000,000  1,000,000         2     0
write            1         12         12         0     3
`)
		f.clock.Advance(time.Minute)
		f.expect(t, "after the end", "")
	})
}

func TestNarrowTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.Width = func() int { return 20 }
		f.begin(t)
		f.clock.Advance(200 * time.Millisecond)
		f.expect(t, "in 20 columns", "⌫orders 0.2s  in 0 …")
		f.end(errors.New("job orders, operator read, subtask 0: boom"))
		if exit := <-f.done; exit != (Exit{Code: 1}) {
			t.Errorf("exit %+v", exit)
		}
		f.expect(t, "failed", "⌫job orders failed: operator read, subtask 0: boom\n")
	})
}

func TestProgressElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		setup   func(*fake)
		ticking string
		summary bool
	}{
		"piped":         {nil, func(f *fake) { f.ErrTerminal = false }, "", false},
		"piped, always": {[]string{"--progress", "always"}, func(f *fake) { f.ErrTerminal = false }, "orders 1.0s  in 0 (0/s)  out 0\n", true},
		"never":         {[]string{"--progress", "never"}, func(*fake) {}, "", false},
		"a sink prints to the terminal": {nil, func(f *fake) {
			f.Graph.Nodes[1].Settings = []string{graph.Prints}
		}, "", true},
		"a sink prints to a file": {nil, func(f *fake) {
			f.OutTerminal, f.Graph.Nodes[1].Settings = false, []string{graph.Prints}
		}, "⌫orders 1.0s  in 0 (0/s)  out 0", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(append([]string{"run"}, c.args...)...)
				c.setup(f)
				f.begin(t)
				f.clock.Advance(time.Second)
				f.expect(t, "after a second", c.ticking)
				f.end(nil)
				<-f.done
				if got := f.said(); strings.Contains(got, "job orders ended after 1.0s") != c.summary {
					t.Errorf("in the end: %q", got)
				}
			})
		})
	}
}

func TestProgressForPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run", "--progress", "always", "--log-format", "json")
		f.ErrTerminal = false
		f.begin(t)
		f.count(50, 5, noon)
		f.clock.Advance(time.Second)
		if got := f.said(); !strings.Contains(got, `"msg":"progress","job":"orders","elapsed":1,"in":50,"out":5,"per_second":50,"late":0,"rejected":0,"watermark":"2026-03-01T12:00:00Z"}`) {
			t.Error(got)
		}
		f.end(nil)
		<-f.done
		if got := f.said(); !strings.Contains(got, `"msg":"job ended","job":"orders"`) {
			t.Error(got)
		}
	})
}

// The first signal asks the job to stop and gives signals their usual effect again, so that the second one kills.
func TestFirstSignalStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.begin(t)
		f.signals <- os.Interrupt
		<-f.stopping
		if !f.released {
			t.Error("a second signal would not kill")
		}
		f.expect(t, "stopping", "orders: stopping; a second Ctrl-C ends it at once\n")
		f.end(nil)
		if exit := <-f.done; exit != (Exit{Code: 130, Signal: os.Interrupt}) {
			t.Errorf("exit %+v", exit)
		}
		if got := f.said(); !strings.HasPrefix(got, "job orders stopped after 0.0s: 0 records in") {
			t.Error(got)
		}
	})
}

func TestStopThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run", "--progress", "never")
		f.ErrTerminal = false
		f.begin(t)
		f.signals <- os.Interrupt
		<-f.stopping
		f.end(errors.New("disk full"))
		if exit := <-f.done; exit != (Exit{Code: 1}) {
			t.Errorf("exit %+v", exit)
		}
		f.expect(t, "failed", "job orders failed: disk full\n")
	})
}

func TestSignalWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.holdStart = true
		f.begin(t)
		f.signals <- os.Interrupt
		if exit := <-f.done; exit != (Exit{Code: 130, Signal: os.Interrupt}) || !f.released {
			t.Errorf("exit %+v", exit)
		}
		f.expect(t, "stopped", "")
	})
}

func TestFlagsSetTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run", "--parallelism", "7", "--max-parallelism=64", "--memory", "1.5GiB", "--progress=never")
		f.end(nil)
		f.begin(t)
		<-f.done
		if f.parallelism != 7 || f.most != 64 || f.memory != 3<<29 {
			t.Errorf("parallelism %d of %d, memory %d", f.parallelism, f.most, f.memory)
		}
	})
}

// A logger that the program has set stays, unless flags ask for one.
func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var own strings.Builder
		f := newFake("run", "--progress=never")
		before := slog.Default()
		t.Cleanup(func() { slog.SetDefault(before) })
		slog.SetDefault(slog.New(slog.NewTextHandler(&own, nil)))
		f.begin(t)
		slog.Info("mine")
		f.end(nil)
		<-f.done
		if !strings.Contains(own.String(), "mine") || f.err.Len() > 0 {
			t.Errorf("own logger: %q, standard error: %q", own.String(), f.err.String())
		}
		f = newFake("run", "--progress=never", "--log-level", "warn")
		f.begin(t)
		slog.Info("dropped")
		slog.Warn("kept")
		f.end(nil)
		<-f.done
		if got := f.said(); strings.Contains(got, "dropped") || !strings.Contains(got, "level=WARN msg=kept") {
			t.Error(got)
		}
	})
}

func TestMemoryRefused(t *testing.T) {
	f := newFake("run", "--memory", "1GB")
	f.SetMemory = func(int64) error { return errors.New("the job keeps its state on disk") }
	if exit := Main(t.Context(), f.Job, f.System); exit != (Exit{Code: 2}) {
		t.Errorf("exit %+v", exit)
	}
	f.expect(t, "refused", "orders: --memory: the job keeps its state on disk\n")
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "512MiB": 512 << 20, "2GB": 2e9, "1.5kib": 1536, "3 TB": 3e12, "7b": 7,
		"": 0, "MiB": 0, "0": 0, "-1GB": 0, "1G": 0, "NaN": 0, "9e18KiB": 0, "1e99": 0,
	} {
		var got int64
		if err := (size{&got}).Set(text); (err == nil) != (want > 0) || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"parallelism", "max-parallelism", "memory", "progress"}
	for word, want := range map[string]string{
		"paralelism": "parallelism", "par": "parallelism", "memroy": "memory", "mem": "memory", "p": "", "xyz": "", "progres": "progress",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s", n, got)
		}
	}
	for n, want := range map[float64]string{0: "0", 950: "950", 12_345: "12.3k", 123_456: "123k", 4_560_000: "4.56M", 456e6: "456M"} {
		if got := short(n); got != want {
			t.Errorf("%f: got %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0.0s", 450 * time.Millisecond: "0.4s", 12 * time.Second: "12s", 185 * time.Second: "3m05s",
		130 * time.Minute: "2h10m", 99 * time.Hour: "4d3h",
	} {
		if got := elapsed(d); got != want {
			t.Errorf("%v: got %s", d, got)
		}
	}
}

func TestVersion(t *testing.T) {
	got := versionText("orders", &debug.BuildInfo{
		GoVersion: "go1.27.4", Main: debug.Module{Path: "example.com/orders", Version: "v1.2.0"},
		Deps: []*debug.Module{{Path: "leat.dev/leat", Version: "v0.1.0"}},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}, {Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"},
		},
	})
	if want := "job orders: example.com/orders v1.2.0, revision abc with changes\nleat: v0.1.0\ngo1.27.4, linux/arm64\n"; got != want {
		t.Errorf("got %s", got)
	}
}

// A subtask that has had nothing to do does not hold the watermark back; one that has had records and no watermark does.
func TestTallyWatermark(t *testing.T) {
	f := newFake()
	f.count(10, 5, noon)
	idle := f.numbers.Add("write", 1, flow.NoTime)
	if at, ok := tallyOf(f.Graph, &f.numbers).watermark(); !ok || !at.Equal(noon) {
		t.Errorf("with an idle subtask: %v, %t", at, ok)
	}
	idle.In.Store(1)
	if at, ok := tallyOf(f.Graph, &f.numbers).watermark(); ok {
		t.Errorf("with a subtask that has none: %v", at)
	}
	idle.Watermark.Store(noon.Add(-time.Hour).UnixNano())
	if at, ok := tallyOf(f.Graph, &f.numbers).watermark(); !ok || !at.Equal(noon.Add(-time.Hour)) {
		t.Errorf("with one behind: %v, %t", at, ok)
	}
	idle.Watermark.Store(flow.EndTime)
	f.sink.Watermark.Store(flow.EndTime)
	if at, ok := tallyOf(f.Graph, &f.numbers).watermark(); ok {
		t.Errorf("at the end: %v", at)
	}
}
