package general

import (
	"iter"
	"reflect"
	"slices"
	"time"
	"unsafe"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

// typed is the part of an operator that knows types. An accumulator is given to it as a pointer; records are those of the
// batch at hand, by number.
type typed interface {
	// begin begins with the records of the batch from one to another (excluded).
	begin(from, to int)
	add(acc unsafe.Pointer, i int, at int64)
	late(i int)

	// What the user's functions say of a record.
	gap(i int) time.Duration
	spans(i int, at int64) iter.Seq[window.Span]
	construct(c *window.Control) bool
	decide(i int) window.Action

	// Lists of records: none of them is changed. Trim leaves out what can't be wanted any more, and leave what no evictor
	// wants now; gather makes an accumulator of one, which lasts until the next call.
	keep(all list, i int, at int64) list
	trim(all list) list
	leave(all list) list
	gather(all list) unsafe.Pointer
	joinRecords(a, b list) list

	// Accumulators.
	size() uintptr
	accumulators(n int) unsafe.Pointer
	clear(acc unsafe.Pointer)
	merge(into, from unsafe.Pointer)

	// Panes. Prepare makes the value of the one that is emitted next; last says that the accumulator is not used afterwards.
	prepare(acc unsafe.Pointer, last bool)
	emit(f frame)
	// standing is a list of one pane, and takeBack takes those of a list back.
	standing(acc unsafe.Pointer, f frame) list
	takeBack(all list, at int64)
	joinPanes(a, b list) list

	// What is written. Take makes an empty accumulator.
	windows(set *codec.Set, take func() unsafe.Pointer) (coded[opened], error)
	records(set *codec.Set) (coded[list], error)
	panes(set *codec.Set) (coded[list], error)
}

// frame is a [Pane] without its key and its value.
type frame struct {
	Start, End, At int64
	Timing         window.Timing
	Index          int
}

// open is a window that has not been dropped, as it is written.
type open[A any] struct {
	Acc        A
	Start, End int64  // of count windows and the window without end: the earliest record's time, and a nanosecond after the latest's
	New        uint32 // records since the last pane
	Panes      uint32
	Held       bool // there is content: it was not purged, or something came since
	Ended      bool // its end has come: what comes now is late
}

// stamped is a record of a window with an evictor.
type stamped[T any] struct {
	At     int64
	Record T
}

// emitted is a pane that has been emitted and not taken back.
type emitted[A any] struct {
	Acc        A
	Start, End int64
	Index      uint32
	Timing     uint8
}

// work is what there is to do with types.
type work[K comparable, T, A, V any] struct {
	Config[K, T, A, V]
	store *heap.Store[K]
	refs  bool // accumulators hold references
	in    *flow.Keyed[K, T]
	act   func(T) window.Action // the trigger of the user's own
	value V                     // of the pane that is emitted next
	tmp   A                     // where accumulators are made for a pane
}

func (w *work[K, T, A, V]) begin(from, to int) {
	w.store.Begin(w.in.Keys[from:to], w.in.Hashes[from:to])
}

func (w *work[K, T, A, V]) add(acc unsafe.Pointer, i int, at int64) {
	w.fold((*A)(acc), w.in.Values[i], at)
}

func (w *work[K, T, A, V]) fold(acc *A, v T, at int64) {
	if w.Parts.Add != nil {
		w.Parts.Add(acc, v)
	} else {
		w.Parts.AddAt(acc, v, at)
	}
}

func (w *work[K, T, A, V]) late(i int) {
	if w.Late != nil {
		w.Late(w.in.Keys[i], w.in.Values[i], w.in.Times[i])
	}
}

func (w *work[K, T, A, V]) gap(i int) time.Duration { return w.Rule.Gap(w.in.Values[i]) }

func (w *work[K, T, A, V]) spans(i int, at int64) iter.Seq[window.Span] {
	return w.Rule.Spans(w.in.Values[i], timeOf(at))
}

func (w *work[K, T, A, V]) construct(c *window.Control) bool {
	w.act = w.TriggerBy(c)
	return w.act != nil
}

func (w *work[K, T, A, V]) decide(i int) window.Action { return w.act(w.in.Values[i]) }

func (w *work[K, T, A, V]) keep(all list, i int, at int64) list {
	return listOf(append(itemsOf[stamped[T]](all), stamped[T]{at, w.in.Values[i]}))
}

func (w *work[K, T, A, V]) trim(all list) list {
	if kept := cut(w.Evict, itemsOf[stamped[T]](all)); len(kept) < all.len {
		return listOf(slices.Clone(kept))
	}
	return all
}

func (w *work[K, T, A, V]) leave(all list) list {
	kept := cut(w.Evict, itemsOf[stamped[T]](all))
	if w.EvictBy != nil {
		newest := kept[len(kept)-1]
		kept = without(kept, func(i int) bool { return i < len(kept)-1 && w.EvictBy(kept[i].Record, newest.Record) })
	}
	return listOf(kept)
}

func (w *work[K, T, A, V]) gather(all list) unsafe.Pointer {
	w.blank()
	for _, r := range itemsOf[stamped[T]](all) {
		w.fold(&w.tmp, r.Record, r.At)
	}
	return unsafe.Pointer(&w.tmp)
}

func (w *work[K, T, A, V]) joinRecords(a, b list) list { return join[stamped[T]](a, b) }

func (w *work[K, T, A, V]) joinPanes(a, b list) list { return join[emitted[A]](a, b) }

func (w *work[K, T, A, V]) size() uintptr { return unsafe.Sizeof(w.tmp) }

func (w *work[K, T, A, V]) accumulators(n int) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]A, n)))
}

func (w *work[K, T, A, V]) clear(acc unsafe.Pointer) {
	var zero A
	*(*A)(acc) = zero
}

func (w *work[K, T, A, V]) merge(into, from unsafe.Pointer) { w.Parts.Merge((*A)(into), *(*A)(from)) }

// blank empties the place where accumulators are made for a pane. What was there may have been handed out.
func (w *work[K, T, A, V]) blank() {
	var zero A
	w.tmp = zero
}

// prepare: where the window goes on, what is emitted may not share memory with it.
func (w *work[K, T, A, V]) prepare(acc unsafe.Pointer, last bool) {
	if last || !w.refs {
		w.value = w.Parts.Result((*A)(acc))
		return
	}
	w.blank()
	w.Parts.Merge(&w.tmp, *(*A)(acc))
	w.value = w.Parts.Result(&w.tmp)
}

func (w *work[K, T, A, V]) emit(f frame) {
	p := w.pane(f.Start, f.End, f.At)
	p.Timing, p.Index, p.Value = f.Timing, f.Index, w.value
	var zero V
	w.value = zero
	w.Emit(p)
}

// pane is one of the key at hand.
func (w *work[K, T, A, V]) pane(start, end, at int64) Pane[K, V] {
	return Pane[K, V]{Key: w.store.Key(), Hash: w.store.Hash(), Start: start, End: end, At: at}
}

func (w *work[K, T, A, V]) standing(acc unsafe.Pointer, f frame) list {
	return listOf([]emitted[A]{{w.own((*A)(acc)), f.Start, f.End, uint32(f.Index), uint8(f.Timing)}})
}

// own is an accumulator that shares no memory with another. It does not use what gather may have returned.
func (w *work[K, T, A, V]) own(acc *A) (own A) {
	if !w.refs {
		return *acc
	}
	w.Parts.Merge(&own, *acc)
	return own
}

func (w *work[K, T, A, V]) takeBack(all list, at int64) {
	for _, e := range itemsOf[emitted[A]](all) {
		own := w.own(&e.Acc)
		p := w.pane(e.Start, e.End, at)
		p.Timing, p.Index, p.Retract = window.Timing(e.Timing), int(e.Index), true
		p.Value = w.Parts.Result(&own)
		w.Emit(p)
	}
}

func (w *work[K, T, A, V]) windows(set *codec.Set, take func() unsafe.Pointer) (coded[opened], error) {
	c, err := codec.Derive[open[A]](set)
	return coded[opened]{&erasing[open[A], opened]{
		c,
		func(x open[A]) opened {
			acc := take()
			*(*A)(acc) = x.Acc
			return opened{acc, x.Start, x.End, x.New, x.Panes, x.Held, x.Ended}
		},
		func(x opened) open[A] {
			return open[A]{*(*A)(x.acc), x.Start, x.End, x.New, x.Panes, x.Held, x.Ended}
		},
	}, reflect.TypeFor[open[A]]().String()}, err
}

func (w *work[K, T, A, V]) records(set *codec.Set) (coded[list], error) {
	return lists[stamped[T]](set)
}

func (w *work[K, T, A, V]) panes(set *codec.Set) (coded[list], error) { return lists[emitted[A]](set) }
