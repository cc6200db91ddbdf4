package recovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/metrics"
)

// takeCheckpoints takes checkpoints of an attempt at the interval, until the attempt ends or begins its last one.
func (s *Supervisor) takeCheckpoints(a *local.Attempt) {
	failed := 0
	for next := s.c.Clock.Now() + int64(s.c.Every); s.until(a, next); {
		began := s.c.Clock.Now()
		err := s.takeCheckpoint(a)
		switch {
		case err == nil:
			failed = 0
		case ended(a) || s.ctx.Err() != nil:
			return
		case errors.Is(err, checkpoint.ErrFenced):
			a.Cancel(fmt.Errorf("job %s: %w", s.c.Plan.Graph.Job, err))
			return
		default:
			failed++
			s.c.Options.Metrics.Failed()
			slog.Warn("a checkpoint failed; the job goes on", "job", s.c.Plan.Graph.Job, "failed in a row", failed, "err", err)
		}
		if s.c.FailAfter > 0 && failed >= s.c.FailAfter {
			a.Cancel(fmt.Errorf("job %s: %d checkpoints in a row failed, the last: %w", s.c.Plan.Graph.Job, failed, err))
			return
		}
		next = max(began+int64(s.c.Every), s.c.Clock.Now()+int64(s.c.MinPause))
	}
}

func ended(a *local.Attempt) bool {
	select {
	case <-a.Done():
		return true
	case <-a.Finishing():
		return true
	default:
		return false
	}
}

// until waits for a time, and says whether the attempt still runs then.
func (s *Supervisor) until(a *local.Attempt, at int64) bool {
	due := make(chan struct{})
	stop := s.c.Clock.At(at, func() { close(due) })
	defer stop()
	select {
	case <-due:
		return !ended(a)
	case <-a.Done():
	case <-a.Finishing():
	}
	return false
}

var errTimeout = errors.New("it took too long")

// takeCheckpoint takes one checkpoint, has it committed, and deletes what it makes superfluous.
func (s *Supervisor) takeCheckpoint(a *local.Attempt) error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	stop := s.c.Clock.At(s.c.Clock.Now()+int64(s.c.Timeout), func() { cancel(errTimeout) })
	defer stop()
	id := a.Trigger()
	snapshot, err := a.Await(ctx, id)
	if err != nil {
		if errors.Is(err, errTimeout) {
			err = fmt.Errorf("checkpoint %d: %w: more than %v", id, err, s.c.Timeout)
			a.Abort(id, err)
		}
		return err
	}
	s.c.Options.Metrics.Completed(metrics.Checkpoint{
		Number: id, Taken: snapshot.Manifest.Taken, Bytes: bytesOf(snapshot.Manifest),
		Took: time.Duration(s.c.Clock.Now() - snapshot.Manifest.Taken.UnixNano()),
	})
	if err := a.Commit(s.ctx, id); err != nil {
		return err
	}
	if err := checkpoint.Tidy(s.ctx, s.c.Store, snapshot.Manifest, s.c.Keep, a.Bases()...); err != nil {
		slog.Warn("old checkpoints could not be deleted", "job", s.c.Plan.Graph.Job, "err", err)
	}
	slog.Debug("checkpoint", "job", s.c.Plan.Graph.Job, "checkpoint", id,
		"took", time.Duration(s.c.Clock.Now()-snapshot.Manifest.Taken.UnixNano()))
	return nil
}

// bytesOf is how much a checkpoint has written to segment files.
func bytesOf(m *checkpoint.Manifest) (n int64) {
	for _, o := range m.Operators {
		for _, f := range o.AllFiles() {
			if f.Checkpoint == 0 {
				n += f.Bytes
			}
		}
	}
	return n
}
