package backendtest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"

	"leat.dev/leat/internal/backend"
)

// section is one state in one key group.
type section struct {
	state string
	group int
}

// Entry is one entry of a snapshot.
type Entry struct{ Key, Item, Value []byte }

// Memory is a writer that keeps the entries.
type Memory struct {
	sections map[section][]Entry
	differs  map[section]*difference
	current  section
}

// difference is what a section takes away from the one before it.
type difference struct {
	deleted map[[2]string]bool // keys and items
	gone    map[string]bool    // keys
}

// NewMemory makes an empty writer.
func NewMemory() *Memory {
	return &Memory{sections: map[section][]Entry{}, differs: map[section]*difference{}}
}

// BeginDifference begins a state and group that differs from an older one.
func (m *Memory) BeginDifference(state string, group int) error {
	err := m.Begin(state, group)
	m.differs[m.current] = &difference{map[[2]string]bool{}, map[string]bool{}}
	return err
}

// Delete takes an item of a key away.
func (m *Memory) Delete(key, item []byte) error {
	if m.differs[m.current] == nil {
		return fmt.Errorf("%v: something is deleted from what is whole", m.current)
	}
	m.differs[m.current].deleted[[2]string{string(key), string(item)}] = true
	return nil
}

// Forget takes a key away.
func (m *Memory) Forget(key []byte) error {
	if m.differs[m.current] == nil {
		return fmt.Errorf("%v: something is forgotten of what is whole", m.current)
	}
	m.differs[m.current].gone[string(key)] = true
	return nil
}

// Over is all that there is where m was written as a difference to a base, or is whole: nil.
func (m *Memory) Over(base *Memory) *Memory {
	out := NewMemory()
	if base != nil {
		maps.Copy(out.sections, base.sections)
	}
	for name, entries := range m.sections {
		d := m.differs[name]
		if d == nil {
			out.sections[name] = entries
			continue
		}
		for _, e := range entries {
			d.deleted[[2]string{string(e.Key), string(e.Item)}] = true
		}
		var left []Entry
		for _, e := range base.Entries(name.state, name.group) {
			if !d.gone[string(e.Key)] && !d.deleted[[2]string{string(e.Key), string(e.Item)}] {
				left = append(left, e)
			}
		}
		out.sections[name] = append(left, entries...)
	}
	return out
}

// Differences is how many sections are differences.
func (m *Memory) Differences() int { return len(m.differs) }

// Begin begins a state and group.
func (m *Memory) Begin(state string, group int) error {
	m.current = section{state, group}
	if _, twice := m.sections[m.current]; twice {
		return fmt.Errorf("state %q, key group %d is begun twice", state, group)
	}
	m.sections[m.current] = nil
	return nil
}

// Entry keeps an entry.
func (m *Memory) Entry(key, item, value []byte) error {
	e := Entry{bytes.Clone(key), bytes.Clone(item), bytes.Clone(value)}
	m.sections[m.current] = append(m.sections[m.current], e)
	return nil
}

// Framed is a writer to m that lends memory: what is appended to it must be whole entries, given back when there are
// enough.
func (m *Memory) Framed() backend.Framer { return &framer{Memory: m} }

type framer struct {
	*Memory
	lent []byte
}

// Lend lends memory that is never empty nor large enough.
func (f *framer) Lend() []byte {
	f.lent = append(make([]byte, 0, 8), "lent"...)
	return f.lent
}

func (f *framer) Took(lent []byte, entries int) error {
	rest, ok := bytes.CutPrefix(lent, f.lent)
	if !ok {
		return fmt.Errorf("what was lent has become %x", lent)
	}
	for n := 0; n < entries; n++ {
		if len(lent)-len(rest) >= backend.FrameBytes {
			return fmt.Errorf("after %d of %d entries there was enough, and still it came not back", n, entries)
		}
		var parts [3][]byte
		for i := range parts {
			length, used := binary.Uvarint(rest)
			if used <= 0 || length > uint64(len(rest)-used) {
				return fmt.Errorf("entry %d of %d is cut off", n, entries)
			}
			parts[i], rest = rest[used:used+int(length)], rest[used+int(length):]
		}
		if err := f.Entry(parts[0], parts[1], parts[2]); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes behind %d entries", len(rest), entries)
	}
	return nil
}

// Entries returns the entries of a state in a key group.
func (m *Memory) Entries(state string, group int) []Entry { return m.sections[section{state, group}] }

// Read returns a reader of entries.
func Read(entries ...Entry) backend.Reader { return &reader{entries} }

type reader struct{ left []Entry }

func (r *reader) Next() (key, item, value []byte, err error) {
	if len(r.left) == 0 {
		return nil, nil, nil, io.EOF
	}
	e := r.left[0]
	r.left = r.left[1:]
	return e.Key, e.Item, e.Value, nil
}

// flight is a snapshot of all stores that is being written.
type flight struct {
	request backend.Request
	base    *flight          // that it is a difference to; nil: none
	want    map[place]string // what was in the model at the barrier
	times   times
	parts   []*Memory
	all     []*Memory // with what the base has
	errs    []error
	done    sync.WaitGroup
}

// request asks for a checkpoint to the newest that is complete, or for one that is whole.
func (r *run[K]) request() (to backend.Request, base *flight) {
	r.checkpoint++
	to = backend.Request{Checkpoint: r.checkpoint}
	if r.base != nil && r.rnd.IntN(10) > 0 {
		to.Base, base = r.base.request.Checkpoint, r.base
	}
	return to, base
}

// snapshot begins a snapshot, and writes it while the run goes on; some are given up.
func (r *run[K]) snapshot() {
	if len(r.flight) == 3 {
		r.land()
	}
	f := &flight{want: r.render(), times: r.times, parts: make([]*Memory, len(r.stores)), errs: make([]error, len(r.stores))}
	r.flight = append(r.flight, f)
	if r.rnd.IntN(5) == 0 {
		to, _ := r.request()
		for _, s := range r.stores {
			s.Snapshot(to).Release()
		}
	}
	f.request, f.base = r.request()
	for i, s := range r.stores {
		z := s.Snapshot(f.request)
		f.parts[i] = NewMemory()
		to := backend.Writer(f.parts[i])
		if r.rnd.IntN(2) == 0 {
			to = f.parts[i].Framed()
		}
		f.done.Go(func() {
			f.errs[i] = z.Persist(to)
			z.Release()
		})
	}
}

// land waits for the snapshots in flight and compares them. Some turn out to be complete, and are what later ones differ from.
func (r *run[K]) land() {
	for _, f := range r.flight {
		f.done.Wait()
		got := map[place]string{}
		f.all = make([]*Memory, len(f.parts))
		for i, p := range f.parts {
			if f.errs[i] != nil {
				r.t.Fatal(f.errs[i])
			}
			r.differences += p.Differences()
			if f.base == nil {
				p = p.Over(nil)
			} else {
				p = p.Over(f.base.all[i])
			}
			f.all[i] = p
			for name, entries := range p.sections {
				for _, e := range entries {
					if live := f.live(r.t, name.state, e.Value); live != "" {
						got[place{name.state, string(e.Key), string(e.Item)}] += live // lists have several
					}
				}
			}
		}
		r.equal(got, f.want)
		if r.rnd.IntN(4) > 0 {
			r.base = f
		}
		f.base, f.parts = nil, f.all
	}
	r.flight = r.flight[:0]
}

func (r *run[K]) equal(got, want map[place]string) {
	for k, v := range want {
		if got[k] != v {
			r.t.Fatalf("the snapshot has %s = %x, want %x", k, got[k], v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			r.t.Fatalf("the snapshot has %s = %x, want nothing", k, v)
		}
	}
}

// place is where an entry belongs.
type place struct{ state, key, item string }

func (p place) String() string { return fmt.Sprintf("%s[%x][%x]", p.state, p.key, p.item) }

// render is the whole model as entries.
func (r *run[K]) render() map[place]string {
	out := map[place]string{}
	for key, m := range r.model {
		k := string(r.suite.Keys.Append(nil, key))
		m.render(func(state string, item, value []byte) { out[place{state, k, string(item)}] = string(value) })
	}
	return out
}

func number(v int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

func (f *flight) keys() iter.Seq[section] {
	all := map[section]bool{}
	for _, p := range f.parts {
		for name := range p.sections {
			all[name] = true
		}
	}
	return maps.Keys(all)
}

func (f *flight) reader(name section) backend.Reader {
	for _, p := range f.parts {
		if entries, ok := p.sections[name]; ok {
			return Read(entries...)
		}
	}
	return Read()
}

func bySection(a, b section) int {
	return cmp.Or(cmp.Compare(a.state, b.state), cmp.Compare(a.group, b.group))
}

func sortedSections(f *flight) []section { return slices.SortedFunc(f.keys(), bySection) }
