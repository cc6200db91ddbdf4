package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/store"
)

// DefaultLease is for how long a standby sees no sign of life before it takes a job over.
const DefaultLease = 10 * time.Second

// errLease is the end of an attempt that could not renew its lease in time.
var errLease = errors.New("the lease on the job is lost: another process may run it")

// lease is the right to run a job while others stand by. Whoever has it gives a sign of life four times a lease, in the
// store; a standby that has seen the same sign, or none, for a whole lease by its own clock takes over. Whoever could
// not give one for three quarters of a lease stops by itself, before that: so the clocks of two machines may differ
// by any amount, and run apart by up to a quarter.
type lease struct {
	store  store.Store
	job    string
	epoch  int64
	length time.Duration
	clock  clock.Clock
	begun  atomic.Int64 // when the newest sign that is in the store was begun
	ctx    context.Context
	cancel context.CancelFunc
	kept   chan struct{} // closed when keep has returned
}

// hold takes the lease for an attempt.
func hold(ctx context.Context, s store.Store, job string, epoch int64, length time.Duration, c clock.Clock) (*lease, error) {
	l := &lease{store: s, job: job, epoch: epoch, length: length, clock: c, kept: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(ctx)
	if err := l.renew(ctx, 1); err != nil {
		return nil, fmt.Errorf("job %s: lease: %w", job, err)
	}
	return l, nil
}

// held says whether the lease is held: it is asked before each effect on the outside world.
func (l *lease) held() error {
	if l.clock.Now()-l.begun.Load() >= int64(l.length)*3/4 {
		return errLease
	}
	return nil
}

// renew gives a sign of life, and takes the earlier ones away.
func (l *lease) renew(ctx context.Context, beat int64) error {
	begun := l.clock.Now()
	if err := checkpoint.Beat(ctx, l.store, l.job, l.epoch, beat); err != nil {
		return err
	}
	l.begun.Store(begun)
	return nil
}

// keep renews the lease until end, and calls lost when that has failed for too long or another process has the job.
func (l *lease) keep(lost func(error)) {
	defer close(l.kept)
	for beat := int64(2); l.wait(l.length / 4); beat++ {
		bounded, cancel := context.WithCancelCause(l.ctx)
		stop := l.clock.At(l.begun.Load()+int64(l.length)*3/4, func() { cancel(errLease) })
		err := l.renew(bounded, beat)
		stop()
		cancel(nil)
		switch {
		case l.ctx.Err() != nil:
			return
		case errors.Is(err, checkpoint.ErrFenced):
			lost(err)
			return
		case l.held() != nil:
			lost(errors.Join(errLease, err))
			return
		case err != nil:
			slog.Warn("the lease could not be renewed", "job", l.job, "err", err)
		}
	}
}

// wait waits, and says whether the lease is still wanted.
func (l *lease) wait(d time.Duration) bool {
	return sleepUntil(l.clock, l.clock.Now()+int64(d), l.ctx.Done())
}

// end ends the renewing: no sign of life comes behind it.
func (l *lease) end() {
	l.cancel()
	<-l.kept
}

// release gives a lease that has ended back, so that a standby need not wait.
func (l *lease) release(ctx context.Context) {
	if err := checkpoint.EndBeats(ctx, l.store, l.job, l.epoch); err != nil {
		slog.Warn("the lease could not be given back", "job", l.job, "err", err)
	}
}

// standBy waits until nobody holds the lease on a job.
func standBy(ctx context.Context, s store.Store, job string, length time.Duration, c clock.Clock) error {
	seen, since := "", c.Now()
	told, blind := false, false
	for {
		now, err := checkpoint.LastBeat(ctx, s, job)
		if err != nil && !blind {
			slog.Warn("standing by: the lease can't be seen", "job", job, "err", err)
		}
		blind = err != nil
		switch {
		case blind && ctx.Err() != nil:
			return context.Cause(ctx)
		case blind:
			seen, since = "", c.Now() // whoever can't see must not take over
		case now == "":
			return nil
		case now != seen:
			seen, since = now, c.Now()
		case c.Now()-since >= int64(length):
			slog.Info("no sign of life: taking the job over", "job", job, "for", length)
			return nil
		}
		if !told && !blind {
			told = true
			slog.Info("standing by: another process runs the job", "job", job)
		}
		if !sleepUntil(c, c.Now()+int64(length)/8, ctx.Done()) {
			return context.Cause(ctx)
		}
	}
}

// sleepUntil waits until a time, and says whether it came before done.
func sleepUntil(c clock.Clock, at int64, done <-chan struct{}) bool {
	due := make(chan struct{})
	stop := c.At(at, func() { close(due) })
	defer stop()
	select {
	case <-due:
		return true
	case <-done:
		return false
	}
}
