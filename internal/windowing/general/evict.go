package general

import (
	"fmt"
	"slices"
	"time"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

func timeOf(at int64) time.Time { return time.Unix(0, at).UTC() }

// evicts says whether windows keep their records.
func (o *Operator[K, T, A, V]) evicts() bool {
	return o.Evict.Kind != window.KeepAll || o.EvictBy != nil
}

// Lists of records are values of a state: they are appended to, cut and replaced, and what is in a list is never changed,
// so that a frozen one stays as it is.

// trimLength is how long a list becomes before it is looked at for records that can't be wanted any more.
const trimLength = 64

// keep takes a record into a window's list.
func (o *Operator[K, T, A, V]) keep(w Window, v T, at int64) error {
	if o.Evict.Kind == window.ByAge && at == flow.NoTime {
		return fmt.Errorf("a record without event time, which window.KeepFor(%v) needs: call EventTime on the stream before KeyBy", o.Evict.For)
	}
	all := append(o.records.Get(w), stamped[T]{at, v})
	if n := len(all); n >= trimLength && n&(n-1) == 0 {
		if cut := o.cut(all); len(cut) < n {
			all = slices.Clone(cut)
		}
	}
	o.records.Set(w, all)
	return nil
}

// cut drops what the evictor does not keep, whatever follows.
func (o *Operator[K, T, A, V]) cut(all []stamped[T]) []stamped[T] {
	switch o.Evict.Kind {
	case window.ByNumber:
		return all[max(0, len(all)-o.Evict.Last):]
	case window.ByAge:
		return o.young(all)
	}
	return all
}

// young are the records that are not much older than the newest. Most often the list is in order, and what goes is in front.
func (o *Operator[K, T, A, V]) young(all []stamped[T]) []stamped[T] {
	newest := int64(flow.NoTime)
	for i := range all {
		newest = max(newest, all[i].At)
	}
	old := func(r stamped[T]) bool { return newest-r.At > int64(o.Evict.For) }
	from := 0
	for old(all[from]) {
		from++
	}
	if all = all[from:]; slices.ContainsFunc(all, old) {
		return slices.DeleteFunc(slices.Clone(all), old)
	}
	return all
}

// content is what a window's pane is made of: its accumulator, or one of the records that the evictors leave.
func (o *Operator[K, T, A, V]) content(w Window, x *open[A]) *A {
	if o.records == nil {
		return &x.Acc
	}
	all := o.records.Get(w)
	kept := o.cut(all)
	if o.EvictBy != nil {
		newest := kept[len(kept)-1]
		evict := func(i int) bool { return i < len(kept)-1 && o.EvictBy(kept[i].Record, newest.Record) }
		kept = without(kept, evict)
	}
	if len(kept) < len(all) {
		o.records.Set(w, kept)
	}
	o.blank()
	for i := range kept {
		o.fold(&o.tmp, kept[i].Record, kept[i].At)
	}
	return &o.tmp
}

// without is a list without the places that evict says; evict is asked once for each, in order.
func without[T any](all []T, evict func(i int) bool) []T {
	kept := make([]T, 0, len(all))
	for i := range all {
		if !evict(i) {
			kept = append(kept, all[i])
		}
	}
	return kept
}
