package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
		err := s.Put(ctx, fmt.Sprintf("%s%010d", epochFolder(job), epoch), nil)
		if !errors.Is(err, store.ErrExists) {
			failpoint.Hit(failpoint.JobClaimed)
			return epoch, err
		}
	}
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
	sequences, err := numbers(ctx, s, manifestFolder(job), ".json")
	if err != nil {
		return nil, nil, err
	}
	for _, sequence := range slices.Backward(sequences) {
		m, err := Read(ctx, s, job, sequence)
		switch {
		case err == nil:
			m.Sequence = last(sequences) // what is damaged keeps its number
			return &Snapshot{Manifest: m, Store: s}, damaged, nil
		case errors.Is(err, errCorrupt):
			damaged = append(damaged, err)
		default:
			return nil, damaged, err
		}
	}
	if len(damaged) > 0 {
		return nil, damaged, fmt.Errorf("no snapshot of job %s can be read: %w", job, errors.Join(damaged...))
	}
	return nil, nil, nil
}

// Take takes a job over: it writes the newest snapshot once more, as the next manifest, or one of nothing if there is
// none. From then on nobody who ran the job before can complete a checkpoint, so that what they have prepared and not
// made part of one can be removed. The manifest's checkpoint is 0 if there was no snapshot.
func Take(ctx context.Context, s store.Store, job string, epoch int64) (taken *Snapshot, damaged []error, err error) {
	for {
		newest, damaged, err := Newest(ctx, s, job)
		if err != nil {
			return nil, nil, err
		}
		m := &Manifest{Format: FormatVersion, Job: job}
		if newest != nil {
			m = newest.Manifest
		}
		m.Sequence++
		m.Epoch = epoch
		failpoint.Hit(failpoint.TakeBefore)
		if err := write(ctx, s, m); !errors.Is(err, store.ErrExists) {
			failpoint.Hit(failpoint.TakeAfter)
			return &Snapshot{Manifest: m, Store: s}, damaged, err
		}
	}
}

// write writes a manifest, if its number is not taken.
func write(ctx context.Context, s store.Store, m *Manifest) error {
	m.sort()
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return s.Put(ctx, manifestName(m.Job, m.Sequence), sealed(data))
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
			for _, f := range o.Files {
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
// the middle is files without a manifest, which the next call deletes.
func Tidy(ctx context.Context, s store.Store, newest *Manifest, keep int) error {
	job := newest.Job
	sequences, err := numbers(ctx, s, manifestFolder(job), ".json")
	if err != nil {
		return err
	}
	drop := Retain(sequences, keep)
	failpoint.Hit(failpoint.TidyBefore)
	for _, sequence := range drop {
		if err := s.Delete(ctx, manifestName(job, sequence)); err != nil {
			return err
		}
		failpoint.Hit(failpoint.TidyManifest)
	}
	failpoint.Hit(failpoint.TidyManifests)
	retained, err := readAll(ctx, s, job, sequences[len(drop):])
	if err != nil {
		return err
	}
	files, err := s.List(ctx, dataFolder(job))
	if err != nil {
		return err
	}
	for _, f := range Orphans(files, retained, dataFolder(job)) {
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

func readAll(ctx context.Context, s store.Store, job string, sequences []int64) ([]*Manifest, error) {
	var all []*Manifest
	for _, sequence := range sequences {
		m, err := Read(ctx, s, job, sequence)
		if errors.Is(err, errCorrupt) {
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
