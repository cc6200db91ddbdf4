package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"leat.dev/leat/internal/control"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/metrics"
)

// noControl is the path that asks for no socket.
const noControl = "none"

// Socket is what serves a running job.
type Socket interface {
	Path() string
	// Close takes the socket away and waits for answers under way, but not long.
	Close()
}

// Serve begins to serve a job at the path of a socket, or at one of the job's own if path is "".
type Serve func(name string, job control.Job, path string) (Socket, error)

func serveSocket(name string, job control.Job, path string) (Socket, error) {
	return control.Serve(name, job, path)
}

// controlled is this process's job as its socket serves it.
type controlled struct {
	command *command
	begin   time.Time
	running atomic.Pointer[Running] // nil: the job is starting
}

// control opens the socket of the job that is about to start. What was asked for by path must be there; without the
// usual one the job runs all the same.
func (c *command) control(path string) (job *controlled, shut func(), err error) {
	job = &controlled{command: c, begin: c.now()}
	if path == noControl {
		return job, func() {}, nil
	}
	socket, err := c.system.Serve(c.job.Name, job, path)
	switch {
	case err == nil:
		slog.Debug("control socket", "job", c.job.Name, "path", socket.Path())
		return job, socket.Close, nil
	case path != "":
		return nil, nil, err
	}
	slog.Warn("the job has no control socket: status, savepoint and stop don't reach it (--control none if they need not)",
		"job", c.job.Name, "err", err)
	return job, func() {}, nil
}

// runs notes that the job has started.
func (j *controlled) runs(r Running) { j.running.Store(&r) }

var (
	errStarting = errors.New("the job is only starting: try again when it runs, or end its process")
	errWaiting  = errors.New("the job does not run at this moment: it waits for its next attempt, or for another process's end; try again when status says that it runs")
)

// ask hands the running job to f.
func (j *controlled) ask(f func(Running) error) error {
	r := j.running.Load()
	if r == nil {
		return errStarting
	}
	return f(*r)
}

// save hands the running job to f, which takes a savepoint. One that waits is refused: nobody knows for how long, and a
// savepoint that comes when its client is long gone is none that anybody asked for.
func (j *controlled) save(f func(Running) error) error {
	return j.ask(func(r Running) error {
		if !r.Runs() && !r.Stopping() {
			return errWaiting
		}
		return f(r)
	})
}

// Savepoint takes a savepoint.
func (j *controlled) Savepoint(ctx context.Context, to string) (place string, err error) {
	err = j.save(func(r Running) error {
		place, err = r.Savepoint(ctx, to)
		return err
	})
	return place, err
}

// StopWithSavepoint takes a savepoint and ends the job. Its error says whether the job goes on.
func (j *controlled) StopWithSavepoint(ctx context.Context, to string, drain bool) (place string, err error) {
	err = j.save(func(r Running) error {
		place, err = r.StopWithSavepoint(ctx, to, drain)
		switch {
		case err == nil:
			return nil
		case r.Stopping():
			return fmt.Errorf("%w; the job ends without", err)
		}
		return fmt.Errorf("%w; the job goes on", err)
	})
	return place, err
}

// Stop ends the job.
func (j *controlled) Stop(ctx context.Context, drain bool) error {
	return j.ask(func(r Running) error { return r.Stop(ctx, drain) })
}

// Status is how the job is.
func (j *controlled) Status() control.Status {
	s := control.Status{Job: j.command.job.Name, PID: os.Getpid(), State: control.Starting, Started: j.begin.UTC(), Operators: []control.Operator{}}
	r := j.running.Load()
	if r == nil {
		return s
	}
	s.State = stateOf(*r)
	numbers := (*r).Metrics()
	s.Attempt = numbers.Attempt.Load()
	if newest, ok := numbers.Newest(); ok {
		age := j.command.now().Sub(newest.Taken)
		s.Checkpoint = &control.Checkpoint{Number: newest.Number, Taken: newest.Taken, AgeSeconds: age.Seconds()}
	}
	if numbers.State != nil {
		s.Memory = memoryOf(numbers.State())
	}
	t := tallyOf(j.command.job.Graph, numbers)
	s.In, s.Out, s.Late, s.Rejected = t.in, t.out, t.late, t.rejected
	if at, ok := t.watermark(); ok {
		s.Watermark = &at
	}
	for _, o := range t.operators {
		s.Operators = append(s.Operators, o.status())
	}
	return s
}

func memoryOf(s metrics.State) *control.Memory {
	m := &control.Memory{Used: s.Used, Limit: s.Limit, Copies: s.Copies}
	if s.Disk != nil {
		m.Disk = new(control.Disk(*s.Disk))
	}
	return m
}

func stateOf(r Running) control.State {
	switch {
	case r.Stopping():
		return control.Stopping
	case r.Runs():
		return control.Running
	}
	return control.Waiting
}

func (o *operator) status() control.Operator {
	s := control.Operator{
		Name: o.node.Name, Kind: string(o.node.Kind), Subtasks: o.subtasks,
		In: o.in, Out: o.out, Late: o.late, Rejected: o.rejected,
	}
	if o.watermark != flow.NoTime && o.watermark != flow.EndTime {
		at := time.Unix(0, o.watermark).UTC()
		s.Watermark = &at
	}
	return s
}

// connect finds the running job: at the path of its socket, or the one process of the user's.
func (c *command) connect(ctx context.Context, path string) (*control.Client, control.Status, error) {
	if path == "" {
		return c.find(ctx)
	}
	client := control.NewClient(path)
	status, err := client.Status(ctx)
	if err == nil && c.job.Name != "" && status.Job != c.job.Name {
		err = fmt.Errorf("the job that listens at %s is %s, and not %s", path, status.Job, c.job.Name)
	}
	return client, status, err
}
