package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/vfs"
)

// unfinished is the folder of what is being written, in the root, so that a link from it to any name is one within a file system.
const unfinished = ".writing"

// publishAttempts bounds how often a folder may be removed as empty between making it and linking a piece into it.
const publishAttempts = 100

// Directory is a store in a folder of a file system. Several processes may use one folder.
//
//	write, fsync  root/.writing/OWNER.N      nobody sees it
//	link          root/job/chk-1/manifest    fails if the name is taken: of many, one wins
//	fsync         root/job/chk-1             the name is durable; so are those of the folders above
//	remove        root/.writing/OWNER.N      or Sweep does, after a crash
type Directory struct {
	// Owner marks what this store is writing; Sweep tells by it whose something is. Dir makes a random one; it has no slash, and
	// is not changed after the first use.
	Owner string

	fsys    vfs.FS
	root    string
	folders *vfs.Folders
	serial  atomic.Int64 // of what is being written

	mu      sync.Mutex                      // guards durable
	durable map[string]map[string]time.Time // by folder and name, the pieces that a crash leaves, and when they were written
}

// Dir is the store in the folder root of a file system. The folder is made when the first piece is written; one that is not there
// is an empty store.
func Dir(fsys vfs.FS, root string) *Directory {
	return &Directory{
		Owner: rand.Text(), fsys: fsys, root: filepath.Clean(root),
		folders: vfs.NewFolders(fsys), durable: map[string]map[string]time.Time{},
	}
}

// String names the store as errors do.
func (d *Directory) String() string { return "store " + d.root }

// Location tells it from other folders.
func (d *Directory) Location() string { return "file:" + d.root }

func (d *Directory) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// Put writes a piece.
func (d *Directory) Put(ctx context.Context, name string, data []byte) error {
	w, err := d.create(ctx, name)
	if err != nil {
		return d.explain("put", name, err)
	}
	_, _ = w.Write(data) // Close returns its error
	return w.Close()
}

// Create begins a piece.
func (d *Directory) Create(ctx context.Context, name string) (Writer, error) {
	w, err := d.create(ctx, name)
	if err != nil {
		return nil, d.explain("create", name, err)
	}
	return w, nil
}

// create opens the file that becomes the piece.
func (d *Directory) create(ctx context.Context, name string) (*dirWriter, error) {
	if err := Check(ctx, name); err != nil {
		return nil, err
	}
	temporary := filepath.Join(d.root, unfinished, fmt.Sprintf("%s.%d", d.Owner, d.serial.Add(1)))
	var file vfs.File
	err := d.inFolder(filepath.Dir(temporary), func() (err error) {
		file, err = d.fsys.Create(temporary)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &dirWriter{store: d, ctx: ctx, name: name, temporary: temporary, file: file}, nil
}

// Link makes a file a piece, if it is one of the operating system's on the store's file system.
func (d *Directory) Link(ctx context.Context, file, name string) (bool, error) {
	if err := Check(ctx, name); err != nil {
		return false, d.explain("link", name, err)
	}
	if _, real := d.fsys.(vfs.OS); !real {
		return false, nil
	}
	err := d.publish(file, name)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EXDEV), errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EMLINK):
		return false, nil
	}
	return false, d.explain("link", name, err)
}

// inFolder makes a folder and does something in it, again when another goroutine or process has removed the folder in between.
func (d *Directory) inFolder(dir string, do func() error) (err error) {
	for range publishAttempts {
		if err = d.folders.Make(dir); err == nil {
			err = do()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		d.folders.Forget()
	}
	return err
}

// publish gives a file that is durable the name of a piece.
func (d *Directory) publish(temporary, name string) error {
	failpoint.Hit(failpoint.StoreSynced)
	final := d.path(name)
	dir := filepath.Dir(final)
	err := d.inFolder(dir, func() error { return d.fsys.Link(temporary, final) })
	if errors.Is(err, fs.ErrExist) {
		if err := d.settleFolder(dir); err != nil && !d.missing(err) {
			return errors.Join(ErrExists, err)
		}
		return ErrExists
	}
	if err != nil {
		return err
	}
	// A failure from here on leaves the piece: another process may have seen it already, and have built on it.
	failpoint.Hit(failpoint.StoreLinked)
	if err := d.fsys.SyncDir(dir); err != nil {
		return err
	}
	if err := d.folders.Make(dir); err != nil {
		return err
	}
	if info, err := d.fsys.Stat(final); err == nil {
		d.remember(dir, info)
	}
	failpoint.Hit(failpoint.StoreShown)
	return nil
}

// Open opens a piece.
func (d *Directory) Open(ctx context.Context, name string) (Piece, error) {
	p, err := d.open(ctx, name)
	if err != nil {
		return nil, d.explain("open", name, err)
	}
	return p, nil
}

func (d *Directory) open(ctx context.Context, name string) (Piece, error) {
	if err := Check(ctx, name); err != nil {
		return nil, err
	}
	file := d.path(name)
	info, err := d.fsys.Stat(file)
	if err == nil && info.Dir {
		return nil, ErrNotFound
	}
	if dir := filepath.Dir(file); err == nil && !d.knows(dir, info) {
		err = d.settleFolder(dir)
	}
	var f vfs.File
	if err == nil {
		f, err = d.fsys.Open(file)
	}
	if d.missing(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	piece := dirPiece{f, info.Bytes}
	if _, real := d.fsys.(vfs.OS); real {
		return realPiece{piece, file}, nil
	}
	return piece, nil
}

type dirPiece struct {
	vfs.File
	bytes int64
}

func (p dirPiece) Size() int64 { return p.bytes }

// realPiece is one of the operating system's file system.
type realPiece struct {
	dirPiece
	path string
}

// Path is where the piece lies.
func (p realPiece) Path() string { return p.path }

// missing tells whether an error means that there is nothing of a name, and not that the root is no folder.
func (d *Directory) missing(err error) bool {
	if errors.Is(err, syscall.ENOTDIR) {
		info, err := d.fsys.Stat(d.root)
		return err == nil && info.Dir
	}
	return errors.Is(err, fs.ErrNotExist)
}

// List lists names.
func (d *Directory) List(ctx context.Context, prefix string) ([]string, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, d.explain("list", prefix, err)
	}
	names, err := d.list(ctx, strings.TrimSuffix(path.Dir(prefix+"x"), "."), prefix, nil)
	if err != nil {
		return nil, d.explain("list", prefix, err)
	}
	slices.Sort(names)
	return names, nil
}

// list appends the names in a folder, and in those below it, that begin with the prefix.
func (d *Directory) list(ctx context.Context, folder, prefix string, names []string) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	infos, err := d.fsys.ReadDir(d.path(folder))
	if d.missing(err) {
		return names, nil
	}
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		name := path.Join(folder, info.Name)
		switch {
		case !strings.HasPrefix(name, prefix) || CheckName(name) != nil:
		case info.Dir:
			if names, err = d.list(ctx, name, prefix, names); err != nil {
				return nil, err
			}
		default:
			names = append(names, name)
		}
	}
	if err := d.settle(d.path(folder), infos); err != nil && !d.missing(err) {
		return nil, err
	}
	return names, nil
}

// Delete removes a piece, and folders that are empty without it.
func (d *Directory) Delete(ctx context.Context, name string) error {
	err := Check(ctx, name)
	if err == nil {
		err = d.remove(d.path(name))
	}
	if err != nil {
		return d.explain("delete", name, err)
	}
	return nil
}

func (d *Directory) remove(file string) error {
	d.forget(filepath.Dir(file), filepath.Base(file))
	err := d.fsys.Remove(file)
	switch {
	case errors.Is(err, syscall.ENOTEMPTY): // a folder is no piece
		return nil
	case err != nil && !d.missing(err):
		return err
	}
	failpoint.Hit(failpoint.StoreRemoved)
	return d.prune(filepath.Dir(file))
}

// prune makes removals durable in a folder, and removes it, with those above it, as long as nothing is in them. It does so too
// when the piece was not there: who removed it may have died before.
func (d *Directory) prune(dir string) error {
	for {
		err := d.fsys.SyncDir(dir)
		if err != nil && !d.missing(err) {
			return err
		}
		if dir == d.root {
			return nil
		}
		if err == nil {
			if err := d.folders.Remove(dir); err != nil && !d.missing(err) { // there is something in it, or it is not ours: it may stay
				return nil
			}
		}
		dir = filepath.Dir(dir)
	}
}

// settleFolder makes durable what is in a folder: of many pieces that are opened one after another, the first pays.
func (d *Directory) settleFolder(dir string) error {
	infos, err := d.fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	return d.settle(dir, infos)
}

// settle makes durable that pieces are there: whoever wrote one may have died before it was, and what one sees and builds on must
// not be lost afterwards. It costs something only when a folder has something new in it.
func (d *Directory) settle(dir string, infos []vfs.Info) error {
	infos = slices.DeleteFunc(infos, func(info vfs.Info) bool { return info.Dir || d.knows(dir, info) })
	if len(infos) == 0 {
		return nil
	}
	if err := d.folders.Settle(dir); err != nil {
		return err
	}
	if err := d.fsys.SyncDir(dir); err != nil {
		return err
	}
	for _, info := range infos {
		d.remember(dir, info)
	}
	return nil
}

// knows tells whether a piece is known to be durable. Its time tells it from one that had the name before.
func (d *Directory) knows(dir string, info vfs.Info) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.durable[dir][info.Name]
	return ok && at.Equal(info.Modified)
}

func (d *Directory) remember(dir string, info vfs.Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.durable[dir] == nil {
		d.durable[dir] = map[string]time.Time{}
	}
	d.durable[dir][info.Name] = info.Modified
}

// forget frees what is kept of a piece.
func (d *Directory) forget(dir, base string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.durable[dir], base)
	if len(d.durable[dir]) == 0 {
		delete(d.durable, dir)
	}
}
