package general

import (
	"errors"
	"reflect"
	"unsafe"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
)

// opened is an [open] whose accumulator lies elsewhere: in memory that the [pool] has given.
type opened struct {
	acc        unsafe.Pointer
	Start, End int64
	New, Panes uint32
	Held       bool
	Ended      bool
}

// list is a slice of a type that only [typed] knows.
type list struct {
	data     unsafe.Pointer
	len, cap int
}

func listOf[E any](s []E) list { return list{unsafe.Pointer(unsafe.SliceData(s)), len(s), cap(s)} }

func itemsOf[E any](l list) []E { return unsafe.Slice((*E)(l.data), l.cap)[:l.len] }

// join is a list with another one behind it.
func join[E any](a, b list) list { return listOf(append(itemsOf[E](a), itemsOf[E](b)...)) }

// coded is how the values of a state are written, and the name of the type that is written.
type coded[E any] struct {
	codec codec.Codec[E]
	of    string
}

func lists[E any](set *codec.Set) (coded[list], error) {
	c, err := codec.Derive[[]E](set)
	return coded[list]{&erasing[[]E, list]{c, listOf[E], itemsOf[E]}, reflect.TypeFor[[]E]().String()}, err
}

// erasing is the codec of a type that stands for another, as which it is written. Decoding is for the operator's goroutine alone:
// it may use what the operator has in reserve.
type erasing[T, E any] struct {
	codec.Codec[T]
	erase func(T) E
	typed func(E) T
}

func (c *erasing[T, E]) Append(to []byte, v E) ([]byte, error) { return c.Codec.Append(to, c.typed(v)) }

func (c *erasing[T, E]) Decode(from []byte) (E, error) { return c.erased(c.Codec.Decode(from)) }

// Resolve reads what another schema wrote, if the codec of the type that is written does.
func (c *erasing[T, E]) Resolve(writer codec.Schema) (func(from []byte) (E, error), error) {
	r, ok := c.Codec.(codec.Resolver[T])
	if !ok {
		return nil, errors.New("its codec reads only its own schema")
	}
	read, err := r.Resolve(writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (E, error) { return c.erased(read(from)) }, nil
}

func (c *erasing[T, E]) erased(v T, err error) (E, error) {
	if err != nil {
		var none E
		return none, err
	}
	return c.erase(v), nil
}

// pool has the accumulators that no window uses, all of them empty. They are made several at a time, count against the budget and
// are kept: a window that opens takes one that another gave.
type pool struct {
	base heap.Base
	make func(n int) unsafe.Pointer
	size uintptr
	made int
	free []unsafe.Pointer
}

// The least and the most accumulators that are made at a time.
const (
	leastMade = 8
	mostMade  = 256
)

func (p *pool) take() unsafe.Pointer {
	if len(p.free) == 0 {
		p.grow(min(max(p.made, leastMade), mostMade))
	}
	last := len(p.free) - 1
	acc := p.free[last]
	p.free = p.free[:last]
	return acc
}

func (p *pool) give(acc unsafe.Pointer) { p.free = append(p.free, acc) }

func (p *pool) grow(n int) {
	p.base.Take(int64(n) * int64(p.size))
	p.made += n
	first := p.make(n)
	for i := range n {
		p.free = append(p.free, unsafe.Add(first, uintptr(n-1-i)*p.size))
	}
}
