package lsm

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
)

// opened is a checkpoint that is being read, in a folder that goes with it.
type opened struct {
	*checkpoint
	dir    string
	engine Engine
}

func openCheckpoint(d Driver, dir string, c *checkpoint, sorted map[string]backend.RecordSource) (*opened, error) {
	o := &opened{checkpoint: c, dir: dir}
	err := c.link(dir, sorted)
	if err == nil {
		o.engine, err = d.OpenReader(dir)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, c.named(err)
	}
	return o, nil
}

func (o *opened) close() error { return errors.Join(o.engine.Close(), os.RemoveAll(o.dir)) }

// records reads the records of a snapshot, in a folder of its own.
type records struct {
	dir    string
	driver Driver
	all    []*checkpoint
	sorted map[string]backend.RecordSource
	open   map[*checkpoint]*opened
}

// Reader says how the files of a driver's engines are read, for backend.RegisterRecords. The engine is opened over links or copies of
// them in a temporary folder.
func Reader(driver func() Driver) func([]backend.RecordSource) (backend.Records, error) {
	return func(sources []backend.RecordSource) (backend.Records, error) {
		all, sorted, err := checkpointsOf(sources, 0, keygroup.MaxMax)
		if err != nil {
			return nil, err
		}
		dir, err := os.MkdirTemp("", "leat-records-")
		if err != nil {
			return nil, err
		}
		return &records{dir, driver(), all, sorted, map[*checkpoint]*opened{}}, nil
	}
}

// Group goes through the records of a key group.
func (r *records) Group(group int, f func(hash uint64, key, record []byte) error) error {
	for _, c := range r.all {
		if group < c.from || group >= c.to {
			continue
		}
		o, err := r.opened(c)
		if err != nil {
			return err
		}
		if err := c.named(scan(o.engine, group, group+1, f)); err != nil {
			return err
		}
	}
	return nil
}

// Find finds the record of a key.
func (r *records) Find(hash uint64, key []byte, f func(record []byte) error) (err error) {
	for _, c := range r.all {
		group := keygroup.Of(hash, c.Max)
		if group < c.from || group >= c.to {
			continue
		}
		o, err := r.opened(c)
		if err != nil {
			return err
		}
		var failed error
		err = o.engine.Get([][]byte{appendKey(nil, group, key)}, func(_ int, value []byte) { failed = f(value) })
		if err = errors.Join(c.named(err), failed); err != nil {
			return err
		}
	}
	return nil
}

func (r *records) opened(c *checkpoint) (*opened, error) {
	if o := r.open[c]; o != nil {
		return o, nil
	}
	o, err := openCheckpoint(r.driver, filepath.Join(r.dir, strconv.Itoa(len(r.open))), c, r.sorted)
	if err == nil {
		r.open[c] = o
	}
	return o, err
}

// Close gives the folder up.
func (r *records) Close() (err error) {
	for _, o := range r.open {
		err = errors.Join(err, o.close())
	}
	r.driver.Close()
	return errors.Join(err, os.RemoveAll(r.dir))
}
