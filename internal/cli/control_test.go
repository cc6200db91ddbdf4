package cli

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/internal/control"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/metrics"
)

// A job that a command has stopped has not worked its input through, and ends well: a supervisor lets it rest.
func TestStoppedByCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.begin(t)
		stopped := make(chan error)
		go func() { stopped <- f.controlled.Stop(t.Context(), true) }()
		<-f.stopping
		if s := f.controlled.Status(); s.State != control.Stopping {
			t.Errorf("it is %s", s.State)
		}
		f.end(nil)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if exit := <-f.done; exit != (Exit{Code: 0}) || !f.closed {
			t.Errorf("exit %+v, socket closed: %t", exit, f.closed)
		}
		if got := f.said(); !strings.HasPrefix(got, "job orders stopped after 0.0s: ") {
			t.Error(got)
		}
	})
}

// A savepoint that can't begin leaves the job running; one that fails later ends it as without.
func TestStopByCommandThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.noSavepoint = errors.New("disk full")
		f.begin(t)
		if place, err := f.controlled.StopWithSavepoint(t.Context(), "/sp", false); place != "" || !errors.Is(err, f.noSavepoint) || err.Error() != "disk full; the job goes on" {
			t.Error(place, err)
		}
		if s := f.controlled.Status(); s.State != control.Running {
			t.Errorf("it is %s", s.State)
		}
		f.end(nil)
		if exit := <-f.done; exit != (Exit{Ran: true}) {
			t.Errorf("exit %+v", exit)
		}
		f = newFake("run")
		f.noSavepoint = errors.New("disk full")
		f.begin(t)
		f.stopped.Store(true)
		if _, err := f.controlled.StopWithSavepoint(t.Context(), "/sp", false); err == nil || err.Error() != "disk full; the job ends without" {
			t.Error(err)
		}
		f.end(nil)
		if exit := <-f.done; exit != (Exit{Code: 0}) {
			t.Errorf("exit %+v", exit)
		}
	})
}

func TestSavepointByCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run", "--control", "/tmp/my.sock")
		f.begin(t)
		if place, err := f.controlled.Savepoint(t.Context(), "/sp"); place != "/sp/one" || err != nil || f.socket != "/tmp/my.sock" {
			t.Error(place, err, f.socket)
		}
		f.end(nil)
		<-f.done
	})
}

// Between two attempts, and while a job stands by, it can be stopped, and no savepoint be had.
func TestControlledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.waits.Store(true)
		f.begin(t)
		if s := f.controlled.Status(); s.State != control.Waiting {
			t.Errorf("%+v", s)
		}
		if _, err := f.controlled.Savepoint(t.Context(), "/sp"); !errors.Is(err, errWaiting) {
			t.Error(err)
		}
		if _, err := f.controlled.StopWithSavepoint(t.Context(), "/sp", false); !errors.Is(err, errWaiting) {
			t.Error(err)
		}
		f.end(nil)
		if err := f.controlled.Stop(t.Context(), false); err != nil {
			t.Error(err)
		}
		<-f.done
	})
}

func TestControlledWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run")
		f.holdStart = true
		f.begin(t)
		if s := f.controlled.Status(); s.State != control.Starting || s.Job != "orders" || s.PID != os.Getpid() {
			t.Errorf("%+v", s)
		}
		if _, err := f.controlled.Savepoint(t.Context(), "/sp"); !errors.Is(err, errStarting) {
			t.Error(err)
		}
		if err := f.controlled.Stop(t.Context(), false); !errors.Is(err, errStarting) {
			t.Error(err)
		}
		f.signals <- os.Interrupt
		<-f.done
	})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run", "--progress=never")
		f.begin(t)
		f.count(1_000_000, 12, noon.Add(-3*time.Second))
		f.sink.Late.Store(3)
		f.numbers.Attempt.Store(2)
		f.numbers.Completed(metrics.Checkpoint{Number: 5, Taken: noon.Add(time.Minute)})
		f.clock.Advance(62 * time.Second)
		s := f.controlled.Status()
		mark, early := noon.Add(-3*time.Second), control.Operator{Name: "read", Subtasks: 1, In: 1_000_000, Out: 1_000_000, Kind: "source"}
		if want := (control.Status{
			Job: "orders", PID: os.Getpid(), State: control.Running, Started: noon, Attempt: 2, In: 1_000_000, Out: 12, Late: 3, Watermark: &mark,
			Checkpoint: &control.Checkpoint{Number: 5, Taken: noon.Add(time.Minute), AgeSeconds: 2},
			Operators:  []control.Operator{early, {Name: "write", Kind: "sink", Subtasks: 1, In: 12, Out: 12, Late: 3, Watermark: &mark}},
		}); !reflect.DeepEqual(s, want) {
			t.Errorf("got %+v\nwant %+v", s, want)
		}
		s.PID = 4711
		c := &command{job: f.Job, system: f.System}
		if got, want := c.statusText(s), `job orders is running, since 2026-03-01 12:00:00 (1m02s): process 4711, attempt 2
checkpoint 5, taken 2.0s ago
watermark 2026-03-01 11:59:57

operator  subtasks         in        out  late
read             1  1,000,000  1,000,000     0
write            1         12         12     3
`; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		f.end(nil)
		<-f.done
	})
}

// Without the usual socket a job runs all the same; one that was asked for must be there.
func TestNoSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("run", "--progress=never")
		f.noSocket = errors.New("the folder is another's")
		f.begin(t)
		if got := f.said(); !strings.Contains(got, "level=WARN msg=\"the job has no control socket") || !strings.Contains(got, "the folder is another's") {
			t.Error(got)
		}
		f.end(nil)
		if exit := <-f.done; exit != (Exit{Ran: true}) {
			t.Errorf("exit %+v", exit)
		}
		f = newFake("run", "--control", "/tmp/my.sock")
		f.noSocket = errors.New("another process listens there")
		f.begin(t)
		if exit := <-f.done; exit != (Exit{Code: 1}) {
			t.Errorf("exit %+v", exit)
		}
		f.expect(t, "a path that is taken", "job orders can't run: another process listens there\n")
		f = newFake("run", "--control", "none", "--progress=never")
		f.begin(t)
		if f.controlled != nil {
			t.Error("there is a socket")
		}
		f.end(nil)
		<-f.done
	})
}

func TestSavepointOnTerm(t *testing.T) {
	for name, c := range map[string]struct {
		signal      os.Signal
		noSavepoint error
		says        string
		exit        Exit
	}{
		"SIGTERM":         {syscall.SIGTERM, nil, "level=INFO msg=savepoint job=orders place=/sp/one\n", Exit{Code: 143, Signal: syscall.SIGTERM}},
		"SIGINT":          {os.Interrupt, nil, "", Exit{Code: 130, Signal: os.Interrupt}},
		"it can't be had": {syscall.SIGTERM, errors.New("disk full"), "level=ERROR msg=\"no savepoint: the job stops without\" job=orders to=/sp err=\"disk full\"\n", Exit{Code: 143, Signal: syscall.SIGTERM}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake("run", "--progress=never", "--savepoint-on-term", "/sp")
				f.ErrTerminal, f.noSavepoint = false, c.noSavepoint
				f.begin(t)
				f.signals <- c.signal
				<-f.stopping
				f.end(nil)
				if exit := <-f.done; exit != c.exit || !f.released {
					t.Errorf("exit %+v; a second signal kills: %t", exit, f.released)
				}
				if got := f.said(); !strings.HasSuffix(got, c.says) || (c.says == "") != (got == "") {
					t.Error(got)
				}
			})
		})
	}
}

func TestRestoreFlags(t *testing.T) {
	f := newFake("run", "--restore", "/sp/one", "--claim", "--standby", "--store", "/store")
	f.Start = func(context.Context) (Running, error) { return nil, errors.New("seen") }
	Main(t.Context(), f.Job, f.System)
	if r := f.Recovery; *r.Restore != "/sp/one" || !*r.Claim || !*r.Standby || *r.Store != "/store" {
		t.Errorf("%+v", r)
	}
}

func TestCompare(t *testing.T) {
	f := newFake("plan", "--restore", "/sp/one")
	f.Plan = func() (*graph.Plan, error) { return nil, nil }
	f.Compare = func(_ context.Context, place string) (string, error) { return "all of " + place + "\n", nil }
	if exit := Main(t.Context(), f.Job, f.System); exit.Code != 0 || f.out.String() != "all of /sp/one\n" {
		t.Errorf("exit %+v: %s", exit, f.out.String())
	}
	f.Compare = func(context.Context, string) (string, error) { return "", errors.New("flag is gone") }
	if exit := Main(t.Context(), f.Job, f.System); exit.Code != 1 {
		t.Errorf("exit %+v", exit)
	}
	f.expect(t, "what does not fit", "job orders can't be restored from /sp/one: flag is gone\n")
}

func TestPlaceOf(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"sp": here + "/sp", "/sp/": "/sp", "s3://bucket/sp": "s3://bucket/sp", "file:///sp": "file:///sp", "./a:b": here + "/a:b",
	} {
		if got, err := placeOf(place); got != want || err != nil {
			t.Errorf("%s: got %s, %v", place, got, err)
		}
	}
}
