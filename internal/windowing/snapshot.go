package windowing

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/keygroup"
)

// Names of states.
const (
	slicesState   = "slices"
	panesState    = "panes"
	sessionsState = "sessions"
)

// timeBytes is the size of a time as an item of a state: big endian with the sign flipped, so that bytes sort as times.
const timeBytes = 8

func appendTime(to []byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(to, uint64(at)^1<<63)
}

func decodeTime(item []byte) (int64, error) {
	if len(item) != timeBytes {
		return 0, fmt.Errorf("a time of %d bytes: %w", len(item), codec.ErrCorrupt)
	}
	return int64(binary.BigEndian.Uint64(item) ^ 1<<63), nil
}

// frozen is one table of a state as it was at a barrier.
type frozen[R any] struct {
	rows  heap.Frozen[R]
	n     int   // how many rows
	from  int   // those before have fired
	at    int64 // what the item of the table's entries is made of
	order groupOrder
	// Where values hold references: their encodings, and where in it that of a row is.
	text  []byte
	spans [][2]int
}

// dump writes one state.
type dump[R any] struct {
	state  string
	tables []*frozen[R]
	max    int
	from   int
	groups int
	refs   bool
	// Of a row: its hash; its key and item, which are appended; its value, likewise.
	hash  func(*R) uint64
	key   func([]byte, *R) []byte
	item  func([]byte, *frozen[R], *R) []byte
	value func([]byte, *R) ([]byte, error)
	skip  func(group int, t *frozen[R]) bool // nil: nothing is left out
}

func (d *dump[R]) persist(w backend.Writer) error {
	for _, t := range d.tables {
		if err := d.prepare(t); err != nil {
			return err
		}
	}
	var buf [3][]byte
	for g := range d.groups {
		if err := w.Begin(d.state, d.from+g); err != nil {
			return err
		}
		for _, t := range d.tables {
			if d.skip != nil && d.skip(g, t) {
				continue
			}
			if err := d.rows(w, t, t.order.of(g), &buf); err != nil {
				return err
			}
		}
	}
	for _, t := range d.tables {
		t.rows.DoneAll()
	}
	return nil
}

// prepare sorts a table by key group. Values that hold references are encoded now, for the owner may change what they
// refer to as soon as that is done.
func (d *dump[R]) prepare(t *frozen[R]) error {
	t.order.sort(t.n, d.groups, func(row uint32) int {
		r := t.rows.At(row)
		if r == nil || int(row) < t.from {
			return -1
		}
		return keygroup.Of(d.hash(r), d.max) - d.from
	})
	if !d.refs {
		return nil
	}
	t.spans = make([][2]int, t.n)
	var scratch heap.Scratch
	for chunk := range t.rows.Chunks() {
		err := t.rows.Encode(chunk, &scratch, func(row uint32, value []byte) error {
			from := len(t.text)
			t.text = append(t.text, value...)
			t.spans[row] = [2]int{from, len(t.text)}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *dump[R]) rows(w backend.Writer, t *frozen[R], rows []uint32, buf *[3][]byte) (err error) {
	key, item, value := &buf[0], &buf[1], &buf[2]
	for _, row := range rows {
		r := t.rows.At(row)
		*key, *item = d.key((*key)[:0], r), d.item((*item)[:0], t, r)
		text := t.text
		if d.refs {
			text = text[t.spans[row][0]:t.spans[row][1]]
		} else if *value, err = d.value((*value)[:0], r); err != nil {
			return err
		} else {
			text = *value
		}
		if err := w.Entry(*key, *item, text); err != nil {
			return err
		}
	}
	return nil
}

// snapshot is that of an operator.
type snapshot struct {
	ticket *heap.Ticket
	dumps  []interface {
		persist(w backend.Writer) error
	}
}

func (s *snapshot) Persist(w backend.Writer) error {
	for _, d := range s.dumps {
		if err := d.persist(w); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) Release() { s.ticket.Release() }

// freeze freezes a shelf.
func (h *shelf[K, A]) freeze(t *heap.Ticket) []*frozen[Entry[K, A]] {
	columns := make([]heap.Column[Entry[K, A]], len(h.all))
	for i, s := range h.all {
		columns[i] = s.rows
	}
	out := make([]*frozen[Entry[K, A]], len(h.all))
	for i, rows := range h.family.FreezeAll(columns, t) {
		out[i] = &frozen[Entry[K, A]]{rows: rows, n: h.all[i].n, at: h.all[i].start}
	}
	h.family.Trim()
	return out
}

// shelfDump writes a shelf: the item of an entry is its slice.
func shelfDump[K comparable, A, B any](
	b *base[K, A], state string, tables []*frozen[Entry[K, B]], refs bool, encode func([]byte, *B) ([]byte, error),
) *dump[Entry[K, B]] {
	return &dump[Entry[K, B]]{
		state: state, tables: tables, max: b.Max, from: b.From, groups: b.To - b.From, refs: refs,
		hash:  func(e *Entry[K, B]) uint64 { return e.Hash },
		key:   func(to []byte, e *Entry[K, B]) []byte { return b.Keys.Append(to, e.Key) },
		item:  func(to []byte, t *frozen[Entry[K, B]], _ *Entry[K, B]) []byte { return appendTime(to, t.at) },
		value: func(to []byte, e *Entry[K, B]) ([]byte, error) { return encode(to, &e.Acc) },
	}
}

// States are the slices and, for windows that fired more than once, how often they did.
func (o *sliced[K, A]) States() []backend.State {
	slices := o.accumulators(slicesState, backend.Slices, codec.Opaque(o.spans.sliceName()))
	panes := backend.State{
		Name: panesState, Kind: backend.Slices, Type: "uint32", Time: o.spans.time(),
		Item: codec.Opaque("end of " + o.spans.spec.String()), Value: codec.Opaque("uvarint"),
	}
	panes.Reads = func(was backend.State) error {
		if was.Value.Fingerprint != panes.Value.Fingerprint {
			return errors.New("their numbers are written in another way")
		}
		return sameWindows(was, panes)
	}
	return []backend.State{slices, panes}
}

// accumulators describes a state of accumulators. They may be of an older schema, but of the same windows.
func (b *base[K, A]) accumulators(name string, kind backend.Kind, item codec.Schema) backend.State {
	acc := b.acc.Schema()
	s := backend.State{Name: name, Kind: kind, Type: acc.Name, Time: b.spans.time(), Item: item, Value: acc}
	values := backend.ReadsValues(b.acc)
	s.Reads = func(was backend.State) error { return errors.Join(sameWindows(was, s), values(was)) }
	return s
}

func sameWindows(was, is backend.State) error {
	if was.Item.Fingerprint == is.Item.Fingerprint {
		return nil
	}
	return fmt.Errorf("the windows are others: what it has is by %s and would have to be by %s", was.Item.Name, is.Item.Name)
}

// expect prepares for the entries of a state of accumulators that a snapshot describes.
func (b *base[K, A]) expect(was, is backend.State) error {
	if was.Kind != is.Kind {
		return fmt.Errorf("its kind was %s and is %s", was.KindText(), is.KindText())
	}
	if err := sameWindows(was, is); err != nil {
		return err
	}
	return b.reads.Use(was.Value)
}

// Snapshot freezes slices and counts, and remembers how far firing has come: slices whose windows are over in one key
// group may be there for the sake of another.
func (o *sliced[K, A]) Snapshot(backend.Request) backend.Snapshot {
	ticket := o.space.Freeze()
	progress := make([]int64, len(o.groups))
	for g := range progress {
		progress[g] = o.progress(g)
	}
	tables := o.shelf.freeze(ticket)
	if o.firing && o.row > 0 {
		tables[o.shelf.place(o.spans.startOf(o.end))].from = o.row
	}
	slices := shelfDump(o.base, slicesState, tables, o.refs, o.encode)
	spans := o.spans.clone() // the snapshot is written while the operator goes on
	slices.skip = func(g int, t *frozen[Entry[K, A]]) bool {
		_, last, _ := spans.ends(t.at)
		return spans.over(last, progress[g])
	}
	panes := shelfDump(o.base, panesState, o.panes.freeze(ticket), false, encodeCount)
	panes.skip = func(g int, t *frozen[Entry[K, uint32]]) bool { return spans.over(t.at, progress[g]) }
	s := &snapshot{ticket: ticket}
	s.dumps = append(s.dumps, slices, panes)
	return s
}

// Restore reads slices or counts.
func (o *sliced[K, A]) Restore(was backend.State, state string, group int, r backend.Reader) error {
	states := o.States()
	switch state {
	case slicesState:
		if err := o.expect(was, states[0]); err != nil {
			return fmt.Errorf("state %s: %w", state, err)
		}
		return o.entries(state, group, r, o.restoreSlice)
	case panesState:
		if err := states[1].CanRead(was); err != nil {
			return fmt.Errorf("state %s: %w", state, err)
		}
		return o.entries(state, group, r, o.restoreCount)
	}
	return fmt.Errorf("state %s: %v have none of this name", state, o.spans.spec)
}

// entries reads all entries of one state and key group.
func (b *base[K, A]) entries(state string, group int, r backend.Reader, take func(hash uint64, key K, at int64, value []byte) error) error {
	for {
		text, item, value, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.entry(group, text, item, value, take); err != nil {
			return fmt.Errorf("state %s, key group %d: %w", state, group, err)
		}
	}
}

func (b *base[K, A]) entry(group int, text, item, value []byte, take func(uint64, K, int64, []byte) error) error {
	key, err := b.Keys.Decode(text)
	if err != nil {
		return err
	}
	hash := b.Keys.Hash(key)
	if g := keygroup.Of(hash, b.Max); g != group || g < b.From || g >= b.To {
		return fmt.Errorf("key %v belongs to key group %d: %w", key, g, codec.ErrCorrupt)
	}
	at, err := decodeTime(item)
	if err != nil {
		return fmt.Errorf("key %v: %w", key, err)
	}
	if err := take(hash, key, at, value); err != nil {
		return fmt.Errorf("key %v: %w", key, err)
	}
	return nil
}

func (o *sliced[K, A]) restoreSlice(hash uint64, key K, at int64, value []byte) error {
	if !o.spans.aligned(at) {
		return fmt.Errorf("a slice at %d, where %v have none: %w", at, o.spans.spec, codec.ErrCorrupt)
	}
	acc, err := o.reads.Decode(value)
	if err != nil {
		return err
	}
	return o.restoreAcc(at, hash, key, acc)
}

func (o *sliced[K, A]) restoreCount(hash uint64, key K, at int64, value []byte) error {
	if !o.spans.windowEnd(at) {
		return fmt.Errorf("a window that ends at %d, where none of %v does: %w", at, o.spans.spec, codec.ErrCorrupt)
	}
	n, size := binary.Uvarint(value)
	if size != len(value) || size <= 0 || n > math.MaxUint32 {
		return fmt.Errorf("a number of panes in %d bytes: %w", len(value), codec.ErrCorrupt)
	}
	return restoreRow(&o.panes, at, hash, key, uint32(n))
}

// restoreAcc adds an accumulator. What was a log has several of one key and slice.
func (o *sliced[K, A]) restoreAcc(at int64, hash uint64, key K, acc A) error {
	if o.pairing == nil {
		return restoreRow(&o.shelf, at, hash, key, acc)
	}
	s := o.shelf.open(at)
	if o.shelf.log {
		s.rows.Set(uint32(s.n), Entry[K, A]{hash, key, acc})
		s.tags.add(o.pairing.Sides(&acc), hash)
		s.n++
		return nil
	}
	row, _ := s.at(hash, key)
	o.Merge(&s.rows.Ref(row).Acc, acc)
	return nil
}

func restoreRow[K comparable, A any](h *shelf[K, A], at int64, hash uint64, key K, acc A) error {
	s := h.open(at)
	row, fresh := s.at(hash, key)
	if !fresh {
		return fmt.Errorf("it occurs twice in the slice at %d: %w", at, codec.ErrCorrupt)
	}
	s.rows.Set(row, Entry[K, A]{hash, key, acc})
	return nil
}
