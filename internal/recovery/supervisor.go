package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/store"
)

// Config is a job and how to keep it running.
type Config struct {
	Plan    *graph.Plan
	Options local.Options
	Store   store.Store // nil: no checkpoints, and so no restarts
	Clock   clock.Clock
	Policy  Policy
	// Every is how often a checkpoint begins, MinPause how long after the end of the one before at the earliest.
	Every, MinPause time.Duration
	Timeout         time.Duration // of a checkpoint
	Keep            int           // complete checkpoints
	FailAfter       int           // failed checkpoints in a row that fail the attempt; 0: never
	// From is what the first attempt begins from; nil: the newest snapshot in Store, if there is one.
	From *checkpoint.Snapshot
	// Claim says that the job owns From and may delete it.
	Claim       bool
	AllowRepeat bool // outputs committed since the snapshot may come again
	// Standby waits while another process with Standby runs the job, and takes over when that ends or gives no sign of life
	// for Lease; default DefaultLease.
	Standby bool
	Lease   time.Duration
}

// Supervisor runs a job's attempts, one after another.
type Supervisor struct {
	c      Config
	ctx    context.Context
	cancel context.CancelCauseFunc
	ended  chan struct{}
	err    error // valid when ended is closed
	epoch  int64 // of the last attempt; used by whoever begins attempts

	mu       sync.Mutex // guards all below
	attempt  *local.Attempt
	lease    *lease               // of the attempt, if others stand by
	changed  chan struct{}        // closed when attempt is another, and replaced
	newest   *checkpoint.Snapshot // that is complete; nil: none is known
	stopping bool                 // Stop was called: no other attempt follows
	failures []Failure
}

// Start starts the first attempt and returns at once. What keeps the first attempt from starting is the error; later
// failures are what the policy is for.
func Start(ctx context.Context, c Config) (*Supervisor, error) {
	s := &Supervisor{c: c, ended: make(chan struct{}), changed: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	if c.Standby && c.Store != nil {
		s.goStandBy()
		return s, nil
	}
	a, err := s.begin()
	if err != nil {
		s.cancel(err)
		return nil, err
	}
	began := c.Clock.Now()
	go func() {
		defer close(s.ended)
		defer s.cancel(nil)
		s.err = s.keep(a, began)
	}()
	return s, nil
}

// Done is closed when the job has ended.
func (s *Supervisor) Done() <-chan struct{} { return s.ended }

// Wait waits for the job's end.
func (s *Supervisor) Wait() error {
	<-s.ended
	return s.err
}

// Stop ends the sources' reading, and the job with it. With drain all timers and windows fire.
func (s *Supervisor) Stop(drain bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	if s.attempt == nil {
		s.cancel(errStopped) // between two attempts
		return
	}
	s.attempt.Stop(drain)
}

var errStopped = errors.New("the job was stopped while it waited for another attempt")

// begin starts an attempt, from the newest snapshot if there is one.
func (s *Supervisor) begin() (*local.Attempt, error) {
	if err := s.fits(); err != nil {
		return nil, err
	}
	if s.c.Store != nil {
		epoch, err := checkpoint.Claim(s.ctx, s.c.Store, s.c.Plan.Graph.Job, s.epoch)
		if err != nil {
			return nil, s.named(err) // the epoch of the attempt before stays: by it the next claim knows whether the job was lost
		}
		s.epoch = epoch
	}
	o := s.c.Options
	ctx, err := s.holdLease(&o)
	if err != nil {
		return nil, err
	}
	a, err := s.restore(ctx, o)
	if err != nil {
		s.endLease()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempt = a
	close(s.changed)
	s.changed = make(chan struct{})
	if s.stopping {
		a.Stop(false)
	}
	return a, nil
}

// fits refuses a snapshot that the user has named and the job does not fit, before anybody who runs the job loses it and before
// the snapshot becomes the newest of the job's history.
func (s *Supervisor) fits() error {
	if s.c.From == nil {
		return nil
	}
	m, p := s.c.From.Manifest, s.c.Plan
	if _, err := checkpoint.Compare(m, p.Graph.Nodes, p.Settings.MaxParallelism, s.c.Options.AllowDrop); err != nil {
		return s.named(fmt.Errorf("restore checkpoint %d: %w", m.Checkpoint, err))
	}
	return nil
}

// restore starts an attempt from the newest snapshot that can be restored: which one that is may turn out only then.
func (s *Supervisor) restore(ctx context.Context, o local.Options) (*local.Attempt, error) {
	var unread []checkpoint.Unread
	o.Restore, o.Complete = s.c.From, s.completed
	for {
		var taken *checkpoint.Taken
		if s.c.Store != nil {
			var err error
			if taken, err = s.take(unread); err != nil {
				return nil, err
			}
			o.Epoch, o.After, o.Restore, o.Store, o.Final = s.epoch, taken.Manifest, taken.Snapshot, s.c.Store, true
		}
		o.Metrics.Reset()
		o.Metrics.Attempt.Store(s.epoch)
		a, err := local.Start(ctx, s.c.Plan, o)
		if taken == nil || taken.Snapshot == nil || taken.Named || !errors.Is(err, checkpoint.ErrDamaged) {
			if err == nil && taken != nil {
				s.begunFrom(taken.Snapshot)
			}
			return a, err
		}
		unread = append(unread, checkpoint.Unread{Manifest: taken.Manifest, Err: err})
	}
}

// take takes the job over and returns the snapshot to go on from.
func (s *Supervisor) take(unread []checkpoint.Unread) (*checkpoint.Taken, error) {
	job := s.c.Plan.Graph.Job
	origin := checkpoint.Origin{From: s.c.From, Claim: s.c.Claim, ExactlyOnce: s.exactlyOnce(), AllowRepeat: s.c.AllowRepeat, Unread: unread}
	taken, err := checkpoint.Take(s.ctx, s.c.Store, job, s.epoch, origin)
	if err != nil {
		return nil, err
	}
	s.c.From = nil // later attempts go on from what the first has come to
	s.sweep()
	for _, d := range taken.Damaged {
		slog.Warn("a snapshot can't be read; an older one takes its place", "job", job, "err", d)
	}
	if taken.Again {
		slog.Info("the job has begun from this savepoint before, and goes on from where it has come to (to go back: --allow-repeat)", "job", job)
	}
	if m := taken.Manifest; taken.Snapshot != nil {
		s.c.Options.Metrics.Restored(metrics.Checkpoint{Number: m.Checkpoint, Taken: m.Taken})
		what := []any{"job", job, "checkpoint", m.Checkpoint, "taken", m.Taken, "behind", s.age(m)}
		if m.Place != "" {
			what = append(what, "place", m.Place)
		}
		slog.Info("resuming", what...)
	}
	return taken, nil
}

// age is how long ago a snapshot was taken.
func (s *Supervisor) age(m *checkpoint.Manifest) time.Duration {
	return time.Duration(s.c.Clock.Now() - m.Taken.UnixNano()).Round(time.Millisecond)
}

// abandoned is after how long what a writer has left behind is taken for nobody's: the store may be shared with jobs
// that write at this moment.
const abandoned = time.Hour

// sweep removes what killed processes were in the middle of writing.
func (s *Supervisor) sweep() {
	swept, ok := s.c.Store.(store.Sweeper)
	if !ok {
		return
	}
	_, err := swept.Sweep(s.ctx, func(t store.Temporary) bool { return time.Since(t.Modified) > abandoned })
	if err != nil {
		slog.Warn("left-over files could not be removed from the store", "job", s.c.Plan.Graph.Job, "err", err)
	}
}

func (s *Supervisor) exactlyOnce() bool {
	for _, n := range s.c.Plan.Graph.Nodes {
		if n.ExactlyOnce {
			return true
		}
	}
	return false
}

// keep waits for attempts and starts new ones, until one ends well or the policy gives up.
func (s *Supervisor) keep(a *local.Attempt, began int64) error {
	for {
		err := s.run(a)
		for {
			if err == nil {
				return nil
			}
			if err = s.pause(err, began); err != nil {
				return err
			}
			began = s.c.Clock.Now()
			if a, err = s.begin(); err == nil {
				break // it runs
			}
		}
	}
}

// run takes checkpoints of an attempt until it ends.
func (s *Supervisor) run(a *local.Attempt) error {
	var taking sync.WaitGroup
	if s.c.Store != nil {
		taking.Go(func() { s.takeCheckpoints(a) })
	}
	err := a.Wait()
	taking.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempt = nil
	s.endLease()
	return err
}

// pause waits before another attempt; its error is the end.
func (s *Supervisor) pause(failure error, began int64) error {
	s.mu.Lock()
	s.failures = append(s.failures, Failure{began, s.c.Clock.Now()})
	failures, stopping := s.failures, s.stopping
	s.mu.Unlock()
	if s.c.Store == nil || stopping || s.ctx.Err() != nil || lost(failure) {
		return failure
	}
	pause, again := s.c.Policy.Next(failures, rand.Float64())
	if !again {
		return failure
	}
	slog.Error("the job failed and is started again", "job", s.c.Plan.Graph.Job, "in", pause, "failures", len(failures), "err", failure)
	if s.sleep(pause) {
		return nil
	}
	return errors.Join(failure, context.Cause(s.ctx))
}

// sleep waits, and says whether the job is still wanted.
func (s *Supervisor) sleep(d time.Duration) bool {
	due := make(chan struct{})
	stop := s.c.Clock.At(s.c.Clock.Now()+int64(d), func() { close(due) })
	defer stop()
	select {
	case <-due:
		return true
	case <-s.ctx.Done():
		return false
	}
}
