package leat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/store"
)

// compare says what the job would take over from the snapshot at a place, or from the latest in its store, and fails with
// all that keeps it from beginning there.
func (j *Job) compare(ctx context.Context, place string) (string, error) {
	p, err := j.Plan()
	if err != nil {
		return "", err
	}
	s, err := j.snapshot(ctx, place)
	if err != nil {
		return "", err
	}
	match, err := checkpoint.Compare(s.Manifest, p.plan.Graph.Nodes, p.plan.Settings.MaxParallelism, j.Restore.AllowDrop)
	if err != nil {
		return "", err
	}
	return takenOver(s.Manifest, match), nil
}

// snapshot is the one at a place, or the latest in the job's store.
func (j *Job) snapshot(ctx context.Context, place string) (*checkpoint.Snapshot, error) {
	if place != latest {
		return checkpoint.Open(ctx, place)
	}
	if j.Checkpoint.Store == "" {
		return nil, errors.New("the job has no Checkpoint.Store to look in")
	}
	in, err := store.Locate(j.Checkpoint.Store)
	if err != nil {
		return nil, err
	}
	newest, damaged, err := checkpoint.Newest(ctx, in, j.name)
	if err == nil && (newest == nil || !newest.Manifest.HasState()) {
		err = errors.Join(append(damaged, fmt.Errorf("there is no snapshot in %s", j.Checkpoint.Store))...)
	}
	return newest, err
}

// takenOver is what comes of a snapshot that fits, for people.
func takenOver(m *checkpoint.Manifest, match *checkpoint.Match) string {
	var b strings.Builder
	fmt.Fprintf(&b, "the job fits the snapshot of job %s, taken %s\n", m.Job, m.Taken.UTC().Format(time.DateTime))
	for _, part := range []struct {
		what  string
		names []string
	}{{"renamed: ", match.Renamed}, {"new, begins empty: ", match.New}, {"left behind: ", match.Dropped}} {
		for _, name := range part.names {
			fmt.Fprintf(&b, "  %s%s\n", part.what, name)
		}
	}
	if len(match.Renamed)+len(match.New)+len(match.Dropped) == 0 {
		b.WriteString("  everything is taken over as it is\n")
	}
	return b.String()
}
