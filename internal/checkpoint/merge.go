package checkpoint

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"slices"

	"leat.dev/leat/internal/store"
)

// layers is where the sections of one state in one key group lie, in the files of a chain: the newest first. The last one is
// whole, and what is behind one that is whole does not count.
type layers []layer

type layer struct {
	file    File
	section section
}

// layout is where the sections of a chain lie.
type layout struct {
	order  []spot // in which they lie in the oldest files
	layers map[spot]layers
}

// layOut orders the sections of files with the same key groups.
func layOut(m *Manifest, files []File, index func(File) ([]section, error)) (*layout, error) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(m.writer(a), m.writer(b)) })
	l := &layout{layers: map[spot]layers{}}
	for _, f := range files {
		sections, err := index(f)
		if err != nil {
			return nil, err
		}
		for _, s := range sections {
			l.add(f, s)
		}
	}
	for _, at := range l.order {
		if all := l.layers[at]; all[len(all)-1].section.Difference {
			f := all[len(all)-1].file
			return nil, fmt.Errorf("%s: %w: state %s, key group %d: what it is a difference to is in no file", f.Name, ErrDamaged, at.state, at.group)
		}
	}
	return l, nil
}

// add puts a section of a file before those of older ones.
func (l *layout) add(f File, s section) {
	at := spot{s.State, s.Group}
	have, known := l.layers[at]
	if !known {
		l.order = append(l.order, at)
	}
	if !s.Difference {
		have = nil
	}
	l.layers[at] = append(layers{{f, s}}, have...)
}

// entries is how many there are at most, and bytes how much they take.
func (l layers) entries() (n int64) {
	for _, x := range l {
		n += x.section.Entries
	}
	return n
}

func (l layers) bytes() (n int64) {
	for _, x := range l {
		n += x.section.Bytes
	}
	return n
}

// ranges are an operator's files by the key groups that they have: those of one chain together.
func ranges(files []File) [][]File {
	by := map[[2]int]int{}
	var all [][]File
	for _, f := range files {
		at, ok := by[[2]int{f.From, f.To}]
		if !ok {
			at = len(all)
			by[[2]int{f.From, f.To}] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], f)
	}
	return all
}

// Subtasks is how many have written the operator's files.
func (o *Operator) Subtasks() int { return len(ranges(o.Files)) }

// digest stands for a key, or a key and an item: 128 bits that nobody can aim at.
type digest [2]uint64

var digestSeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// mergeReader reads the entries that the sections of a chain make up: the newest section first, and of each older one what none
// before has taken the place of. It keeps a digest of each entry of the differences.
type mergeReader struct {
	layers  layers
	open    func(File) (store.Piece, error)
	at      int // of the layer that r reads
	r       *sectionReader
	hidden  map[digest]int // keys and items, by the newest layer that has something of them
	gone    map[digest]int // keys, by the newest layer that has forgotten them
	scratch []byte
	failed  bool // reading has: the error names the file
}

func newMergeReader(l layers, open func(File) (store.Piece, error)) *mergeReader {
	return &mergeReader{layers: l, open: open, at: -1, hidden: map[digest]int{}, gone: map[digest]int{}}
}

// Entries is how many entries the whole section has, which the differences change.
func (m *mergeReader) Entries() int {
	s := m.layers[len(m.layers)-1].section
	return int(max(min(s.Entries, s.Bytes/leastEntry), 0))
}

// file is the one that is read.
func (m *mergeReader) file() File { return m.layers[max(m.at, 0)].file }

// Next reads an entry.
func (m *mergeReader) Next() (key, item, value []byte, err error) {
	for {
		key, item, value, ok, err := m.step()
		switch {
		case err == io.EOF && m.at == len(m.layers)-1:
			return nil, nil, nil, io.EOF
		case err == io.EOF:
			m.r = nil
		case err != nil:
			m.failed = true
			return nil, nil, nil, inFile(m.file(), err)
		case ok:
			return key, item, value, nil
		}
	}
}

// step reads one entry of a section, and says whether it counts.
func (m *mergeReader) step() (key, item, value []byte, ok bool, err error) {
	if m.r == nil {
		if err := m.nextLayer(); err != nil {
			return nil, nil, nil, false, err
		}
	}
	op, key, item, value, err := m.r.next()
	if err != nil {
		return nil, nil, nil, false, err
	}
	return key, item, value, m.counts(op, key, item), nil
}

func (m *mergeReader) nextLayer() error {
	m.at++
	x := m.layers[m.at]
	p, err := m.open(x.file)
	if err == nil {
		m.r, err = newSectionReader(p, x.section)
	}
	return err
}

// counts notes what an entry hides of older layers, and says whether it puts something that no newer one hides.
func (m *mergeReader) counts(op Op, key, item []byte) bool {
	if len(m.layers) == 1 || !m.r.differs && len(m.hidden)+len(m.gone) == 0 {
		return op == OpPut
	}
	of := m.digest(key, nil)
	if op == OpForget {
		note(m.gone, of, m.at)
		return false
	}
	if by, ok := m.gone[of]; ok && by < m.at {
		return false
	}
	of = m.digest(key, item)
	if !m.r.differs {
		_, ok := m.hidden[of]
		return !ok
	}
	return note(m.hidden, of, m.at) == m.at && op == OpPut
}

// note notes that a layer hides something, and returns the newest one that does.
func note(in map[digest]int, of digest, layer int) int {
	if by, ok := in[of]; ok {
		return by
	}
	in[of] = layer
	return layer
}

func (m *mergeReader) digest(key, item []byte) (d digest) {
	m.scratch = binary.AppendUvarint(m.scratch[:0], uint64(len(key)))
	m.scratch = append(append(m.scratch, key...), item...)
	for i := range d {
		d[i] = maphash.Bytes(digestSeeds[i], m.scratch)
	}
	return d
}
