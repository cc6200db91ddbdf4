package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"leat.dev/leat/internal/store"
)

// Open opens the snapshot at a place: the folder of a savepoint, the manifest of a checkpoint
// (STORE/JOB/manifests/0000000007.json), or a store in which one job has checkpoints, whose newest it then is.
func Open(ctx context.Context, place string) (*Snapshot, error) {
	found, err := open(ctx, place)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", place, err)
	}
	return found, nil
}

func open(ctx context.Context, place string) (*Snapshot, error) {
	if root, job, sequence, ok := cutManifest(place); ok {
		s, err := store.Locate(root)
		if err != nil {
			return nil, err
		}
		m, err := Read(ctx, s, job, sequence)
		if err != nil {
			return nil, err
		}
		return located(ctx, s, root, m)
	}
	s, err := store.Locate(place)
	if err != nil {
		return nil, err
	}
	m, err := readSavepoint(ctx, s)
	if !errors.Is(err, ErrGone) {
		return &Snapshot{Manifest: m, Store: s, Place: place}, err
	}
	return newestOf(ctx, s, place)
}

// cutManifest takes the path of a checkpoint's manifest apart.
func cutManifest(place string) (root, job string, sequence int64, ok bool) {
	place, settings := store.CutSettings(place)
	parts := strings.Split(strings.ReplaceAll(place, "\\", "/"), "/")
	n := len(parts) - 3
	if n < 0 || parts[n+1] != "manifests" {
		return "", "", 0, false
	}
	number, ok := strings.CutSuffix(parts[n+2], ".json")
	sequence, err1 := strconv.ParseInt(number, 10, 64)
	job, err2 := url.PathUnescape(parts[n])
	if !ok || err1 != nil || err2 != nil {
		return "", "", 0, false
	}
	root = strings.Join(parts[:n], "/")
	if root == "" && strings.HasPrefix(place, "/") {
		root = "/"
	}
	if root == "" {
		root = "."
	}
	return root + settings, job, sequence, true
}

// newestOf is the newest checkpoint in a store with one job.
func newestOf(ctx context.Context, s store.Store, place string) (*Snapshot, error) {
	jobs, err := Jobs(ctx, s)
	switch {
	case err != nil:
		return nil, err
	case len(jobs) == 0:
		return nil, errors.New("there is no snapshot: it is neither a savepoint's folder nor a store with checkpoints")
	case len(jobs) > 1:
		return nil, fmt.Errorf("it is a store with checkpoints of several jobs (%s): name a manifest, as %s", strings.Join(jobs, ", "),
			store.Below(place, manifestName(jobs[0], 1)))
	}
	found, damaged, err := Newest(ctx, s, jobs[0])
	if err != nil {
		return nil, err
	}
	if found == nil || found.Manifest.Checkpoint == 0 && found.Manifest.ID == "" {
		return nil, errors.Join(append(damaged, fmt.Errorf("job %s has no checkpoint yet", jobs[0]))...)
	}
	if found.Place == "" {
		found.Place = place
	}
	return found, nil
}

// Jobs lists the jobs that have checkpoints in a store.
func Jobs(ctx context.Context, s store.Store) ([]string, error) {
	names, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var jobs []string
	for _, name := range names {
		folder, rest, _ := strings.Cut(name, "/")
		if path.Dir(rest) != "manifests" {
			continue
		}
		if job, err := url.PathUnescape(folder); err == nil && (len(jobs) == 0 || jobs[len(jobs)-1] != job) {
			jobs = append(jobs, job)
		}
	}
	return jobs, nil
}

// located finds the files of a manifest in a job's history: in the same store, or in the savepoint that it points to, which must
// be there.
func located(ctx context.Context, s store.Store, place string, m *Manifest) (*Snapshot, error) {
	if m.Place == "" {
		return &Snapshot{Manifest: m, Store: s, Place: place}, nil
	}
	at, err := store.Locate(m.Place)
	if err != nil {
		return nil, err
	}
	found := &Snapshot{Manifest: m, Store: at, Place: m.Place}
	if m.ID == "" {
		return found, nil // a checkpoint in another store
	}
	there, err := readSavepoint(ctx, at)
	if err == nil && there.ID != m.ID {
		err = fmt.Errorf("%w: another one lies there", ErrGone)
	}
	if err != nil {
		return nil, &moved{m, err}
	}
	return found, nil
}

// moved is what is wrong with a manifest whose savepoint can't be read where it was.
type moved struct {
	m   *Manifest
	err error
}

func (e *moved) Error() string {
	return fmt.Sprintf("manifest %d stands for the savepoint at %s: %v (if it was moved: --restore its new place)", e.m.Sequence, e.m.Place, e.err)
}

func (e *moved) Unwrap() error { return e.err }
