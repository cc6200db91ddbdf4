package local

import (
	"context"
	"errors"
	"fmt"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/failpoint"
)

// ending is the savepoint that an attempt ends with.
type ending struct {
	to   *checkpoint.Target
	done chan struct{} // closed when it is complete and committed, or when it has failed
	err  error         // valid when done is closed
}

// errEnding says that one caller has asked for the end already.
var errEnding = errors.New("the job is being stopped already")

// StopTo ends the attempt as Stop does, and writes a savepoint in place of the checkpoint at the end. All output up to it is
// committed. If the savepoint fails the attempt ends as after Stop.
func (a *Attempt) StopTo(ctx context.Context, to *checkpoint.Target, drain bool) error {
	e := &ending{to: to, done: make(chan struct{})}
	a.mu.Lock()
	if a.ending != nil || a.left == 0 {
		a.mu.Unlock()
		return errors.Join(errEnding, to.Discard(ctx))
	}
	a.ending = e
	a.mu.Unlock()
	a.Stop(drain)
	select {
	case <-e.done:
		return e.err
	case <-a.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-e.done:
		return e.err
	default:
		return errors.Join(context.Cause(a.ctx), to.Discard(context.WithoutCancel(ctx)))
	}
}

// finish takes the last snapshot and waits until it is committed: an attempt that ends has made visible all it wrote.
func (a *Attempt) finish() {
	a.turn("finish")
	a.mu.Lock()
	e := a.ending
	a.mu.Unlock()
	if e != nil {
		e.err = a.savepointAtEnd(e.to)
		defer close(e.done) // after the outcome is settled, so that whoever waits for one finds the other
		if e.err == nil || !a.options.Final {
			a.settle(e.err)
			return
		}
	}
	snapshot, err := a.Checkpoint(a.ctx)
	for errors.Is(err, checkpoint.ErrOvertaken) { // by one at an interval: where the store is slow, the later one may be written first
		snapshot, err = a.Checkpoint(a.ctx)
	}
	failpoint.Hit(failpoint.FinalComplete)
	if err == nil {
		err = a.Commit(a.ctx, snapshot.Manifest.Checkpoint)
	}
	failpoint.Hit(failpoint.FinalCommitted)
	if err != nil {
		err = fmt.Errorf("job %s: the checkpoint at the end of input: %w", a.plan.Graph.Job, err)
	}
	a.settle(err)
}

// savepointAtEnd takes the savepoint that the attempt ends with. It becomes the newest snapshot of the job's history before
// anything is committed: the same command goes on from it.
func (a *Attempt) savepointAtEnd(to *checkpoint.Target) error {
	taken, err := a.Savepoint(a.ctx, to)
	if err != nil {
		return fmt.Errorf("job %s: %w", a.plan.Graph.Job, err)
	}
	if !a.options.Final {
		return nil
	}
	if err := a.check.Adopt(taken.Manifest, to.Place); err != nil {
		return errors.Join(fmt.Errorf("job %s: savepoint to %s: %w", a.plan.Graph.Job, to.Place, err), to.Discard(context.WithoutCancel(a.ctx)))
	}
	a.complete(&checkpoint.Snapshot{Manifest: taken.Manifest, Store: to.Store, Place: to.Place})
	failpoint.Hit(failpoint.SavepointAdopted)
	err = a.Commit(a.ctx, taken.Manifest.Checkpoint)
	failpoint.Hit(failpoint.SavepointCommitted)
	return err
}

// settle ends the attempt.
func (a *Attempt) settle(err error) {
	if err != nil {
		a.Failed(err)
		return
	}
	a.cancel(errDone)
}
