package heap

import (
	"math/bits"
	"slices"
	"unsafe"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// single is a state of one V a key: a column.
type single[V any] struct {
	core  *core
	space *Space
	info  backend.State
	reads backend.Reading[V]
	fam   *Family[V]
	cols  []Column[V]
	lease *lease // nil without a TTL
}

func newSingle[V any](c *core, info backend.State, cd codec.Codec[V]) single[V] {
	f := NewFamily(c.space, encoder(cd), codec.HoldsReferences[V]())
	f.image = codec.ImageBytes(cd)
	info.Value, info.Reads, info.Values = cd.Schema(), backend.ReadsValues(cd), backend.BoxedBy(cd)
	return single[V]{core: c, space: c.space, info: info, reads: backend.Reading[V]{Codec: cd}, fam: f, cols: columns(c, f)}
}

// encoder is how a codec appends from a pointer, without a copy where it can.
func encoder[V any](c codec.Codec[V]) func([]byte, *V) ([]byte, error) {
	if p, ok := c.(codec.InPlace[V]); ok {
		return p.AppendPtr
	}
	return func(to []byte, v *V) ([]byte, error) { return c.Append(to, *v) }
}

func (s *single[V]) describe() backend.State    { return s.info }
func (s *single[V]) has(g int, row uint32) bool { return s.cols[g].Has(row) }
func (s *single[V]) reclaim()                   {}

func (s *single[V]) lines(to []uintptr, places []uint64) []uintptr {
	for _, p := range places {
		to = s.cols[p>>32].Lines(to, uint32(p))
	}
	return to
}

// peek is the value of the key at hand, or nil.
func (s *single[V]) peek() *V {
	g, row, ok := s.core.known()
	if !ok {
		return nil
	}
	return s.cols[g].Peek(row)
}

func (s *single[V]) clear() {
	if g, row, ok := s.core.known(); ok && s.cols[g].Delete(row) {
		s.core.loosen(g, row)
	}
}

func (s *single[V]) expect(was backend.State) error { return s.reads.Use(was.Value) }

func (s *single[V]) restore(g int, row uint32, item, value []byte) error {
	return s.add(g, row, item, value, s.reads.Decode)
}

func (s *single[V]) add(g int, row uint32, item, value []byte, decode func([]byte) (V, error)) error {
	if len(item) > 0 {
		return errItem
	}
	if s.cols[g].Has(row) {
		return errTwice
	}
	value, err := s.lease.take(g, row, value)
	if err != nil {
		return err
	}
	v, err := decode(value)
	if err == nil {
		s.cols[g].Set(row, v)
	}
	return err
}

func (s *single[V]) freeze(t *Ticket) frozenState {
	z := &frozenSingle[V]{cols: s.fam.FreezeAll(s.cols, t), stamps: s.lease.freeze(t)}
	s.fam.Trim()
	return z
}

type frozenSingle[V any] struct {
	cols    []Frozen[V]
	stamps  frozenStamps
	scratch Scratch
}

func (z *frozenSingle[V]) persist(g int, w *entries) error {
	col := &z.cols[g]
	put := func(row uint32, value []byte) error { return w.put(row, nil, z.stamps.with(w, row, value)) }
	for i := range col.Chunks() {
		var err error
		if w.framer != nil && !col.fam.refs && z.stamps == nil {
			err = col.frame(i, w)
		} else {
			err = col.Encode(i, &z.scratch, put)
		}
		if err != nil {
			return err
		}
		col.Done(i)
	}
	return nil
}

func (z *frozenSingle[V]) changes(g int, of *snapshot) changed {
	return z.cols[g].changed(of.since).with(&of.freed[g], of.since)
}

func (z *frozenSingle[V]) differ(g int, w *entries) error {
	col := &z.cols[g]
	put := func(row uint32, value []byte) error { return w.put(row, nil, z.stamps.with(w, row, value)) }
	for i := range col.Chunks() {
		rows := col.Changed(i, w.z.since)
		if err := col.encode(i, rows, &z.scratch, put); err != nil {
			return err
		}
		for word, present := range col.chunks[i].present {
			rows[word] &^= present
		}
		if err := changedRows(rows, i, w.absent); err != nil {
			return err
		}
		col.Done(i)
	}
	return w.z.freed[g].write(w)
}

func (z *frozenSingle[V]) leave(g int) { z.cols[g].DoneAll() }

// frame encodes the values of a chunk, whose memory nobody changes, straight into what the framer lends.
func (z *Frozen[V]) frame(chunk int, w *entries) (err error) {
	k, encode := z.chunks[chunk], z.fam.encode
	if k.present == ([len(k.present)]uint64{}) {
		return nil
	}
	if err := w.begin(); err != nil {
		return err
	}
	to := w.lent
	images, width := w.z.keys.images(w.g, chunk)
	if n := z.fam.image; images != nil && n > 0 && n < 1<<7 {
		return w.images(&k.present, images, width, unsafe.Pointer(unsafe.SliceData(k.vals)), n)
	}
	for word, set := range k.present {
		for ; set != 0; set &= set - 1 {
			lo := word<<6 | bits.TrailingZeros64(set)
			if images != nil {
				to = image(to, images, width, lo)
			} else {
				to = w.keyed(to, uint32(chunk<<chunkShift|lo), nil)
			}
			to = append(to, 0)
			at := len(to)
			if to, err = encode(to, &k.vals[lo]); err != nil {
				return err
			}
			to = framed(to, at)
			if w.n++; len(to) >= backend.FrameBytes {
				if to, err = w.exchange(to); err != nil {
					return err
				}
			}
		}
	}
	w.lent = to
	return nil
}

// images appends the entries of a chunk whose keys and values are written as they lie in memory.
func (e *entries) images(present *[chunkRows / 64]uint64, keys unsafe.Pointer, keyBytes int, values unsafe.Pointer, valueBytes int) (err error) {
	size := keyBytes + valueBytes + 3
	to := slices.Grow(e.lent, chunkRows*size)
	for word, set := range present {
		for ; set != 0; set &= set - 1 {
			lo := word<<6 | bits.TrailingZeros64(set)
			key, value := unsafe.Add(keys, lo*keyBytes), unsafe.Add(values, lo*valueBytes)
			at := len(to)
			to = to[:at+size]
			if keyBytes == 8 && valueBytes == 8 {
				eights((*[19]byte)(to[at:]), (*[8]byte)(key), (*[8]byte)(value))
			} else {
				imageEntry(to[at:], unsafe.Slice((*byte)(key), keyBytes), unsafe.Slice((*byte)(value), valueBytes))
			}
			if e.n++; len(to) >= backend.FrameBytes {
				if to, err = e.exchange(to); err != nil {
					return err
				}
				to = slices.Grow(to, chunkRows*size)
			}
		}
	}
	e.lent = to
	return nil
}

// imageEntry writes an entry of a key and a value, without an item.
func imageEntry(to, key, value []byte) {
	to[0] = byte(len(key))
	n := 1 + copy(to[1:], key)
	to[n], to[n+1] = 0, byte(len(value))
	copy(to[n+2:], value)
}

// eights is imageEntry for a key and a value of eight bytes each.
func eights(to *[19]byte, key, value *[8]byte) {
	to[0], to[9], to[10] = 8, 0, 8
	*(*[8]byte)(to[1:9]) = *key
	*(*[8]byte)(to[11:]) = *value
}
