package windowing

import (
	"math"
	"reflect"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// base is what both operators have: settings, event time, late records, the way out.
type base[K comparable, T, A, V any] struct {
	Config[K, T, A, V]
	spans  spans
	space  *heap.Space
	encode func(to []byte, acc *A) ([]byte, error)
	reads  backend.Reading[A] // of accumulators
	refs   bool               // accumulators hold references

	wm     int64   // the watermark
	floors []int64 // restored, by key group from From on
	top    int64   // the highest of them

	late int64
	tmp  A // where accumulators are merged for a pane
}

func newBase[K comparable, T, A, V any](c Config[K, T, A, V], spec window.Spec) *base[K, T, A, V] {
	b := &base[K, T, A, V]{
		Config: c, spans: newSpans(spec, c.Lateness), space: heap.NewSpace(c.Budget), encode: encoder(c.Acc),
		reads: backend.Reading[A]{Codec: c.Acc}, refs: holdsReferences(reflect.TypeFor[A]()),
		wm: flow.NoTime, floors: make([]int64, c.To-c.From), top: flow.NoTime,
	}
	for i := range b.floors {
		b.floors[i] = flow.NoTime
	}
	return b
}

// encoder encodes accumulators where they are, if the codec can.
func encoder[A any](c codec.Codec[A]) func([]byte, *A) ([]byte, error) {
	if p, ok := c.(codec.InPlace[A]); ok {
		return p.AppendPtr
	}
	return func(to []byte, acc *A) ([]byte, error) { return c.Append(to, *acc) }
}

// group is the key group of a hash, from From on.
func (b *base[K, T, A, V]) group(hash uint64) int { return keygroup.Of(hash, b.Max) - b.From }

// reach is how far event time has come for a key.
func (b *base[K, T, A, V]) reach(hash uint64) int64 {
	if b.wm >= b.top {
		return b.wm
	}
	return max(b.wm, b.floors[b.group(hash)])
}

func (b *base[K, T, A, V]) RestoreFloor(group int, wm int64) {
	b.floors[group-b.From] = wm
	b.top = max(b.top, wm)
}

func (b *base[K, T, A, V]) LateCount() int64 { return b.late }

func (b *base[K, T, A, V]) Close() { b.space.Close() }

// tooOld says whether a record is to be left out, of whose windows the last one ends then.
func (b *base[K, T, A, V]) tooOld(end, reach int64, v T) bool {
	if b.LatenessOf == nil {
		return b.spans.over(end, reach)
	}
	own := b.spans
	own.lateness = int64(b.LatenessOf(v))
	return own.over(end, reach)
}

// tooLate counts record i of a batch, and passes it on to whoever wants it.
func (b *base[K, T, A, V]) tooLate(in *flow.Keyed[K, T], i int) {
	b.late++
	if b.Late != nil {
		b.Late(in.Keys[i], in.Values[i], in.Times[i])
	}
}

// add adds record i of a batch to an accumulator.
func (b *base[K, T, A, V]) add(acc *A, in *flow.Keyed[K, T], i int) {
	if b.Parts.Add != nil {
		b.Parts.Add(acc, in.Values[i])
	} else {
		b.Parts.AddAt(acc, in.Values[i], in.Times[i])
	}
}

// result is that of an accumulator that goes on being added to: what is emitted may not share memory with it.
func (b *base[K, T, A, V]) result(acc *A) V {
	if !b.refs {
		return b.Parts.Result(acc)
	}
	b.blank()
	b.Parts.Merge(&b.tmp, *acc)
	return b.Parts.Result(&b.tmp)
}

// blank empties the place where accumulators are merged. What was merged there may have been handed out.
func (b *base[K, T, A, V]) blank() {
	var zero A
	b.tmp = zero
}

// merged is the result of accumulators together, which stay as they are.
func (b *base[K, T, A, V]) merged(accs ...*A) V {
	b.blank()
	for _, acc := range accs {
		b.Parts.Merge(&b.tmp, *acc)
	}
	return b.Parts.Result(&b.tmp)
}

// check returns what is wrong with an event time, or nil.
func (b *base[K, T, A, V]) check(at int64) error { return b.spans.check(at) }

// holdsReferences says whether values of a type may share memory that adding to them changes. Strings, functions and
// the location of a time.Time are never changed.
func holdsReferences(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return t.Len() > 0 && holdsReferences(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return false
		}
		for i := range t.NumField() {
			if holdsReferences(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// saturated is a + b, b not negative, or the largest time.
func saturated(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
