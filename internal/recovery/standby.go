package recovery

import (
	"context"
	"errors"
	"log/slog"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/host/local"
)

// lost says whether an attempt ended because the job is another process's now.
func lost(err error) bool { return errors.Is(err, checkpoint.ErrFenced) || errors.Is(err, errLease) }

// goStandBy runs the job whenever nobody else does, until it ends or is stopped.
func (s *Supervisor) goStandBy() {
	go func() {
		defer close(s.ended)
		defer s.cancel(nil)
		s.err = s.inTurn()
	}()
}

// inTurn waits for the lease, runs the job, and waits again when it has lost the lease.
func (s *Supervisor) inTurn() error {
	for {
		err := standBy(s.ctx, s.c.Store, s.c.Plan.Graph.Job, s.c.Lease, s.c.Clock)
		if err == nil {
			err = s.runHeld()
		}
		switch {
		case errors.Is(err, errStopped) && s.Stopping():
			return nil
		case !lost(err) || s.Stopping():
			return err
		}
		slog.Warn("the job is another process's now: standing by", "job", s.c.Plan.Graph.Job, "err", err)
		s.epoch = 0 // it claims the job anew
	}
}

// runHeld runs the job, and gives the lease back at the end.
func (s *Supervisor) runHeld() error {
	began := s.c.Clock.Now()
	a, err := s.begin()
	if err == nil {
		err = s.keep(a, began)
	}
	if s.lease != nil && !lost(err) {
		s.lease.release(context.WithoutCancel(s.ctx))
	}
	return err
}

// holdLease takes the lease for an attempt, if others stand by, and keeps it from then on, also while state is restored: the
// context ends when it is lost.
func (s *Supervisor) holdLease(o *local.Options) (context.Context, error) {
	if !s.c.Standby || s.c.Store == nil {
		return s.ctx, nil
	}
	l, err := hold(s.ctx, s.c.Store, s.c.Plan.Graph.Job, s.epoch, s.c.Lease, s.c.Clock)
	if err != nil {
		return nil, err
	}
	s.lease = l
	o.Held = func() error {
		if err := l.held(); err != nil {
			return s.named(err)
		}
		return nil
	}
	ctx, lost := context.WithCancelCause(s.ctx)
	go l.keep(func(err error) { lost(s.named(err)) })
	return ctx, nil
}

// endLease ends the renewing of an attempt's lease.
func (s *Supervisor) endLease() {
	if s.lease != nil {
		s.lease.end()
	}
}
