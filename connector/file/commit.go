package file

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"leat.dev/leat/connector"
	"leat.dev/leat/internal/failpoint"
)

// castagnoli is the polynomial of the parts' checksums: processors compute it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// found is what there is of a part when it is to be committed.
type found struct {
	pending, visible bool
	// right says that the bytes of what is visible, or else of what is pending, are those that were prepared.
	right bool
}

// verdict is what to do with a part.
type verdict uint8

const (
	lost    verdict = iota // there is nothing of it
	damaged                // it is there and not what was prepared
	show                   // rename it
	shown                  // somebody has renamed it
)

func (f found) decide() verdict {
	switch {
	case !f.pending && !f.visible:
		return lost
	case !f.right:
		return damaged
	case f.visible:
		return shown
	default:
		return show
	}
}

// committer makes parts visible.
type committer struct {
	files
	// folders are where parts may lie: the sink's, and the one that it had.
	folders []string
	// verify reads the parts again: after a failure, when they may have suffered.
	verify bool
	// dirty has the folders to sync before a commit is done.
	dirty map[string]bool
}

// commit makes all parts visible, durably. Those that are visible already stay as they are; their folders are synced all the
// same, as the process that renamed them may not have come that far.
func commit(f files, folders []string, parts []part, verify bool) error {
	c := committer{f, folders, verify, map[string]bool{}}
	for _, p := range parts {
		if err := c.commit(p); err != nil {
			return err
		}
	}
	err := c.syncDirty()
	failpoint.Hit(failpoint.PartsDurable)
	return err
}

func (c committer) commit(p part) error {
	for _, root := range c.folders {
		there, err := c.find(root, p)
		if err != nil {
			return err
		}
		switch there.decide() {
		case show:
			return c.show(root, p)
		case shown:
			c.touch(root, p)
			return removeIfThere(c, filepath.Join(root, filepath.FromSlash(p.Pending)))
		case damaged:
			return fmt.Errorf("part %s in %s is not what was prepared (%d bytes, CRC-32C %08x): its records are part of a checkpoint; "+
				"restore the file, or restore the job from an older snapshot", there.which(p), root, p.Bytes, p.Sum)
		case lost:
		}
	}
	return fmt.Errorf("part %s is lost: neither it nor %s is there in %q, and its records are part of a checkpoint; "+
		"restore one of the two files, or restore the job from an older snapshot", p.Path, p.Pending, c.folders)
}

func (c committer) show(root string, p part) error {
	if err := makeSubfolder(c, root, above(p.Path)); err != nil {
		return err
	}
	c.touch(root, p)
	failpoint.Hit(failpoint.PartShowing)
	err := c.rename(filepath.Join(root, filepath.FromSlash(p.Pending)), filepath.Join(root, filepath.FromSlash(p.Path)))
	failpoint.Hit(failpoint.PartShown)
	return err
}

// above is the folder that a path with slashes lies in, or "".
func above(p string) string {
	if folder := path.Dir(p); folder != "." {
		return folder
	}
	return ""
}

// which is the path of what was found.
func (f found) which(p part) string {
	if f.visible {
		return p.Path
	}
	return p.Pending
}

func (c committer) find(root string, p part) (f found, err error) {
	if f.visible, err = exists(c, filepath.Join(root, filepath.FromSlash(p.Path))); err != nil {
		return f, err
	}
	if f.pending, err = exists(c, filepath.Join(root, filepath.FromSlash(p.Pending))); err != nil {
		return f, err
	}
	if f.visible || f.pending {
		f.right, err = c.isRight(filepath.Join(root, filepath.FromSlash(f.which(p))), p)
	}
	return f, err
}

func (c committer) isRight(path string, p part) (bool, error) {
	if size, err := c.size(path); err != nil || size != p.Bytes || !c.verify {
		return size == p.Bytes, err
	}
	r, err := c.open(path)
	if err != nil {
		return false, err
	}
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, r)
	return n == p.Bytes && sum.Sum32() == p.Sum, errors.Join(err, r.Close())
}

// touch notes a part's folder and those above it, up to the sink's own: the folder may be new.
func (c committer) touch(root string, p part) {
	for folder := above(p.Path); folder != ""; folder = above(folder) {
		c.dirty[filepath.Join(root, filepath.FromSlash(folder))] = true
	}
	c.dirty[root] = true
}

func (c committer) syncDirty() error {
	for _, dir := range sorted(c.dirty) {
		if err := c.sync(dir); err != nil {
			return err
		}
	}
	return nil
}

// Recover commits what a snapshot has prepared, and deletes what else earlier attempts of this sink have pending.
func (o output[T]) Recover(ctx context.Context, s connector.Subtask, committables [][]byte) error {
	err := o.Check()
	if err != nil {
		return err
	}
	s.Restored = s.Restored || len(committables) > 0
	if err = o.prepare(s); err == nil {
		err = o.commitAll(ctx, committables)
	}
	failpoint.Hit(failpoint.PartsSettled)
	if err == nil {
		err = o.removeLeft(s)
	}
	if err != nil {
		return fmt.Errorf("file: recover folder %q: %w", o.dir, err)
	}
	return nil
}

func (w Writing) commitAll(ctx context.Context, committables [][]byte) error {
	for _, b := range committables {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := decodeCommittable(b)
		if err != nil {
			return err
		}
		if err := commit(w.files, w.places(c), c.Parts, true); err != nil {
			return err
		}
	}
	return nil
}

// places are the folders where a committable's parts may lie.
func (w Writing) places(c committable) []string {
	if now, err := filepath.Abs(w.dir); err == nil && now == c.Folder || !filepath.IsAbs(c.Folder) {
		return []string{w.dir}
	}
	return []string{w.dir, c.Folder}
}

// removeLeft deletes what earlier attempts of a sink have left pending. Those of later ones stay: a process that was halted
// before this may come to it when another has taken the job over and gone on.
func (w Writing) removeLeft(s connector.Subtask) error {
	entries, err := w.files.list(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if attempt, ok := parseHidden(s, e.Name()); !ok || attempt > s.Attempt {
			continue
		}
		if err := w.removePending(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// removePending deletes the pending parts in a folder, and the folder.
func (w Writing) removePending(hidden string) error {
	dir := filepath.Join(w.dir, hidden)
	entries, err := w.files.list(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		if _, _, ok := parsePart(e.Name()); !ok {
			continue
		}
		// A process that has lost the job and does not know it yet may be giving the part up at this moment.
		if err := removeIfThere(w.files, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
		failpoint.Hit(failpoint.PartRemoved)
	}
	w.files.remove(dir) // it stays if there is something of somebody else in it
	return nil
}
