// Package pebble keeps state in Pebble, a log-structured merge tree in Go, where memory has no room for it: the choice for state that is far
// larger than memory, keys and all. Only programs that import this package link Pebble.
package pebble

import (
	"cmp"

	"leat.dev/leat/internal/backend/heap"
	lsm "leat.dev/leat/internal/backend/lsm/pebble"
	"leat.dev/leat/state"
)

// Backend keeps state in Pebble, and as much of it in memory as there is room for. It differs from [state.Disk] in what it does with memory
// and disk: keys that are on disk take up no memory at all, what lies on disk is compressed, and it is written again and again by compactions,
// which take processor time beside the job. Where memory has room for about 15 bytes a key, [state.Disk] is several times faster.
//
// What lies in Dir is a cache of what snapshots have. Checkpoints have the files that came since the one before, linked or copied into the
// store. Timers stay in memory, and so does what windows and window joins hold.
type Backend struct {
	// Dir is a folder on a local disk. It is made if it is missing. Each process has a folder of its own in it, which goes when its job ends;
	// those that processes left when they died are removed by the next one. "" is the system's folder for temporary files: mind
	// that it may lie in memory.
	Dir string
	// BudgetBytes bounds the memory of all state in the process, three times MemtableBytes for each subtask with keyed state included. What
	// there is no room for goes to disk, but for windows, which fail the job with an error that says so. Writes that wait for a
	// checkpoint to be written are counted too; copies that it needs meanwhile come on top. 0 is as for [state.Disk].
	BudgetBytes int64
	// CacheBytes is how much memory all subtasks together use for what was read from files, on top of BudgetBytes; 0: 64 MB.
	CacheBytes int64
	// MemtableBytes is how much each subtask writes to memory before it becomes a file; 0: 8 MB. More of it means fewer compactions.
	MemtableBytes int64
}

var _ state.Backend = Backend{}

// Name is "pebble".
func (Backend) Name() string { return lsm.Format }

// ColdStore is for the engine: the name of what keys' states go to, as plans show it.
func (Backend) ColdStore() string { return lsm.Format }

// NewBudget is for the engine.
func (b Backend) NewBudget() *heap.Budget {
	home := lsm.New(lsm.Options{Dir: b.Dir, CacheBytes: b.CacheBytes, MemtableBytes: b.MemtableBytes})
	return home.Budget(cmp.Or(b.BudgetBytes, state.Disk{}.NewBudget().LimitBytes()))
}
