package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"leat.dev/leat/internal/backend/hashlog"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/metrics"
	"leat.dev/leat/internal/vfs"
)

// Options say where the state of a process lies.
type Options struct {
	// Dir is a folder; it is made. Each process has a folder of its own in it, which goes with the last table. Those that processes
	// left when they died are removed: they are of no use, as snapshots lie in a store. "" is the folder of temporary files.
	Dir string
	// FS is where Dir is; nil: the operating system's. In another one, Dir is for this home alone.
	FS vfs.FS
	// BudgetBytes is how much memory the state may take up.
	BudgetBytes int64
	// Rows has stores keep about so many rows in memory, whatever the budget, if it is not 0: a test has them go to disk all the time.
	Rows int
	// Log are other settings of the hash log; its Dir is not used.
	Log hashlog.Options
}

// Home is the disk below the state of one process: one hash log for all tables, open as long as there are any, or snapshots of them.
type Home struct {
	options Options

	mu    sync.Mutex // guards all below
	log   *hashlog.Log
	users int    // tables, and drafts
	dir   string // this process's; "": none
	usual func() // has garbage collected as before
}

// New makes a home. The folder is made with the first table.
func New(o Options) *Home { return &Home{options: o} }

// Budget is a budget beyond which state goes to this home.
func (h *Home) Budget() *heap.Budget {
	b := heap.NewBudgetOver(h.options.BudgetBytes, h.open)
	if h.options.Rows > 0 {
		b = heap.NewBudgetOfRows(h.options.Rows, h.open)
	}
	b.Below = h.Numbers
	return b
}

// open makes a table.
func (h *Home) open(from, to, max int, account func(int64)) (heap.Cold, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log == nil {
		if err := h.begin(); err != nil {
			return nil, fmt.Errorf("state on disk: %w", err)
		}
	}
	t, err := NewTable(h.log, from, to, max, account)
	if err != nil {
		h.endUnused()
		return nil, err
	}
	h.users++
	t.home = h
	return t, nil
}

// begin opens the log.
func (h *Home) begin() (err error) {
	h.usual = heap.CollectEarly()
	o := h.options.Log
	if o.FS, o.Dir = h.options.FS, h.options.Dir; o.FS != nil {
		h.log, err = hashlog.Open(o)
		return err
	}
	var taken *hashlog.TakenError
	for range folderAttempts {
		if o.Dir, err = ownFolder(h.options.Dir); err != nil {
			return err
		}
		h.dir = o.Dir
		if h.log, err = hashlog.Open(o); !errors.As(err, &taken) {
			return err
		}
	}
	return err
}

// folderAttempts bounds how often other processes may take a folder for one that a dead process left, before it has its lock.
const folderAttempts = 10

// prefix begins the names of processes' folders.
const prefix = "leat-state-"

// ownFolder makes a folder for this process.
func ownFolder(in string) (string, error) {
	if in == "" {
		in = os.TempDir()
	}
	if err := os.MkdirAll(in, 0o777); err != nil {
		return "", err
	}
	left, err := filepath.Glob(filepath.Join(in, prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range left {
		_ = hashlog.Discard(dir) // it is in use, or another user's, or another process was faster
	}
	return os.MkdirTemp(in, prefix)
}

// enter is called when a draft begins.
func (h *Home) enter() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users++
}

// leave is called when a table was closed, or a draft released: its snapshot may outlive the table.
func (h *Home) leave() {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	h.endUnused()
}

// endUnused closes the log if nobody uses it.
func (h *Home) endUnused() {
	if h.users > 0 || h.log == nil {
		return
	}
	_ = h.log.Close() // it has nothing that anybody will read
	h.log = nil
	h.usual()
	if h.dir != "" {
		_ = os.RemoveAll(h.dir)
		h.dir = ""
	}
}

// Numbers are those of state on disk.
func (h *Home) Numbers() *metrics.Disk {
	s := h.Stats()
	return &metrics.Disk{
		Reads: s.Reads, ReadBytes: s.ReadBytes, SlowReads: s.SlowReads, Written: s.WrittenBytes, Rewritten: s.RewrittenBytes,
		Files: s.Segments, Bytes: s.SegmentBytes, Records: s.Records, Obsolete: s.Dead,
	}
}

// Stats are the log's numbers, or those of an empty one.
func (h *Home) Stats() hashlog.Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.log == nil {
		return hashlog.Stats{}
	}
	return h.log.Stats()
}
