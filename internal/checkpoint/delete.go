package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"leat.dev/leat/internal/store"
)

// ErrNewest says that a snapshot is the one that its job goes on from when it is started again.
var ErrNewest = errors.New("it is the job's newest snapshot, which the job goes on from")

// Delete deletes the snapshot at a place (see Open): its manifest first, and then its files, but for those that another manifest
// names. Without force, the newest snapshot of a job's history is refused with ErrNewest, and so is one of a history in which
// a manifest can't be read, for what that names can't be known.
func Delete(ctx context.Context, place string, force bool) error {
	if err := remove(ctx, place, force); err != nil {
		return fmt.Errorf("delete snapshot %s: %w", place, err)
	}
	return nil
}

func remove(ctx context.Context, place string, force bool) error {
	root, job, sequence, ok := cutManifest(place)
	if !ok {
		root = place
	}
	s, err := store.Locate(root)
	if err != nil {
		return err
	}
	if ok {
		return removeFromHistory(ctx, s, job, sequence, force)
	}
	m, err := readSavepoint(ctx, s)
	if err == nil {
		return removeAll(ctx, s, savepointManifest, m, nil)
	}
	if !errors.Is(err, ErrGone) {
		return err
	}
	newest, err := newestOf(ctx, s, place)
	if err != nil {
		return err
	}
	return removeFromHistory(ctx, s, newest.Manifest.Job, newest.Manifest.Sequence, force)
}

// removeFromHistory deletes one of a job's checkpoints. One that stands for a savepoint leaves that alone: it is the user's.
func removeFromHistory(ctx context.Context, s store.Store, job string, sequence int64, force bool) error {
	m, err := Read(ctx, s, job, sequence)
	if err != nil {
		return err
	}
	sequences, err := numbers(ctx, s, manifestFolder(job), ".json")
	if err != nil {
		return err
	}
	if sequence == last(sequences) && !force {
		return ErrNewest
	}
	named := map[string]bool{}
	for _, other := range sequences {
		if other == sequence {
			continue
		}
		kept, err := Read(ctx, s, job, other)
		if err != nil && (!force || !errors.Is(err, ErrDamaged)) {
			return fmt.Errorf("what another manifest names can't be known: %w", err)
		}
		for _, name := range kept.files() {
			named[name] = true
		}
	}
	if m.Place != "" {
		m = &Manifest{}
	}
	return removeAll(ctx, s, manifestName(job, sequence), m, named)
}

// removeAll deletes a manifest, and its files but for those to keep.
func removeAll(ctx context.Context, s store.Store, manifest string, m *Manifest, keep map[string]bool) error {
	if err := s.Delete(ctx, manifest); err != nil {
		return err
	}
	for _, name := range m.files() {
		if keep[name] {
			continue
		}
		if err := s.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// files are the names of all segment files.
func (m *Manifest) files() []string {
	if m == nil || m.Place != "" {
		return nil
	}
	var all []string
	for _, o := range m.Operators {
		for _, f := range o.AllFiles() {
			all = append(all, f.Name)
		}
	}
	return all
}
