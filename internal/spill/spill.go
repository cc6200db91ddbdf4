// Package spill sorts entries of keyed state by key group without holding all of them in memory: runs that are sorted go to
// temporary files, and are merged when they are read.
package spill

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// DefaultBytes is how much of the entries a Sorter holds in memory.
const DefaultBytes = 64 << 20

// maxRuns is how many runs are merged at once; more of them are merged to fewer first.
const maxRuns = 256

// bufferBytes is what is read or written at once, of each run.
const bufferBytes = 64 << 10

// Record is an entry, with the hash of its key. The parts are valid until the next one.
type Record struct {
	Hash             uint64
	Key, Item, Value []byte
}

// Sorter sorts records by hash, and so by key group however many of these there are, then by key, and then by item or as they
// were added. One goroutine uses it.
type Sorter struct {
	byItem bool
	limit  int
	text   []byte // encoded records
	index  []int  // where each begins
	runs   []*os.File
	count  int64
}

// New makes a sorter. Records of one key are sorted by item if byItem, and stay in the order in which they were added
// otherwise. Limit is how many bytes of records are held in memory; 0 is DefaultBytes.
func New(byItem bool, limit int) *Sorter {
	return &Sorter{byItem: byItem, limit: cmp.Or(limit, DefaultBytes)}
}

// Len is how many records were added.
func (s *Sorter) Len() int64 { return s.count }

// Add adds a record. It keeps nothing of the slices.
func (s *Sorter) Add(r Record) error {
	s.index = append(s.index, len(s.text))
	s.text = appendRecord(s.text, r)
	s.count++
	if len(s.text)+8*len(s.index) < s.limit {
		return nil
	}
	return s.spill()
}

func appendRecord(to []byte, r Record) []byte {
	to = binary.BigEndian.AppendUint64(to, r.Hash)
	for _, part := range [...][]byte{r.Key, r.Item, r.Value} {
		to = binary.AppendUvarint(to, uint64(len(part)))
		to = append(to, part...)
	}
	return to
}

// at reads the record that begins at an offset of what is in memory.
func (s *Sorter) at(offset int) Record {
	b := s.text[offset:]
	r := Record{Hash: binary.BigEndian.Uint64(b)}
	b = b[8:]
	for _, part := range [...]*[]byte{&r.Key, &r.Item, &r.Value} {
		n, w := binary.Uvarint(b)
		*part, b = b[w:w+int(n):w+int(n)], b[w+int(n):]
	}
	return r
}

func (s *Sorter) order(a, b *Record) int {
	if c := cmp.Or(cmp.Compare(a.Hash, b.Hash), bytes.Compare(a.Key, b.Key)); c != 0 || !s.byItem {
		return c
	}
	return bytes.Compare(a.Item, b.Item)
}

func (s *Sorter) sort() {
	slices.SortStableFunc(s.index, func(a, b int) int {
		x, y := s.at(a), s.at(b)
		return s.order(&x, &y)
	})
}

// spill writes what is in memory to a run of its own.
func (s *Sorter) spill() error {
	s.sort()
	run, err := s.write(func(add func(Record) error) error {
		for _, offset := range s.index {
			if err := add(s.at(offset)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	s.text, s.index = s.text[:0], s.index[:0]
	if len(s.runs) < maxRuns {
		return nil
	}
	return s.compact()
}

// compact merges all runs to one.
func (s *Sorter) compact() error {
	run, err := s.write(func(add func(Record) error) error { return s.merge(add) })
	if err != nil {
		return err
	}
	err = s.drop()
	s.runs = append(s.runs, run)
	return err
}

// write writes a run.
func (s *Sorter) write(records func(add func(Record) error) error) (run *os.File, err error) {
	f, err := os.CreateTemp("", "leat-sort-*")
	if err != nil {
		return nil, fmt.Errorf("sort: %w", err)
	}
	w := bufio.NewWriterSize(f, bufferBytes)
	var line []byte
	err = records(func(r Record) error {
		line = appendRecord(line[:0], r)
		_, err := w.Write(line)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sort: %w", err), f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// Each calls f for all records in order. After it the sorter may be added to no more; Each may be called again.
func (s *Sorter) Each(f func(Record) error) error {
	if len(s.runs) > 0 && len(s.index) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if len(s.runs) > 0 {
		return s.merge(f)
	}
	s.sort()
	for _, offset := range s.index {
		if err := f(s.at(offset)); err != nil {
			return err
		}
	}
	return nil
}

// merge goes through all runs at once, from their beginnings.
func (s *Sorter) merge(f func(Record) error) error {
	m := merging{order: s.order}
	for i, file := range s.runs {
		r := &run{number: i, from: bufio.NewReaderSize(io.NewSectionReader(file, 0, 1<<62), bufferBytes)}
		more, err := r.next()
		if err != nil {
			return err
		}
		if more {
			m.runs = append(m.runs, r)
		}
	}
	heap.Init(&m)
	for len(m.runs) > 0 {
		r := m.runs[0]
		if err := f(r.head); err != nil {
			return err
		}
		more, err := r.next()
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(&m, 0)
		default:
			heap.Pop(&m)
		}
	}
	return nil
}

// drop removes the runs.
func (s *Sorter) drop() error {
	var errs []error
	for _, f := range s.runs {
		errs = append(errs, f.Close(), os.Remove(f.Name()))
	}
	s.runs = nil
	return errors.Join(errs...)
}

// Close removes what was written.
func (s *Sorter) Close() error {
	s.text, s.index = nil, nil
	return s.drop()
}

// run is a run that is being read.
type run struct {
	number int
	from   *bufio.Reader
	head   Record
	text   []byte
}

// next reads the next record; false is the end.
func (r *run) next() (bool, error) {
	var hash [8]byte
	if _, err := io.ReadFull(r.from, hash[:]); err == io.EOF {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("sort: %w", err)
	}
	r.head.Hash = binary.BigEndian.Uint64(hash[:])
	r.text = r.text[:0]
	var ends [3]int
	for i := range ends {
		n, err := binary.ReadUvarint(r.from)
		if err != nil {
			return false, fmt.Errorf("sort: %w", err)
		}
		from := len(r.text)
		r.text = slices.Grow(r.text, int(n))[:from+int(n)]
		if _, err := io.ReadFull(r.from, r.text[from:]); err != nil {
			return false, fmt.Errorf("sort: %w", err)
		}
		ends[i] = len(r.text)
	}
	r.head.Key, r.head.Item, r.head.Value = r.text[:ends[0]:ends[0]], r.text[ends[0]:ends[1]:ends[1]], r.text[ends[1]:ends[2]:ends[2]]
	return true, nil
}

// merging is the runs, the one with the least record first; of equal ones that which was written first.
type merging struct {
	runs  []*run
	order func(a, b *Record) int
}

func (m *merging) Len() int { return len(m.runs) }
func (m *merging) Less(i, j int) bool {
	a, b := m.runs[i], m.runs[j]
	return cmp.Or(m.order(&a.head, &b.head), cmp.Compare(a.number, b.number)) < 0
}
func (m *merging) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }
func (m *merging) Push(any)      {} // nothing is added once the runs are known
func (m *merging) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}
