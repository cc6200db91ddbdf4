package checkpoint

import (
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// Claim takes the next epoch of a job: a number that no other process, and no other attempt of this one, has had. A
// process that had one before passes it as mine: if somebody has taken a later one, the job is theirs, and that is
// ErrFenced.
func Claim(ctx context.Context, s store.Store, job string, mine int64) (epoch int64, err error) {
	taken, err := numbers(ctx, s, epochFolder(job), "")
	if err != nil {
		return 0, err
	}
	if mine > 0 && last(taken) > mine {
		return 0, ErrFenced
	}
	for epoch = last(taken) + 1; ; epoch++ {
		err := s.Put(ctx, epochName(job, epoch), nil)
		if !errors.Is(err, store.ErrExists) {
			failpoint.Hit(failpoint.JobClaimed)
			return epoch, err
		}
	}
}

// current is ErrFenced if an attempt after this epoch's has claimed the job. Whoever has written a manifest asks it before
// anything is built on that: the number may have been free only because later ones have been taken, written and deleted
// meanwhile. Who claims the job after the question sees the manifest and goes on from it.
func current(ctx context.Context, s store.Store, job string, epoch int64) error {
	p, err := s.Open(ctx, epochName(job, epoch+1))
	switch {
	case err == nil:
		return errors.Join(ErrFenced, p.Close())
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

// numbers lists the numbers that a folder's names are made of, ascending.
func numbers(ctx context.Context, s store.Store, folder, suffix string) ([]int64, error) {
	names, err := s.List(ctx, folder)
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, name := range names {
		text, ok := strings.CutSuffix(strings.TrimPrefix(name, folder), suffix)
		if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

func last(all []int64) int64 {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1]
}

// Newest returns a job's newest snapshot that can be read, nil if it has none, and what is wrong with newer ones.
func Newest(ctx context.Context, s store.Store, job string) (found *Snapshot, damaged []error, err error) {
	h, err := look(ctx, s, job, nil)
	return h.newest, h.damaged, err
}

// history is what a job's manifests say.
type history struct {
	newest  *Snapshot // that can be read; nil: none
	last    int64     // sequence number of all, also of those that can't be read
	damaged []error   // what is wrong with newer ones
}

func look(ctx context.Context, s store.Store, job string, unread []Unread) (h history, err error) {
	sequences, err := numbers(ctx, s, manifestFolder(job), ".json")
	if err != nil {
		return h, err
	}
	h.last = last(sequences)
	for _, sequence := range slices.Backward(sequences) {
		found, err := readOne(ctx, s, job, sequence)
		if err == nil {
			err = damageOf(found.Manifest, unread)
		}
		switch {
		case err == nil:
			h.newest = found
			return h, nil
		case errors.Is(err, ErrDamaged) || errors.Is(err, ErrGone):
			h.damaged = append(h.damaged, err)
		default:
			return h, err
		}
	}
	return h, nil
}

// Unread is a snapshot whose files could not be restored.
type Unread struct {
	Manifest *Manifest
	Err      error
}

// damageOf is what is known to be wrong with the files that a manifest names: of a snapshot there may be several manifests.
func damageOf(m *Manifest, unread []Unread) error {
	for _, u := range unread {
		if u.Manifest.Checkpoint == m.Checkpoint && u.Manifest.Taken.Equal(m.Taken) && u.Manifest.ID == m.ID {
			return u.Err
		}
	}
	return nil
}

func readOne(ctx context.Context, s store.Store, job string, sequence int64) (*Snapshot, error) {
	m, err := Read(ctx, s, job, sequence)
	if err != nil {
		return nil, err
	}
	return located(ctx, s, "", m)
}

// Retain says which snapshots go when so many are kept: all but the newest ones.
func Retain(sequences []int64, keep int) (drop []int64) {
	slices.Sort(sequences)
	return sequences[:max(0, len(sequences)-max(keep, 1))]
}

// Orphans says which files go: those of attempts up to an epoch that no retained manifest names, and that do not belong
// to the checkpoint being made.
func Orphans(files []string, retained []*Manifest, folder string) (drop []string) {
	named := map[string]bool{}
	for _, m := range retained {
		for _, o := range m.Operators {
			for _, f := range o.AllFiles() {
				named[f.Name] = true
			}
		}
	}
	for _, f := range files {
		if !named[f] && strings.HasPrefix(f, folder) {
			drop = append(drop, f)
		}
	}
	return drop
}

// Tidy keeps a job's newest snapshots and deletes the others, and then every file of the checkpoints before that no
// retained manifest names. The caller has just completed the newest snapshot: whoever ran the job before can't complete
// one any more, so that nothing is deleted that a manifest will name. Manifests go before their files: what is left in
// the middle is files without a manifest, which the next call deletes. The files of bases stay: whoever takes checkpoints
// passes [Coordinator.Bases], as it is before the call.
func Tidy(ctx context.Context, s store.Store, newest *Manifest, keep int, bases ...*Manifest) error {
	job := newest.Job
	sequences, err := numbers(ctx, s, manifestFolder(job), ".json")
	if err != nil {
		return err
	}
	drop := Retain(sequences, keep)
	retained, err := readAll(ctx, s, job, sequences[len(drop):])
	if err != nil {
		return err
	}
	failpoint.Hit(failpoint.TidyBefore)
	if err := giveUp(ctx, s, job, drop, retained); err != nil {
		return err
	}
	failpoint.Hit(failpoint.TidyManifests)
	files, err := s.List(ctx, dataFolder(job))
	if err != nil {
		return err
	}
	for _, f := range Orphans(files, slices.Concat(retained, bases), dataFolder(job)) {
		if !before(f, dataFolder(job), newest) {
			continue
		}
		if err := s.Delete(ctx, f); err != nil {
			return err
		}
		failpoint.Hit(failpoint.TidyFile)
	}
	failpoint.Hit(failpoint.TidyAfter)
	return nil
}

// giveUp deletes manifests, each after the savepoint that it alone stands for, if the job owns that.
func giveUp(ctx context.Context, s store.Store, job string, drop []int64, retained []*Manifest) error {
	for i, sequence := range drop {
		old, err := readAll(ctx, s, job, drop[i:i+1])
		if err != nil {
			return err
		}
		for _, m := range old {
			if err := giveUpClaimed(ctx, m, retained); err != nil {
				return err
			}
		}
		if err := s.Delete(ctx, manifestName(job, sequence)); err != nil {
			return err
		}
		failpoint.Hit(failpoint.TidyManifest)
	}
	return nil
}

func giveUpClaimed(ctx context.Context, m *Manifest, retained []*Manifest) error {
	needed := func(r *Manifest) bool { return r.ID == m.ID }
	if !m.Claimed || m.ID == "" || slices.ContainsFunc(retained, needed) {
		return nil
	}
	at, err := store.Locate(m.Place)
	if err != nil {
		return err
	}
	switch there, err := readSavepoint(ctx, at); {
	case errors.Is(err, ErrGone) || err == nil && there.ID != m.ID:
		return nil // the user was faster
	case err != nil:
		return err
	}
	return discard(ctx, at)
}

func readAll(ctx context.Context, s store.Store, job string, sequences []int64) ([]*Manifest, error) {
	var all []*Manifest
	for _, sequence := range sequences {
		m, err := Read(ctx, s, job, sequence)
		if errors.Is(err, ErrDamaged) || errors.Is(err, store.ErrNotFound) {
			continue // nobody can restore it, and what it named can't be known
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// before says whether a file belongs to an earlier epoch than a snapshot, or to the same and an earlier checkpoint.
func before(file, folder string, newest *Manifest) bool {
	parts := strings.Split(strings.TrimPrefix(path.Dir(file), strings.TrimSuffix(folder, "/")+"/"), "/")
	if len(parts) != 2 {
		return false
	}
	epoch, err1 := strconv.ParseInt(parts[0], 10, 64)
	id, err2 := strconv.ParseInt(parts[1], 10, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	return epoch < newest.Epoch || epoch == newest.Epoch && id < newest.Checkpoint
}

// write writes a manifest, if its number is not taken.
func write(ctx context.Context, s store.Store, m *Manifest) error {
	data, err := m.encode()
	if err != nil {
		return err
	}
	return s.Put(ctx, manifestName(m.Job, m.Sequence), data)
}
