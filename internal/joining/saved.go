package joining

import (
	"fmt"
	"reflect"
	"sync"

	"leat.dev/leat/codec"
)

// saved is an accumulator of window joins as snapshots have it: the codec is that of this type, so that records evolve
// as they do in any other state.
type saved[T, U any] struct {
	First  []T
	Second []U
	Parts  []part
}

// keptCodec is the codec of accumulators of window joins.
type keptCodec[T, U any] struct {
	inner  codec.Codec[saved[T, U]]
	schema codec.Schema
	spare  sync.Pool // of *saved[T, U]
}

func newKeptCodec[T, U any](set *codec.Set) (*keptCodec[T, U], error) {
	inner, err := codec.Derive[saved[T, U]](set)
	if err != nil {
		return nil, err
	}
	schema := inner.Schema()
	schema.Name = fmt.Sprintf("records of %v and %v", reflect.TypeFor[T](), reflect.TypeFor[U]())
	return &keptCodec[T, U]{inner: inner, schema: schema}, nil
}

func (c *keptCodec[T, U]) Schema() codec.Schema { return c.schema }

func (c *keptCodec[T, U]) Append(to []byte, k Kept[T, U]) ([]byte, error) { return c.AppendPtr(to, &k) }

// AppendPtr encodes an accumulator where it is.
func (c *keptCodec[T, U]) AppendPtr(to []byte, k *Kept[T, U]) ([]byte, error) {
	s, _ := c.spare.Get().(*saved[T, U])
	if s == nil {
		s = new(saved[T, U])
	}
	s.First, s.Second = k.All()
	s.Parts = k.parts()
	to, err := appendSaved(c.inner, to, s)
	*s = saved[T, U]{}
	c.spare.Put(s)
	return to, err
}

func appendSaved[S any](c codec.Codec[S], to []byte, s *S) ([]byte, error) {
	if p, ok := c.(codec.InPlace[S]); ok {
		return p.AppendPtr(to, s)
	}
	return c.Append(to, *s)
}

func (c *keptCodec[T, U]) Decode(from []byte) (Kept[T, U], error) {
	s, err := c.inner.Decode(from)
	return s.kept(err)
}

// DecodePtr overwrites *k.
func (c *keptCodec[T, U]) DecodePtr(from []byte, k *Kept[T, U]) (err error) {
	*k, err = c.Decode(from)
	return err
}

// Resolve reads what another schema of the records wrote.
func (c *keptCodec[T, U]) Resolve(writer codec.Schema) (func([]byte) (Kept[T, U], error), error) {
	read, err := codec.ReaderOf(c.inner, writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (Kept[T, U], error) {
		s, err := read(from)
		return s.kept(err)
	}, nil
}

func (s *saved[T, U]) kept(err error) (k Kept[T, U], _ error) {
	if err != nil {
		return k, err
	}
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
