package recovery

import (
	"context"
	"errors"
	"fmt"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/host/local"
	"leat.dev/leat/internal/runtime"
)

// Look returns what keys have in a state of the attempt that runs, or of the next one; see local.Attempt.
func (s *Supervisor) Look(ctx context.Context, operator, state string, keys [][]byte, item []byte) ([][]backend.Held, error) {
	var last *local.Attempt
	for {
		a, err := s.other(ctx, last)
		if err != nil {
			return nil, err
		}
		held, err := a.Look(ctx, operator, state, keys, item)
		if !errors.Is(err, runtime.ErrEnded) {
			return held, err
		}
		last = a
	}
}

// other is the attempt that runs, or the next one, if it is another one than before.
func (s *Supervisor) other(ctx context.Context, before *local.Attempt) (*local.Attempt, error) {
	for {
		s.mu.Lock()
		a, changed := s.attempt, s.changed
		s.mu.Unlock()
		if a != nil && a != before {
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

// ErrNoCheckpoint says that no checkpoint of a job is complete yet.
var ErrNoCheckpoint = errors.New("no checkpoint is complete yet")

var errNoStore = errors.New("the job takes no checkpoints, as it has no store for them (Checkpoint.Store): it can be read live only")

// Newest is the newest complete checkpoint: what another attempt would go on from. Gone is nil, or one whose files are not there any
// more: then it is a newer one.
func (s *Supervisor) Newest(ctx context.Context, gone *checkpoint.Snapshot) (*checkpoint.Snapshot, error) {
	if s.c.Store == nil {
		return nil, errNoStore
	}
	s.mu.Lock()
	newest, elsewhere := s.newest, s.attempt == nil && s.c.Standby && !s.hasEnded()
	s.mu.Unlock()
	if newest != nil && !elsewhere && (gone == nil || !newest.Same(gone)) {
		return newest, nil
	}
	if gone == nil && !elsewhere {
		return nil, ErrNoCheckpoint
	}
	return s.newestInStore(ctx, gone)
}

func (s *Supervisor) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// newestInStore looks for what another process that runs the job has written.
func (s *Supervisor) newestInStore(ctx context.Context, gone *checkpoint.Snapshot) (*checkpoint.Snapshot, error) {
	p := s.c.Plan
	found, damaged, err := checkpoint.Newest(ctx, s.c.Store, p.Graph.Job)
	switch {
	case err != nil:
		return nil, err
	case found == nil || !found.Manifest.HasState():
		return nil, errors.Join(append(damaged, ErrNoCheckpoint)...)
	case gone != nil && found.Same(gone):
		return nil, fmt.Errorf("checkpoint %d: %w: a file of it is not there", found.Manifest.Checkpoint, checkpoint.ErrDamaged)
	}
	found.Match, err = checkpoint.Compare(found.Manifest, p.Graph.Nodes, p.Settings.MaxParallelism, s.c.Options.AllowDrop)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %d: %w", found.Manifest.Checkpoint, err)
	}
	return found, nil
}

// completed notes a checkpoint that is complete.
func (s *Supervisor) completed(c *checkpoint.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest == nil || s.newest.Manifest.Checkpoint <= c.Manifest.Checkpoint {
		s.newest = c
	}
}

// begunFrom notes what an attempt has begun from, which may be older than what the one before had come to; nil: from nothing.
func (s *Supervisor) begunFrom(c *checkpoint.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil || s.newest == nil || s.newest.Manifest.Epoch < s.epoch {
		s.newest = c
	}
}
