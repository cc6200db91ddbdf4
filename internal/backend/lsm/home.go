package lsm

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/vfs"
)

// Home is the disk below the state of one process: the folder that all tables have theirs in, and what their engines share. Its methods
// may be called from any goroutine.
type Home struct {
	dir string
	new func() Driver

	mu      sync.Mutex // guards all below
	driver  Driver     // nil: there is no table
	open    int        // tables, also those that drafts still need
	at      string     // the folder
	unlock  func()
	engines map[*Table]Engine
	gone    EngineStats // of engines that are closed: what they counted
	usual   func()      // has garbage collected as before
}

// NewHome makes a home. It has a folder of its own in the one that is given, which is made with the first table and goes with the last one;
// those that processes left when they died are removed: they are of no use, as snapshots lie in a store. "" is the folder of temporary files.
func NewHome(dir string, driver func() Driver) *Home {
	return &Home{dir: dir, new: driver, engines: map[*Table]Engine{}}
}

const (
	// prefix begins the names of homes' folders.
	prefix   = "leat-lsm-"
	lockName = "lock"
	// folderAttempts bounds how often other processes may take a folder for one that a dead process left, before it has its lock.
	folderAttempts = 10
)

// Budget is a budget of so many bytes beyond which state goes to this home.
func (h *Home) Budget(bytes int64) *heap.Budget {
	b := heap.NewBudgetOver(bytes, h.Open)
	b.Below = h.Numbers
	return b
}

// Numbers are those of state on disk.
func (h *Home) Numbers() *metrics.Disk {
	s := h.Stats()
	return &metrics.Disk{
		Reads: s.CacheHits + s.CacheMiss, SlowReads: s.CacheMiss, Written: s.FlushedBytes + s.CompactWrite, Rewritten: s.CompactRead + s.CompactWrite,
		Files: s.Files, Bytes: s.FileBytes, Debt: s.DebtBytes,
	}
}

// Open makes an empty table for key groups from up to, without, to, of max. Account is told on the goroutine that owns the table how many
// bytes more it takes up in memory, or less, without what all tables share.
func (h *Home) Open(from, to, max int, account func(bytes int64)) (heap.Cold, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.driver == nil {
		if err := h.begin(); err != nil {
			return nil, fmt.Errorf("state on disk: %w", err)
		}
	}
	t, err := h.table(from, to, max, account)
	if err != nil {
		h.endUnused()
		return nil, fmt.Errorf("state on disk: %w", err)
	}
	return t, nil
}

func (h *Home) table(from, to, max int, account func(bytes int64)) (*Table, error) {
	f, err := newFolder(h.at)
	if err != nil {
		return nil, err
	}
	engine, err := h.driver.Open(f.engine())
	if err != nil {
		f.release()
		return nil, err
	}
	t := &Table{home: h, driver: h.driver, from: from, to: to, max: max, account: account, folder: f, engine: engine, layers: []*layer{newLayer()}}
	if account == nil {
		t.account = func(int64) {}
	}
	t.found = func(i int, value []byte) { t.keep(t.wanted[i].at, value) }
	t.report()
	f.gone = h.left
	h.engines[t] = engine
	h.open++
	return t, nil
}

// begin makes the folder, and what engines share.
func (h *Home) begin() (err error) {
	in := cmp.Or(h.dir, os.TempDir())
	if err := os.MkdirAll(in, 0o777); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(in, prefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range left {
		discard(dir)
	}
	for range folderAttempts {
		if h.at, err = os.MkdirTemp(in, prefix); err != nil {
			return err
		}
		if h.unlock, err = vfs.Lock(filepath.Join(h.at, lockName)); err == nil {
			h.driver, h.usual = h.new(), heap.CollectEarly()
			return nil
		}
	}
	return err
}

// discard removes the folder of a home whose process has ended. Others are in use, or another user's.
func discard(dir string) {
	name := filepath.Join(dir, lockName)
	if _, err := os.Stat(name); err != nil {
		return // a process may be about to make it
	}
	if unlock, err := vfs.Lock(name); err == nil {
		_ = os.RemoveAll(dir) // the next process would
		unlock()
	}
}

// forget takes an engine that is about to be closed out of the numbers.
func (h *Home) forget(t *Table) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.engines[t].Stats()
	delete(h.engines, t)
	h.gone.add(EngineStats{FlushedBytes: s.FlushedBytes, CompactRead: s.CompactRead, CompactWrite: s.CompactWrite, Compactions: s.Compactions})
}

// note takes an engine into the numbers.
func (h *Home) note(t *Table) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.engines[t] = t.engine
}

// left is called when a table was closed, and its snapshots were released.
func (h *Home) left() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	h.endUnused()
}

// endUnused gives up what engines share if there is no table.
func (h *Home) endUnused() {
	if h.open > 0 || h.driver == nil {
		return
	}
	h.driver.Close()
	h.driver = nil
	h.usual()
	_ = os.RemoveAll(h.at) // the next process would
	h.unlock()
}

// Stats are numbers of all tables since the home was made, or as they are.
type Stats struct {
	EngineStats
	Tables    int64
	CacheHits int64 // blocks that were found in memory, while any table was open
	CacheMiss int64 // blocks that were read from files
}

// Stats are the numbers of now.
func (h *Home) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{EngineStats: h.gone, Tables: int64(len(h.engines))}
	for _, e := range h.engines {
		s.EngineStats.add(e.Stats())
	}
	if h.driver != nil {
		s.CacheHits, s.CacheMiss = h.driver.Cache()
	}
	return s
}

// folder is a table's: the engine's files, and checkpoints. It goes when nobody has it any more.
type folder struct {
	path      string
	namespace string // begins the names of its files in snapshots
	gone      func() // is called when it is gone; nil: nobody waits for it
	refs      atomic.Int64
	numbers   atomic.Int64
}

func newFolder(home string) (*folder, error) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	f := &folder{namespace: hex.EncodeToString(b[:])}
	f.path = filepath.Join(home, f.namespace)
	f.refs.Store(1)
	return f, os.MkdirAll(f.engine(), 0o755)
}

// engine is where the engine's files lie.
func (f *folder) engine() string { return filepath.Join(f.path, "engine") }

// next is a name that is not in use in the folder.
func (f *folder) next(kind string) string {
	return filepath.Join(f.path, kind+"-"+strconv.FormatInt(f.numbers.Add(1), 10))
}

func (f *folder) retain() { f.refs.Add(1) }

func (f *folder) release() {
	if f.refs.Add(-1) == 0 {
		_ = os.RemoveAll(f.path) // the next process would
		if f.gone != nil {
			f.gone()
		}
	}
}
