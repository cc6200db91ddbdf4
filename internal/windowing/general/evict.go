package general

import (
	"fmt"
	"time"
	"unsafe"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/window"
)

func timeOf(at int64) time.Time { return time.Unix(0, at).UTC() }

// Lists of records are values of a state: they are appended to, cut and replaced, and what is in a list is never changed,
// so that a frozen one stays as it is.

// trimLength is how long a list becomes before it is looked at for records that can't be wanted any more.
const trimLength = 64

// keep takes record i of the batch into a window's list.
func (o *machine) keep(w Window, i int, at int64) error {
	if o.Evict.Kind == window.ByAge && at == flow.NoTime {
		return fmt.Errorf("a record without event time, which window.KeepFor(%v) needs: call EventTime on the stream before KeyBy", o.Evict.For)
	}
	all := o.work.keep(o.records.Get(w), i, at)
	if n := all.len; n >= trimLength && n&(n-1) == 0 {
		all = o.work.trim(all)
	}
	o.records.Set(w, all)
	return nil
}

// content is what a window's pane is made of: its accumulator, or one of the records that the evictors leave.
func (o *machine) content(w Window, x *opened) unsafe.Pointer {
	if o.records == nil {
		return x.acc
	}
	all := o.records.Get(w)
	kept := o.work.leave(all)
	if kept.len < all.len {
		o.records.Set(w, kept)
	}
	return o.work.gather(kept)
}

// cut drops what an evictor does not keep, whatever follows.
func cut[T any](e window.Eviction, all []stamped[T]) []stamped[T] {
	switch e.Kind {
	case window.ByNumber:
		return all[max(0, len(all)-e.Last):]
	case window.ByAge:
		return young(int64(e.For), all)
	}
	return all
}

// young are the records that are not much older than the newest. Most often the list is in order, and what goes is in front.
func young[T any](age int64, all []stamped[T]) []stamped[T] {
	newest := int64(flow.NoTime)
	for i := range all {
		newest = max(newest, all[i].At)
	}
	old := func(r *stamped[T]) bool { return newest-r.At > age }
	from := 0
	for old(&all[from]) {
		from++
	}
	all = all[from:]
	for i := range all {
		if old(&all[i]) {
			return without(all, func(i int) bool { return old(&all[i]) })
		}
	}
	return all
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
