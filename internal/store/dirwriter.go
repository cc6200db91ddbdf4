package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"leat.dev/leat/internal/vfs"
)

// dirWriter writes a piece of a Directory.
type dirWriter struct {
	store     *Directory
	ctx       context.Context
	name      string
	temporary string
	file      vfs.File // nil when the writer is done
	err       error    // of a Write
}

// Write appends to the piece.
func (w *dirWriter) Write(b []byte) (int, error) {
	if w.file == nil {
		return 0, w.store.explain("write", w.name, ErrDone)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.file.Write(b)
	if err != nil {
		w.err = w.store.explain("write", w.name, err)
	}
	return n, w.err
}

// Close has the piece appear.
func (w *dirWriter) Close() error {
	if w.file == nil {
		return w.store.explain("write", w.name, ErrDone)
	}
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	err := w.finish()
	if err != nil {
		err = w.store.explain("write", w.name, err)
	}
	// The piece has its own name by now, or has failed: what can't be removed here is left to Sweep.
	_ = w.store.fsys.Remove(w.temporary)
	return err
}

func (w *dirWriter) finish() error {
	file := w.file
	w.file = nil
	err := file.Sync()
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return w.store.publish(w.temporary, w.name)
}

// Abort gives the piece up.
func (w *dirWriter) Abort() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	if removed := w.store.fsys.Remove(w.temporary); !errors.Is(removed, fs.ErrNotExist) { // it may have been swept
		err = errors.Join(err, removed)
	}
	if err != nil {
		return w.store.explain("abort", w.name, err)
	}
	return nil
}

// explain has an error name the store, and say what to do about it.
func (d *Directory) explain(what, name string, err error) error {
	return fmt.Errorf("%s: %s %s: %w%s", d, what, name, err, d.advice(err))
}

func (d *Directory) advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ": make room on its disk (old savepoints take some), or keep snapshots elsewhere"
	case errors.Is(err, syscall.EROFS):
		return ": it is on a file system that is mounted read-only: remount it, or keep snapshots elsewhere"
	case errors.Is(err, syscall.EXDEV), errors.Is(err, errors.ErrUnsupported):
		return ": the store needs a file system with hard links, and all of it on the same one: keep snapshots elsewhere"
	case errors.Is(err, fs.ErrPermission):
		return ": the user that runs this needs to read and write in it, and its file system must have hard links"
	case errors.Is(err, syscall.ENOTDIR):
		return ": a store is a folder, with nothing in it that is not the store's: give the path of one"
	case errors.Is(err, syscall.EIO):
		return ": its disk fails: look at the system's log"
	}
	return ""
}

// Sweep removes what dead writers left.
func (d *Directory) Sweep(ctx context.Context, stale func(Temporary) bool) (int, error) {
	removed, err := d.sweep(ctx, stale)
	if err != nil {
		return removed, d.explain("sweep", unfinished, err)
	}
	return removed, nil
}

func (d *Directory) sweep(ctx context.Context, stale func(Temporary) bool) (removed int, err error) {
	dir := filepath.Join(d.root, unfinished)
	infos, err := d.fsys.ReadDir(dir)
	if d.missing(err) {
		return 0, nil
	}
	for _, info := range infos {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		dot := strings.LastIndexByte(info.Name, '.')
		if info.Dir || dot < 0 || info.Name[:dot] == d.Owner {
			continue
		}
		if !stale(Temporary{Owner: info.Name[:dot], Modified: info.Modified, Bytes: info.Bytes}) {
			continue
		}
		if failed := d.fsys.Remove(filepath.Join(dir, info.Name)); failed != nil && !d.missing(failed) {
			err = errors.Join(err, failed)
			continue
		}
		removed++
	}
	return removed, err
}
