package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/host/local"
)

// errEnded says that there is nothing any more to take a savepoint of.
var errEnded = errors.New("the job has ended")

// Savepoint takes a savepoint below a place and returns its own place. It commits nothing. While the job waits for
// another attempt, it waits too.
func (s *Supervisor) Savepoint(ctx context.Context, below string) (place string, err error) {
	a, to, err := s.target(ctx, below)
	if err != nil {
		return "", err
	}
	if _, err := a.Savepoint(ctx, to); err != nil {
		return "", s.named(err)
	}
	return to.Place, nil
}

// StopTo ends the job with a savepoint below a place, up to which all output is committed, and returns its own place when
// the job has ended. If the savepoint fails, the job ends as after Stop.
func (s *Supervisor) StopTo(ctx context.Context, below string, drain bool) (place string, err error) {
	a, to, err := s.target(ctx, below)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	if err := a.StopTo(ctx, to, drain); err != nil {
		return "", s.named(err)
	}
	select {
	case <-s.Done():
		return to.Place, s.Wait()
	case <-ctx.Done():
		return to.Place, context.Cause(ctx)
	}
}

// target makes the folder of a savepoint, once there is an attempt to take it of.
func (s *Supervisor) target(ctx context.Context, below string) (*local.Attempt, *checkpoint.Target, error) {
	a, err := s.current(ctx)
	if err != nil {
		return nil, nil, s.named(err)
	}
	to, err := checkpoint.NewTarget(ctx, s.c.Plan.Graph.Job, below, time.Unix(0, s.c.Clock.Now()))
	if err != nil {
		return nil, nil, s.named(err)
	}
	return a, to, nil
}

// current is the attempt that runs, or the next one.
func (s *Supervisor) current(ctx context.Context) (*local.Attempt, error) {
	for {
		s.mu.Lock()
		a, changed := s.attempt, s.changed
		s.mu.Unlock()
		if a != nil {
			return a, nil
		}
		select {
		case <-changed:
		case <-s.ended:
			return nil, errEnded
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (s *Supervisor) named(err error) error { return fmt.Errorf("job %s: %w", s.c.Plan.Graph.Job, err) }
