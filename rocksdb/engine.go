package rocksdb

// #include <stdlib.h>
// #include "engine.h"
import "C"

import (
	"bufio"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"unsafe"

	"leat.dev/leat/internal/backend/lsm"
)

// engine is a RocksDB store.
type engine struct {
	driver  *driver
	options *C.rocksdb_options_t
	read    *C.rocksdb_readoptions_t
	write   *C.rocksdb_writeoptions_t
	db      *C.rocksdb_t
	family  *C.rocksdb_column_family_handle_t

	keys    []byte // of the batch that is read
	lengths []C.int64_t
	values  C.buffer
	batch   []byte // that is written
}

var _ lsm.Engine = (*engine)(nil)

// of is where bytes begin, for a call.
func of(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// Get reads values.
func (e *engine) Get(keys [][]byte, found func(i int, value []byte)) error {
	e.keys, e.lengths = e.keys[:0], e.lengths[:0]
	for _, key := range keys {
		e.keys = append(e.keys, key...)
		e.lengths = append(e.lengths, C.int64_t(len(key)))
	}
	var problem *C.char
	C.leat_get(e.db, e.family, e.read, of(e.keys), unsafe.SliceData(e.lengths), C.size_t(len(keys)), &e.values, &problem)
	if err := failure(problem); err != nil {
		return err
	}
	values := unsafe.Slice((*byte)(unsafe.Pointer(e.values.data)), int(e.values.used))
	for i, n := range e.lengths {
		if n >= 0 {
			found(i, values[:n:n])
			values = values[n:]
		}
	}
	return nil
}

// What a batch of writes is for RocksDB: a u64 that is 0, a u32 with the number of writes, both little endian, and for each its kind, and key
// and value with their lengths before them, as uvarints.
const (
	batchHead  = 12
	kindDelete = 0
	kindSet    = 1
)

// Apply does writes.
func (e *engine) Apply(writes []lsm.Write) error {
	if len(writes) == 0 {
		return nil
	}
	b := append(e.batch[:0], make([]byte, batchHead)...)
	binary.LittleEndian.PutUint32(b[8:], uint32(len(writes)))
	for i := range writes {
		w := &writes[i]
		if w.Delete {
			b = appendBytes(append(b, kindDelete), w.Key)
		} else {
			b = appendBytes(appendBytes(append(b, kindSet), w.Key), w.Value)
		}
	}
	e.batch = b
	var problem *C.char
	C.leat_write(e.db, e.write, of(b), C.size_t(len(b)), &problem)
	return failure(problem)
}

func appendBytes(to, b []byte) []byte { return append(binary.AppendUvarint(to, uint64(len(b))), b...) }

// Checkpoint writes memory to files and links all files.
func (e *engine) Checkpoint(dir string) error {
	var problem *C.char
	c := C.rocksdb_checkpoint_object_create(e.db, &problem)
	if err := failure(problem); err != nil {
		return err
	}
	defer C.rocksdb_checkpoint_object_destroy(c)
	name := C.CString(dir)
	defer C.free(unsafe.Pointer(name))
	C.rocksdb_checkpoint_create(c, name, 0, &problem) // 0: flush, whatever there is
	return failure(problem)
}

// scanBytes is how much a call to C brings at least.
const scanBytes = 64 << 10

// Scan goes through keys.
func (e *engine) Scan(from, to []byte, f func(key, value []byte) error) error {
	end := C.CBytes(to) // the options keep no copy
	defer C.free(end)
	options := C.rocksdb_readoptions_create()
	defer C.rocksdb_readoptions_destroy(options)
	C.rocksdb_readoptions_set_iterate_upper_bound(options, (*C.char)(end), C.size_t(len(to)))
	it := C.rocksdb_create_iterator(e.db, options)
	defer C.rocksdb_iter_destroy(it)
	var b C.buffer
	defer func() { C.free(unsafe.Pointer(b.data)) }()
	C.rocksdb_iter_seek(it, of(from), C.size_t(len(from)))
	for {
		var problem *C.char
		n := C.leat_next(it, scanBytes, &b, &problem)
		if err := failure(problem); err != nil || n == 0 {
			return err
		}
		if err := each(unsafe.Slice((*byte)(unsafe.Pointer(b.data)), int(b.used)), f); err != nil {
			return err
		}
	}
}

// each goes through what leat_next has brought.
func each(b []byte, f func(key, value []byte) error) error {
	for len(b) > 0 {
		key := 8 + int(binary.NativeEndian.Uint32(b))
		end := key + int(binary.NativeEndian.Uint32(b[4:]))
		if err := f(b[8:key:key], b[key:end:end]); err != nil {
			return err
		}
		b = b[end:]
	}
	return nil
}

// last is above all keys, which begin with a key group.
var last = []byte{0xff, 0xff}

// Clip removes keys: files that have no others, and what is left by a mark, until compactions come by.
func (e *engine) Clip(from, to []byte) error {
	for _, r := range [][2][]byte{{{0}, from}, {to, last}} {
		var problem *C.char
		begin, end := r[0], r[1]
		if group := binary.BigEndian.Uint16(end); group > 0 {
			// A file goes if its last key is this one too: it is none that is wanted.
			below := binary.BigEndian.AppendUint16(nil, group-1)
			C.rocksdb_delete_file_in_range(e.db, of(begin), C.size_t(len(begin)), of(below), C.size_t(len(below)), &problem)
			if err := failure(problem); err != nil {
				return err
			}
		}
		C.rocksdb_delete_range_cf(e.db, e.write, e.family, of(begin), C.size_t(len(begin)), of(end), C.size_t(len(end)), &problem)
		if err := failure(problem); err != nil {
			return err
		}
	}
	return nil
}

// NewFile begins a sorted file.
func (e *engine) NewFile(path string) (lsm.File, error) {
	f := &file{options: C.rocksdb_envoptions_create()}
	f.writer = C.rocksdb_sstfilewriter_create(f.options, e.options)
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var problem *C.char
	C.rocksdb_sstfilewriter_open(f.writer, name, &problem)
	if err := failure(problem); err != nil {
		f.free()
		return nil, err
	}
	return f, nil
}

// file is a sorted file that is being written.
type file struct {
	options *C.rocksdb_envoptions_t
	writer  *C.rocksdb_sstfilewriter_t
	bytes   int64
}

// Set adds a record.
func (f *file) Set(key, value []byte) error {
	var problem *C.char
	C.rocksdb_sstfilewriter_put(f.writer, of(key), C.size_t(len(key)), of(value), C.size_t(len(value)), &problem)
	f.bytes += int64(len(key) + len(value))
	return failure(problem)
}

// Bytes is about how long the file is.
func (f *file) Bytes() int64 { return f.bytes }

// Close completes the file.
func (f *file) Close() error {
	var problem *C.char
	C.rocksdb_sstfilewriter_finish(f.writer, &problem)
	f.free()
	return failure(problem)
}

func (f *file) free() {
	C.rocksdb_sstfilewriter_destroy(f.writer)
	C.rocksdb_envoptions_destroy(f.options)
}

// Ingest takes sorted files over.
func (e *engine) Ingest(paths []string) error {
	o := C.rocksdb_ingestexternalfileoptions_create()
	defer C.rocksdb_ingestexternalfileoptions_destroy(o)
	C.rocksdb_ingestexternalfileoptions_set_move_files(o, 1)
	names := C.calloc(C.size_t(len(paths)), C.size_t(unsafe.Sizeof(uintptr(0))))
	defer C.free(names)
	array := unsafe.Slice((**C.char)(names), len(paths))
	for i, path := range paths {
		array[i] = C.CString(path)
		defer C.free(unsafe.Pointer(array[i]))
	}
	var problem *C.char
	C.rocksdb_ingest_external_file(e.db, &array[0], C.size_t(len(paths)), o, &problem)
	return failure(problem)
}

// Estimate is RocksDB's.
func (e *engine) Estimate() (int64, error) {
	n, ok := e.property("rocksdb.estimate-num-keys")
	if !ok {
		return 0, errors.New("RocksDB does not say how many keys there are")
	}
	return n, nil
}

// property is one of RocksDB's numbers.
func (e *engine) property(name string) (int64, bool) {
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	var n C.uint64_t
	ok := C.rocksdb_property_int(e.db, c, &n) == 0
	return int64(n), ok
}

// MemoryBytes is what memtables take up at most.
func (e *engine) MemoryBytes() int64 { return memtables * e.driver.memtable }

// Stats are numbers.
func (e *engine) Stats() (s lsm.EngineStats) {
	s.FileBytes, _ = e.property("rocksdb.total-sst-files-size")
	s.MemtableBytes, _ = e.property("rocksdb.cur-size-all-mem-tables")
	s.DebtBytes, _ = e.property("rocksdb.estimate-pending-compaction-bytes")
	files := C.rocksdb_livefiles(e.db)
	s.Files = int64(C.rocksdb_livefiles_count(files))
	C.rocksdb_livefiles_destroy(files)
	counts := e.statistics()
	s.FlushedBytes = counts["flush.write.bytes"]
	s.CompactRead = counts["compact.read.bytes"]
	s.CompactWrite = counts["compact.write.bytes"]
	return s
}

// statistics are RocksDB's counters, by their names without what all begin with. It gives them as a text only.
func (e *engine) statistics() map[string]int64 {
	text := C.rocksdb_options_statistics_get_string(e.options)
	if text == nil {
		return nil
	}
	defer C.rocksdb_free(unsafe.Pointer(text))
	counts := map[string]int64{}
	for lines := bufio.NewScanner(strings.NewReader(C.GoString(text))); lines.Scan(); {
		name, count, ok := strings.Cut(lines.Text(), " COUNT : ")
		if n, err := strconv.ParseInt(count, 10, 64); ok && err == nil {
			counts[strings.TrimPrefix(name, "rocksdb.")] = n
		}
	}
	return counts
}

// Close closes the store.
func (e *engine) Close() error {
	e.driver.left(e)
	C.rocksdb_cancel_all_background_work(e.db, 1)
	C.rocksdb_column_family_handle_destroy(e.family)
	C.rocksdb_close(e.db)
	e.free()
	return nil
}

func (e *engine) free() {
	C.rocksdb_readoptions_destroy(e.read)
	C.rocksdb_writeoptions_destroy(e.write)
	C.rocksdb_options_destroy(e.options)
	C.free(unsafe.Pointer(e.values.data))
	e.values = C.buffer{}
}
