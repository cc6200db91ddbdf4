package inspect

import (
	"cmp"
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/store"
)

// Summary is a snapshot in a store, in a line.
type Summary struct {
	// Place is where it can be opened.
	Place string
	// Job is empty if the manifest can't be read; Err then says why.
	Job string
	// Savepoint says that it lies in a folder of its own; PointsTo is where the savepoint lies that one of a job's history stands for.
	Savepoint  bool
	PointsTo   string
	Checkpoint int64
	// Sequence is the number of the manifest.
	Sequence    int64
	Taken       time.Time
	Bytes       int64
	Entries     int64
	Parallelism int  // of the operator with keys that had most subtasks; 0 if none has any
	Newest      bool // of the job's checkpoints
	Err         error
}

// Names of manifests: of checkpoints, and of savepoints.
var (
	checkpointName = regexp.MustCompile(`^(?:.*/)?manifests/\d+\.json$`)
	savepointName  = regexp.MustCompile(`^(?:.*/)?manifest\.json$`)
)

// List lists the snapshots below a place: by job, and then by when they were taken. One that can't be read is listed with what is
// wrong.
func List(ctx context.Context, place string) ([]Summary, error) {
	s, err := store.Locate(place)
	if err != nil {
		return nil, err
	}
	names, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []Summary
	for _, name := range names {
		switch {
		case checkpointName.MatchString(name):
			all = append(all, summarise(ctx, join(place, name), false))
		case savepointName.MatchString(name):
			all = append(all, summarise(ctx, join(place, path.Dir(name)), true))
		}
	}
	all = slices.DeleteFunc(all, func(s Summary) bool { return !s.Savepoint && s.Err == nil && s.Checkpoint == 0 && s.PointsTo == "" })
	slices.SortStableFunc(all, func(a, b Summary) int {
		return cmp.Or(strings.Compare(a.Job, b.Job), a.Taken.Compare(b.Taken), cmp.Compare(a.Sequence, b.Sequence))
	})
	markNewest(all)
	return all, nil
}

// markNewest marks each job's newest checkpoint, which a restart goes on from.
func markNewest(all []Summary) {
	newest := map[string]*Summary{}
	for i := range all {
		s := &all[i]
		if best := newest[s.Job]; !s.Savepoint && s.Err == nil && (best == nil || s.Sequence > best.Sequence) {
			newest[s.Job] = s
		}
	}
	for _, s := range newest {
		s.Newest = true
	}
}

// join is a place below another.
func join(place, name string) string {
	if name == "." {
		return place
	}
	return store.Below(place, name)
}

func summarise(ctx context.Context, place string, savepoint bool) Summary {
	sum := Summary{Place: place, Savepoint: savepoint}
	s, err := Open(ctx, place)
	if err == nil {
		sum.describe(s.Manifest)
		err = sum.measure(ctx, s)
	}
	sum.Err = err
	return sum
}

func (sum *Summary) describe(m *checkpoint.Manifest) {
	if !sum.Savepoint {
		sum.PointsTo = m.Place
	}
	sum.Job, sum.Checkpoint, sum.Sequence, sum.Taken = m.Job, m.Checkpoint, m.Sequence, m.Taken
	for _, o := range m.Operators {
		sum.Parallelism = max(sum.Parallelism, o.Subtasks())
		for _, f := range o.AllFiles() {
			sum.Bytes += f.Bytes
		}
	}
}

func (sum *Summary) measure(ctx context.Context, s *Snapshot) error {
	states, err := s.States(ctx)
	for _, state := range states {
		sum.Entries += state.Entries
	}
	return err
}
