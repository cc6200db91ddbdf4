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

// base is what both operators have: settings, event time, late records, the way out. Operators know the types of keys and
// accumulators alone: what depends on the type of records too is [intake], and results are made by who receives the panes, so that
// the compiler makes an operator once for many uses.
type base[K comparable, A any] struct {
	merging[A]
	From, To, Max int
	Keys          *keygroup.Keys[K]
	acc           codec.Codec[A]
	emit          Emit[K, A]
	sayFired      func(acc *A)
	pairing       *Pairing[A]

	spans  spans
	space  *heap.Space
	encode func(to []byte, acc *A) ([]byte, error)
	reads  backend.Reading[A] // of accumulators
	refs   bool               // accumulators hold references

	wm     int64   // the watermark
	floors []int64 // restored, by key group from From on
	top    int64   // the highest of them

	late int64
	one  [1]Entry[K, A] // a pane whose accumulator lies nowhere else, or is merged for it
}

// merging is the part of an aggregator that knows nothing of records and results.
type merging[A any] struct {
	Merge    func(dst *A, src A)
	Subtract func(dst *A, src A)
	Grows    bool
}

func newBase[K comparable, T, A, V any](c Config[K, T, A, V], spec window.Spec) *base[K, A] {
	b := makeBase(c.Keys, c.Acc, c.From, c.To, newSpans(spec, c.Lateness), heap.NewSpace(c.Budget))
	b.Max, b.emit, b.sayFired, b.pairing = c.Max, c.Emit, c.Fired, c.Pairing
	b.merging = merging[A]{c.Parts.Merge, c.Parts.Subtract, c.Parts.Grows}
	return b
}

func makeBase[K comparable, A any](
	keys *keygroup.Keys[K], acc codec.Codec[A], from, to int, spans spans, space *heap.Space,
) *base[K, A] {
	b := &base[K, A]{
		From: from, To: to, Keys: keys, acc: acc, spans: spans, space: space, encode: encoder(acc),
		reads: backend.Reading[A]{Codec: acc}, refs: holdsReferences(reflect.TypeFor[A]()),
		wm: flow.NoTime, floors: make([]int64, to-from), top: flow.NoTime,
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
func (b *base[K, A]) group(hash uint64) int { return keygroup.Of(hash, b.Max) - b.From }

// reach is how far event time has come for a key.
func (b *base[K, A]) reach(hash uint64) int64 {
	if b.wm >= b.top {
		return b.wm
	}
	return max(b.wm, b.floors[b.group(hash)])
}

func (b *base[K, A]) RestoreFloor(group int, wm int64) {
	b.floors[group-b.From] = wm
	b.top = max(b.top, wm)
}

func (b *base[K, A]) LateCount() int64 { return b.late }

func (b *base[K, A]) Close() { b.space.Close() }

// tooOld says whether record i of a batch is to be left out, of whose windows the last one ends then.
func (b *base[K, A]) tooOld(end, reach int64, in intake[A], i int) bool {
	lateness, own := in.lateness(i)
	if !own {
		return b.spans.over(end, reach)
	}
	spans := b.spans
	spans.lateness = lateness
	return spans.over(end, reach)
}

// tooLate counts record i of a batch, and passes it on to whoever wants it.
func (b *base[K, A]) tooLate(in intake[A], i int) {
	b.late++
	in.late(i)
}

// emitOne emits a pane, whose accumulator may be handed on.
func (b *base[K, A]) emitOne(key K, hash uint64, start, end int64, acc *A, timing window.Timing, index int) {
	b.one[0] = Entry[K, A]{hash, key, *acc}
	b.emit(start, end, b.one[:], timing, index)
}

// emitShown emits panes on time, of accumulators that go on being added to.
func (b *base[K, A]) emitShown(start, end int64, panes []Entry[K, A]) {
	if !b.refs {
		b.emit(start, end, panes, window.PaneOnTime, 0)
		return
	}
	for i := range panes {
		e := &panes[i]
		b.emitOne(e.Key, e.Hash, start, end, b.shown(&e.Acc), window.PaneOnTime, 0)
	}
}

// shown is an accumulator for emitting, of one that goes on being added to: what is emitted may not share memory with it.
func (b *base[K, A]) shown(acc *A) *A {
	if !b.refs {
		return acc
	}
	return b.merged(acc)
}

// blank is an empty accumulator, until the next pane. What was merged there before may have been handed out.
func (b *base[K, A]) blank() *A {
	var zero A
	b.one[0].Acc = zero
	return &b.one[0].Acc
}

// merged is accumulators together, which stay as they are.
func (b *base[K, A]) merged(accs ...*A) *A {
	to := b.blank()
	for _, acc := range accs {
		b.Merge(to, *acc)
	}
	return to
}

// check returns what is wrong with an event time, or nil.
func (b *base[K, A]) check(at int64) error { return b.spans.check(at) }

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
