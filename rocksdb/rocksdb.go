// Package rocksdb keeps state in RocksDB, a log-structured merge tree in C++, where memory has no room for it. It is a module of its own: it
// needs cgo, a C compiler, and librocksdb with its headers, 7.8 or later; on Debian and Ubuntu that is the package librocksdb-dev.
package rocksdb

// #cgo LDFLAGS: -lrocksdb
// #include <stdlib.h>
// #include "engine.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"unsafe"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/backend/lsm"
	"leat.dev/leat/state"
)

// Backend keeps state in RocksDB, and as much of it in memory as there is room for. It differs from [state.Disk] in what it does with memory
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

// Name is "rocksdb".
func (Backend) Name() string { return format }

// ColdStore is for the engine: the name of what keys' states go to, as plans show it.
func (Backend) ColdStore() string { return format }

// NewBudget is for the engine.
func (b Backend) NewBudget() *heap.Budget {
	return b.home().Budget(cmp.Or(b.BudgetBytes, state.Disk{}.NewBudget().LimitBytes()))
}

func (b Backend) home() *lsm.Home {
	return lsm.NewHome(b.Dir, func() lsm.Driver { return newDriver(b.CacheBytes, b.MemtableBytes) })
}

const (
	defaultCacheBytes    = 64 << 20
	defaultMemtableBytes = 8 << 20
	// files is how many files each table keeps open.
	files = 1000
	// format is the format of files that RocksDB writes.
	format = "rocksdb"
)

func init() {
	backend.RegisterRecords(format, lsm.Reader(func() lsm.Driver { return newDriver(8<<20, 0) }))
}

// driver is what the engines of a process share.
type driver struct {
	memtable int64
	cache    *C.rocksdb_cache_t

	mu           sync.Mutex // guards all below
	open         map[*engine]struct{}
	hits, misses int64 // of engines that are closed
}

var _ lsm.Driver = (*driver)(nil)

func newDriver(cache, memtable int64) *driver {
	return &driver{
		memtable: cmp.Or(memtable, defaultMemtableBytes),
		cache:    C.rocksdb_cache_create_lru(C.size_t(cmp.Or(cache, defaultCacheBytes))),
		open:     map[*engine]struct{}{},
	}
}

// Format is the name of the format.
func (d *driver) Format() string { return format }

// Open opens an engine.
func (d *driver) Open(dir string) (lsm.Engine, error) { return d.openEngine(dir, false) }

// OpenReader opens an engine that writes nothing but a log of what it did.
func (d *driver) OpenReader(dir string) (lsm.Engine, error) { return d.openEngine(dir, true) }

func (d *driver) openEngine(dir string, readOnly bool) (lsm.Engine, error) {
	e := &engine{driver: d, options: d.rocks(), read: C.rocksdb_readoptions_create(), write: C.rocksdb_writeoptions_create()}
	C.rocksdb_writeoptions_disable_WAL(e.write, 1) // snapshots have what lies here
	name, family := C.CString(dir), C.CString("default")
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(family))
	// The arrays of one are of C: they have pointers in them.
	arrays := C.calloc(3, C.size_t(unsafe.Sizeof(uintptr(0))))
	defer C.free(arrays)
	array := unsafe.Slice((*unsafe.Pointer)(arrays), 3)
	array[0], array[1] = unsafe.Pointer(family), unsafe.Pointer(e.options)
	names, options := (**C.char)(arrays), (**C.rocksdb_options_t)(unsafe.Pointer(&array[1]))
	families := (**C.rocksdb_column_family_handle_t)(unsafe.Pointer(&array[2]))
	var problem *C.char
	if readOnly {
		e.db = C.rocksdb_open_for_read_only_column_families(e.options, name, 1, names, options, families, 0, &problem)
	} else {
		e.db = C.rocksdb_open_column_families(e.options, name, 1, names, options, families, &problem)
	}
	e.family = *families
	if err := failure(problem); err != nil {
		e.free()
		return nil, fmt.Errorf("open: %w", err)
	}
	d.mu.Lock()
	d.open[e] = struct{}{}
	d.mu.Unlock()
	return e, nil
}

const (
	// filterBits are the bits of a key in filters: one in a hundred keys that are not there is looked for in vain.
	filterBits = 10
	// memtables is how many there may be: one is written to, and others are becoming files.
	memtables = 3
	// logErrors has RocksDB write down errors alone.
	logErrors = 3
	// formatVersion is that of sorted files; RocksDB reads it from 6.6 on.
	formatVersion = 5
	snappy        = 1
)

// rocks are RocksDB's options for an engine.
func (d *driver) rocks() *C.rocksdb_options_t {
	t := C.rocksdb_block_based_options_create()
	C.rocksdb_block_based_options_set_block_cache(t, d.cache)
	C.rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1)
	C.rocksdb_block_based_options_set_filter_policy(t, C.rocksdb_filterpolicy_create_bloom_full(filterBits)) // many keys that are asked for are new
	C.rocksdb_block_based_options_set_format_version(t, formatVersion)
	o := C.rocksdb_options_create()
	C.rocksdb_options_set_block_based_table_factory(o, t)
	C.rocksdb_block_based_options_destroy(t)
	C.rocksdb_options_set_create_if_missing(o, 1)
	C.rocksdb_options_set_write_buffer_size(o, C.size_t(d.memtable))
	C.rocksdb_options_set_max_write_buffer_number(o, memtables)
	C.rocksdb_options_set_max_open_files(o, files)
	C.rocksdb_options_set_max_manifest_file_size(o, 1<<20) // it is in each snapshot
	C.rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1)
	C.rocksdb_options_set_target_file_size_base(o, 4<<20)
	C.rocksdb_options_set_compression(o, snappy)
	C.rocksdb_options_set_bytes_per_sync(o, 512<<10)
	C.rocksdb_options_set_info_log_level(o, logErrors)
	C.rocksdb_options_set_keep_log_file_num(o, 1)
	C.rocksdb_options_set_stats_dump_period_sec(o, 0)
	C.rocksdb_options_set_stats_persist_period_sec(o, 0)
	C.rocksdb_options_enable_statistics(o)
	return o
}

// Cache says how often a block was in memory.
func (d *driver) Cache() (hits, misses int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	hits, misses = d.hits, d.misses
	for e := range d.open {
		s := e.statistics()
		hits += s["block.cache.hit"]
		misses += s["block.cache.miss"]
	}
	return hits, misses
}

// left takes an engine that is about to be closed out of the numbers.
func (d *driver) left(e *engine) {
	s := e.statistics()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, e)
	d.hits += s["block.cache.hit"]
	d.misses += s["block.cache.miss"]
}

// Close gives up the cache.
func (d *driver) Close() { C.rocksdb_cache_destroy(d.cache) }

var sortedFile = regexp.MustCompile(`[0-9]+\.(sst|ldb)`)

// failure is the error that RocksDB returned, or nil.
func failure(problem *C.char) error {
	if problem == nil {
		return nil
	}
	text := C.GoString(problem)
	C.rocksdb_free(unsafe.Pointer(problem))
	err := errors.New("RocksDB: " + text)
	if !strings.HasPrefix(text, "Corruption") {
		return err
	}
	file := "of the store"
	if name := sortedFile.FindString(filepath.Base(text)); name != "" {
		file = name
	} else if name := sortedFile.FindString(text); name != "" {
		file = name
	}
	return &lsm.DamageError{File: file, Err: err}
}
