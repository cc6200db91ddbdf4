package joining

import (
	"fmt"
	"reflect"
	"sync"

	"leat.dev/leat/codec"
)

// storing encodes values of M as values of S, which snapshots have in their place: so the records within evolve as they
// do in any other state, whatever M looks like.
type storing[M, S any] struct {
	inner  codec.Codec[S]
	schema codec.Schema
	pack   func(*S, *M)
	unpack func(*S) (M, error)
	spare  sync.Pool // of *S
}

func newStoring[M, S any](set *codec.Set, name string, pack func(*S, *M), unpack func(*S) (M, error)) (*storing[M, S], error) {
	inner, err := codec.Derive[S](set)
	if err != nil {
		return nil, err
	}
	schema := inner.Schema()
	schema.Name = name
	return &storing[M, S]{inner: inner, schema: schema, pack: pack, unpack: unpack}, nil
}

func (c *storing[M, S]) Schema() codec.Schema { return c.schema }

func (c *storing[M, S]) Append(to []byte, m M) ([]byte, error) { return c.AppendPtr(to, &m) }

// AppendPtr encodes a value where it is.
func (c *storing[M, S]) AppendPtr(to []byte, m *M) ([]byte, error) {
	s, _ := c.spare.Get().(*S)
	if s == nil {
		s = new(S)
	}
	c.pack(s, m)
	to, err := c.append(to, s)
	var zero S
	*s = zero
	c.spare.Put(s)
	return to, err
}

func (c *storing[M, S]) append(to []byte, s *S) ([]byte, error) {
	if p, ok := c.inner.(codec.InPlace[S]); ok {
		return p.AppendPtr(to, s)
	}
	return c.inner.Append(to, *s)
}

func (c *storing[M, S]) Decode(from []byte) (M, error) { return c.read(c.inner.Decode, from) }

// DecodePtr overwrites *m.
func (c *storing[M, S]) DecodePtr(from []byte, m *M) (err error) {
	*m, err = c.Decode(from)
	return err
}

// Resolve reads what another schema of the records wrote.
func (c *storing[M, S]) Resolve(writer codec.Schema) (func([]byte) (M, error), error) {
	decode, err := codec.ReaderOf(c.inner, writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (M, error) { return c.read(decode, from) }, nil
}

func (c *storing[M, S]) read(decode func([]byte) (S, error), from []byte) (m M, err error) {
	s, err := decode(from)
	if err != nil {
		return m, err
	}
	return c.unpack(&s)
}

// savedKept is an accumulator of window joins as snapshots have it.
type savedKept[T, U any] struct {
	First  []T
	Second []U
	Parts  []part
}

func newKeptCodec[T, U any](set *codec.Set) (codec.Codec[Kept[T, U]], error) {
	name := fmt.Sprintf("records of %v and %v", reflect.TypeFor[T](), reflect.TypeFor[U]())
	return newStoring(set, name, packKept[T, U], unpackKept[T, U])
}

func packKept[T, U any](s *savedKept[T, U], k *Kept[T, U]) {
	s.First, s.Second = k.All()
	s.Parts = k.parts()
}

func unpackKept[T, U any](s *savedKept[T, U]) (k Kept[T, U], err error) {
	var all part
	for _, p := range s.Parts {
		if p.First < 0 || p.Second < 0 || p.First > len(s.First)-all.First || p.Second > len(s.Second)-all.Second {
			return k, fmt.Errorf("parts of more records than there are: %w", codec.ErrCorrupt)
		}
		all.First += p.First
		all.Second += p.Second
	}
	k.set(s.First, s.Second, s.Parts)
	return k, nil
}

// savedCell is a cell as snapshots have it.
type savedCell[V any] struct {
	Paired  bool
	Records []V
}

func newCellCodec[V any](set *codec.Set) (codec.Codec[cell[V]], error) {
	return newStoring(set, fmt.Sprintf("records of %v", reflect.TypeFor[V]()), packCell[V], unpackCell[V])
}

func packCell[V any](s *savedCell[V], c *cell[V]) { s.Paired, s.Records = c.paired, c.records() }

func unpackCell[V any](s *savedCell[V]) (c cell[V], err error) {
	if len(s.Records) == 0 {
		return c, fmt.Errorf("a time without records: %w", codec.ErrCorrupt)
	}
	c.paired = s.Paired
	if len(s.Records) == 1 {
		c.one[0] = s.Records[0]
	} else {
		c.several = s.Records
	}
	return c, nil
}
