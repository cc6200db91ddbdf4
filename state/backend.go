package state

import (
	"os"

	"leat.dev/leat/internal/backend/disk"
	"leat.dev/leat/internal/backend/heap"
)

// Backend says where state lives: [Heap] or [Disk]. docs/choosing-a-backend.md says which when. Whatever the backend, snapshots are
// the same: a job may be restored with another one.
type Backend interface {
	// Name is the backend's name, as plans and logs show it.
	Name() string
	// NewBudget is for the engine: where the state of a process lives, and how much memory it may take up.
	NewBudget() *heap.Budget
}

// Heap keeps state in memory. It is the default.
type Heap struct {
	// BudgetBytes bounds the memory of all keyed state in the process, copies that a running snapshot needs included.
	// Growth beyond it fails the job with an error that says so, before the system kills the process without a word.
	// 0 is 60 % of the memory that the process may use: of its cgroup's limit, or of the machine's.
	// Negative is no bound.
	BudgetBytes int64
}

// Name is "heap".
func (Heap) Name() string { return "heap" }

// NewBudget is for the engine: the budget that all stores of a process share.
func (h Heap) NewBudget() *heap.Budget {
	switch {
	case h.BudgetBytes > 0:
		return heap.NewBudget(h.BudgetBytes)
	case h.BudgetBytes < 0:
		return heap.NewBudget(0)
	}
	return heap.NewBudget(memoryBytes(os.DirFS("/")) / 100 * budgetPercent)
}

// Disk keeps state on disk, and as much of it in memory as there is room for: rows that are used often stay there, nearly as fast as
// with [Heap]; one that is not there costs one read. State may be far larger than memory.
//
// What lies in Dir is a cache of what snapshots have: it is of no use after the process has ended, and a job that is
// started again is restored from its store. Checkpoints have what was written since the one before as files that are linked, or
// copied, into the store; so it is best when Dir and the store are on one file system.
//
// Point states (Value, List, Map, Reducing, Aggregating, and Ordered as well) go to disk, a key's as one record, of at most 1 GB.
// Timers stay in memory, and so does what windows and window joins hold.
type Disk struct {
	// Dir is a folder on a local disk. It is made if it is missing. Each process has a folder of its own in it, which goes when its job ends;
	// those that processes left when they died are removed by the next one. "" is the system's folder for temporary files: mind
	// that it may lie in memory.
	Dir string
	// BudgetBytes bounds the memory of all state in the process: rows, indexes, buffers, and windows. Windows that grow beyond it fail the
	// job with an error that says so; all else goes to disk. Indexes take up about 10 bytes a key, wherever its state is; a budget that
	// leaves no room for rows beside them works, slowly. Copies that a snapshot needs while it is written come on top.
	// 0 is a quarter of the memory that the process may use: of its cgroup's limit, or of the machine's.
	BudgetBytes int64
}

// Name is "disk".
func (Disk) Name() string { return "disk" }

// ColdStore is for the engine: the name of what keys' states go to, as plans show it.
func (Disk) ColdStore() string { return "hash log" }

// NewBudget is for the engine.
func (d Disk) NewBudget() *heap.Budget {
	bytes := d.BudgetBytes
	if bytes <= 0 {
		bytes = memoryBytes(os.DirFS("/")) / 100 * diskPercent
	}
	return disk.New(disk.Options{Dir: d.Dir, BudgetBytes: bytes}).Budget()
}

// diskPercent is the default budget's share of memory: more is better used by the system, which keeps files that are read often.
const diskPercent = 25

// budgetPercent is the default budget's share of memory. The rest is for records on their way, user code, and what the
// garbage collector leaves for its next run.
const budgetPercent = 60
