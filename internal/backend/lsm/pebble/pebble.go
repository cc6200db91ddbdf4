// Package pebble has keyed state that memory has no room for in Pebble, a log-structured merge tree in Go.
package pebble

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/lsm"
)

// Options are the settings of a home whose tables are Pebble's.
type Options struct {
	// Dir is a folder, in which the home has one of its own, see [lsm.NewHome].
	Dir string
	// CacheBytes is how much memory all tables together use for blocks of files; 0: 64 MB.
	CacheBytes int64
	// MemtableBytes is how much a table writes to memory before it becomes a file; 0: 8 MB. A table has up to three times as much in memory.
	MemtableBytes int64
	// FS is the file system; nil: the operating system's.
	FS vfs.FS
}

const (
	defaultCacheBytes    = 64 << 20
	defaultMemtableBytes = 8 << 20
	// files is how many files all tables together keep open.
	files = 1000
)

// Format is the format of files that Pebble writes.
const Format = "pebble"

func init() {
	backend.RegisterRecords(Format, lsm.Reader(func() lsm.Driver { return newDriver(Options{CacheBytes: 8 << 20}) }))
}

// New makes a home.
func New(o Options) *lsm.Home {
	return lsm.NewHome(o.Dir, func() lsm.Driver { return newDriver(o) })
}

// driver is what the engines of a process share.
type driver struct {
	options Options
	cache   *pebble.Cache
	files   *pebble.FileCache
}

var _ lsm.Driver = (*driver)(nil)

func newDriver(o Options) *driver {
	o.CacheBytes = cmp.Or(o.CacheBytes, defaultCacheBytes)
	o.MemtableBytes = cmp.Or(o.MemtableBytes, defaultMemtableBytes)
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return &driver{o, pebble.NewCache(o.CacheBytes), pebble.NewFileCache(runtime.GOMAXPROCS(0), files)}
}

// Format is the name of the format.
func (d *driver) Format() string { return Format }

// Open opens an engine.
func (d *driver) Open(dir string) (lsm.Engine, error) { return d.open(dir, false) }

// OpenReader opens an engine that writes nothing.
func (d *driver) OpenReader(dir string) (lsm.Engine, error) { return d.open(dir, true) }

func (d *driver) open(dir string, readOnly bool) (lsm.Engine, error) {
	e := &engine{driver: d, events: make(chan struct{}, 1)}
	e.options = d.pebble(e)
	e.options.ReadOnly = readOnly
	e.options.EnsureDefaults()
	var err error
	if e.db, err = pebble.Open(dir, e.options); err != nil {
		return nil, fmt.Errorf("open: %w", explain(err))
	}
	return e, nil
}

// format is the version of what Pebble writes. A later one is read by later releases of Pebble only.
const format = pebble.FormatTableFormatV6

// stopped is a number of memtables, or of sublevels, that is never reached: room waits in Pebble's place.
const stopped = 1 << 20

// pebble are Pebble's options for an engine.
func (d *driver) pebble(e *engine) *pebble.Options {
	o := &pebble.Options{
		FS:                          d.options.FS,
		Cache:                       d.cache,
		FileCache:                   d.files,
		DisableWAL:                  true, // snapshots have what lies here
		FormatMajorVersion:          format,
		MemTableSize:                uint64(d.options.MemtableBytes),
		MemTableStopWritesThreshold: stopped,
		L0StopWritesThreshold:       stopped,
		MaxManifestFileSize:         1 << 20, // it is in each snapshot
		Logger:                      logger{},
		EventListener:               e.listener(),
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits) // many keys that are asked for are new
	}
	return o
}

// filterBits are the bits of a key in filters: one in a hundred keys that are not there is looked for in vain.
const filterBits = 10

// Cache says how often a block was in memory.
func (d *driver) Cache() (hits, misses int64) {
	m := d.cache.Metrics()
	return m.Hits, m.Misses
}

// Close gives up the caches.
func (d *driver) Close() {
	d.files.Unref()
	d.cache.Unref()
}

// logger drops what Pebble says: all that matters comes as an error, or as an event.
type logger struct{}

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}

// Fatalf ends the process: Pebble does not go on where it can't write down which files it has.
func (logger) Fatalf(format string, args ...any) {
	panic("state on disk: " + fmt.Sprintf(format, args...))
}
