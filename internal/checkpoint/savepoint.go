package checkpoint

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// A savepoint is a folder of its own, which may be copied anywhere:
//
//	manifest.json          written last
//	data/window-0.seg      named in the manifest relative to the folder
//	incomplete             while it is being written
const (
	savepointManifest = "manifest.json"
	incomplete        = "incomplete"
)

// Target is where a savepoint is to lie.
type Target struct {
	Place string
	ID    string
	Store store.Store // the folder itself
}

// NewTarget makes the folder for a savepoint of a job, below the place that the user has named, and so finds out whether
// something can be written there.
func NewTarget(ctx context.Context, job, below string, now time.Time) (*Target, error) {
	t := &Target{ID: newID()}
	name := fmt.Sprintf("%s-%s-%s", url.PathEscape(job), now.UTC().Format("20060102-150405"), t.ID[:8])
	var err error
	if t.Place, err = store.Join(below, name); err != nil {
		return nil, err
	}
	if t.Store, err = store.Locate(t.Place); err != nil {
		return nil, err
	}
	if err := t.Store.Put(ctx, incomplete, nil); err != nil {
		return nil, fmt.Errorf("savepoint to %s: %w", below, err)
	}
	failpoint.Hit(failpoint.SavepointBegun)
	return t, nil
}

func newID() string {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	return hex.EncodeToString(id)
}

// segment is the name of an operator's file.
func (t *Target) segment(operator string, number int) string {
	return fmt.Sprintf("data/%s-%d.seg", url.PathEscape(operator), number)
}

// complete writes the manifest, which makes the savepoint one.
func (t *Target) complete(ctx context.Context, m *Manifest) error {
	m.ID, m.Place = t.ID, ""
	data, err := m.encode()
	if err != nil {
		return err
	}
	if err := t.Store.Put(ctx, savepointManifest, data); err != nil {
		return err
	}
	failpoint.Hit(failpoint.SavepointManifest)
	err = t.Store.Delete(ctx, incomplete)
	failpoint.Hit(failpoint.SavepointComplete)
	return err
}

// Discard removes a savepoint, also one that is not complete: first what makes it one.
func (t *Target) Discard(ctx context.Context) error { return discard(ctx, t.Store) }

func discard(ctx context.Context, s store.Store) error {
	if err := s.Delete(ctx, savepointManifest); err != nil {
		return err
	}
	failpoint.Hit(failpoint.SavepointDiscarded)
	names, err := s.List(ctx, "")
	for _, name := range names {
		err = errors.Join(err, s.Delete(ctx, name))
	}
	return err
}

// ErrGone says that a savepoint is not where it was.
var ErrGone = errors.New("there is no savepoint")

// readSavepoint reads the manifest of the savepoint in a folder.
func readSavepoint(ctx context.Context, s store.Store) (*Manifest, error) {
	m, err := readNamed(ctx, s, savepointManifest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrGone
	}
	return m, err
}
