package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// Origin says what a job begins from.
type Origin struct {
	// From is a snapshot that the user has named; nil: the newest of the job's history.
	From *Snapshot
	// Claim says that the job may delete From when it needs it no longer. It holds for savepoints.
	Claim bool
	// ExactlyOnce says that what was committed must not come again, unless AllowRepeat.
	ExactlyOnce, AllowRepeat bool
	// Unread are snapshots that turned out to be damaged when they were restored.
	Unread []Unread
}

// Taken is what a job goes on from.
type Taken struct {
	// Manifest is the one that was written to take the job over.
	Manifest *Manifest
	// Snapshot is what is restored; nil: the job begins from nothing.
	Snapshot *Snapshot
	// Damaged is what is wrong with newer snapshots.
	Damaged []error
	// Again says that Origin.From was passed over: the job has begun from it before, and has come further.
	Again bool
	// Named says that the snapshot is Origin.From.
	Named bool
}

// Take takes a job over: it writes the snapshot that the job goes on from once more, as the next manifest, or one of nothing if
// there is none. From then on nobody who ran the job before can complete a checkpoint, so that what they have prepared and not
// made part of one can be removed.
func Take(ctx context.Context, s store.Store, job string, epoch int64, o Origin) (*Taken, error) {
	for {
		h, err := look(ctx, s, job, o.Unread)
		if err != nil {
			return nil, err
		}
		from, again, err := o.choose(h)
		if err != nil {
			return nil, fmt.Errorf("job %s: %w", job, err)
		}
		t := &Taken{Manifest: &Manifest{Format: FormatVersion, Job: job}, Damaged: h.damaged, Again: again, Named: from != nil && from == o.From}
		if from != nil {
			t.Manifest = o.adopt(from, job, s)
			t.Snapshot = &Snapshot{Manifest: t.Manifest, Store: from.Store, Place: from.Place}
		}
		t.Manifest.Epoch, t.Manifest.Sequence = epoch, h.last+1
		if !t.Manifest.HasState() {
			t.Snapshot = nil
		}
		failpoint.Hit(failpoint.TakeBefore)
		if err := write(ctx, s, t.Manifest); !errors.Is(err, store.ErrExists) {
			failpoint.Hit(failpoint.TakeAfter)
			if err == nil {
				err = current(ctx, s, job, epoch)
			}
			return t, err
		}
	}
}

// HasState says whether the manifest is of a snapshot: a job that has taken none has one of nothing.
func (m *Manifest) HasState() bool { return m.Checkpoint > 0 || m.ID != "" }

// choose decides what a job goes on from: nil is nothing.
func (o Origin) choose(h history) (from *Snapshot, again bool, err error) {
	if o.From == nil {
		return h.newest, false, o.unread(h)
	}
	if h.last == 0 || len(h.damaged) == 0 && !h.newest.Manifest.HasState() {
		return o.From, false, nil // nothing was ever committed
	}
	id, newest := o.From.Manifest.ID, &Manifest{}
	if h.newest != nil {
		newest = h.newest.Manifest
	}
	switch {
	case id != "" && (newest.ID == id || h.endsWith(id)):
		return o.From, false, nil
	case id != "" && slices.Contains(newest.From, id) && !o.AllowRepeat:
		return h.newest, true, o.unread(h)
	case !o.ExactlyOnce || o.AllowRepeat:
		return o.From, false, nil
	case len(h.damaged) == 0 && o.From.follows(newest):
		return o.From, false, nil
	}
	return nil, false, fmt.Errorf("the store has a newer snapshot (checkpoint %d of %v) than the one to restore (of %v): what an "+
		"exactly-once sink has shown since would come again (to go on all the same: --allow-repeat)",
		newest.Checkpoint, newest.Taken, o.From.Manifest.Taken)
}

// endsWith says whether the newest manifest stands for a savepoint, which has been moved.
func (h history) endsWith(id string) bool {
	var gone *moved
	return len(h.damaged) > 0 && errors.As(h.damaged[0], &gone) && gone.m.ID == id
}

// follows says whether nothing can have been committed since the snapshot was taken, if a manifest is its job's newest.
func (s *Snapshot) follows(newest *Manifest) bool {
	if s.Manifest.ID == "" {
		return s.Manifest.mark() == newest.mark()
	}
	if newest.ID != "" && slices.Contains(s.Manifest.Of, newest.ID) {
		return true // the job has stopped with the savepoint that this one was rewritten from
	}
	return s.Manifest.After != nil && *s.Manifest.After == newest.mark()
}

// unread refuses to go back behind snapshots that can't be read, where that shows output twice.
func (o Origin) unread(h history) error {
	switch {
	case len(h.damaged) == 0:
		return nil
	case h.newest == nil:
		return fmt.Errorf("no snapshot can be read: %w", errors.Join(h.damaged...))
	case o.ExactlyOnce && !o.AllowRepeat:
		return fmt.Errorf("%w: what an exactly-once sink has shown since the snapshot before it would come again "+
			"(to go on all the same: --allow-repeat)", h.damaged[0])
	}
	return nil
}

// adopt makes the manifest by which a snapshot becomes the newest of a job's history.
func (o Origin) adopt(from *Snapshot, job string, s store.Store) *Manifest {
	m := *from.Manifest
	m.Job, m.After, m.Of = job, nil, nil
	if from != o.From {
		return &m
	}
	m.Place = ""
	if !store.Same(from.Store, s) || m.ID != "" {
		m.Place = from.Place
	}
	m.Claimed = m.ID != "" && (o.Claim || m.Claimed)
	return &m
}
