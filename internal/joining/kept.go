package joining

import "slices"

// Kept is the records of both sides of one key in one window: the accumulator of window joins. Most keys have one
// record a side, which then lies in the accumulator itself.
type Kept[T, U any] struct {
	first  [1]T
	second [1]U
	alone  uint8        // which sides have exactly one record, above
	more   *lists[T, U] // nil while it has nothing
}

// lists are the records of the sides that have several, all of them, and what has been emitted.
type lists[T, U any] struct {
	first  []T
	second []U
	parts  []part
}

// part is so many records of each side that have been emitted together, as a session that fired. The parts are at the
// beginning, one after another; the records behind them have never been emitted.
type part struct{ First, Second int }

const (
	aloneFirst uint8 = 1 << iota
	aloneSecond
)

// firstRoom is how many records a list has room for to begin with.
const firstRoom = 4

func (k *Kept[T, U]) lists() *lists[T, U] {
	if k.more == nil {
		k.more = new(lists[T, U])
	}
	return k.more
}

// All is the records of both sides, which stay the accumulator's.
func (k *Kept[T, U]) All() (first []T, second []U) {
	if k.more != nil {
		first, second = k.more.first, k.more.second
	}
	if k.alone&aloneFirst != 0 {
		first = k.first[:]
	}
	if k.alone&aloneSecond != 0 {
		second = k.second[:]
	}
	return first, second
}

// Add adds a record.
func (k *Kept[T, U]) Add(s Side[T, U]) {
	if s.First != nil {
		k.addFirst(s.First)
	} else {
		k.addSecond(s.Second)
	}
}

func (k *Kept[T, U]) addFirst(v *T) {
	if k.alone&aloneFirst == 0 && (k.more == nil || len(k.more.first) == 0) {
		k.first[0] = *v
		k.alone |= aloneFirst
		return
	}
	to := &k.lists().first
	if k.alone&aloneFirst != 0 {
		*to = append(make([]T, 0, firstRoom), k.first[0])
		k.first, k.alone = [1]T{}, k.alone&^aloneFirst
	}
	*to = append(*to, *v)
}

func (k *Kept[T, U]) addSecond(v *U) {
	if k.alone&aloneSecond == 0 && (k.more == nil || len(k.more.second) == 0) {
		k.second[0] = *v
		k.alone |= aloneSecond
		return
	}
	to := &k.lists().second
	if k.alone&aloneSecond != 0 {
		*to = append(make([]U, 0, firstRoom), k.second[0])
		k.second, k.alone = [1]U{}, k.alone&^aloneSecond
	}
	*to = append(*to, *v)
}

// set makes an empty accumulator one of these records, which it may keep.
func (k *Kept[T, U]) set(first []T, second []U, parts []part) {
	if len(first) == 1 {
		k.first[0] = first[0]
		k.alone |= aloneFirst
		first = nil
	}
	if len(second) == 1 {
		k.second[0] = second[0]
		k.alone |= aloneSecond
		second = nil
	}
	if len(first) > 0 || len(second) > 0 || len(parts) > 0 {
		k.more = &lists[T, U]{first, second, parts}
	}
}

// Merge adds what src has, and keeps nothing of it.
func (k *Kept[T, U]) Merge(src Kept[T, U]) {
	if len(k.parts())+len(src.parts()) > 0 {
		k.mergeParts(&src)
		return
	}
	first, second := src.All()
	if k.more != nil || len(first) > 1 || len(second) > 1 {
		k.grow(len(first), len(second))
	}
	for i := range first {
		k.addFirst(&first[i])
	}
	for i := range second {
		k.addSecond(&second[i])
	}
}

// grow makes room for so many records more.
func (k *Kept[T, U]) grow(first, second int) {
	l := k.lists()
	if len(l.first) > 0 {
		l.first = slices.Grow(l.first, first)
	}
	if len(l.second) > 0 {
		l.second = slices.Grow(l.second, second)
	}
}

// mergeParts merges sessions of which at least one has been emitted: the parts of both come first.
func (k *Kept[T, U]) mergeParts(src *Kept[T, U]) {
	first, second := k.All()
	moreFirst, moreSecond := src.All()
	old, from := k.emitted(), src.emitted()
	parts := slices.Concat(k.parts(), src.parts())
	var merged Kept[T, U]
	merged.set(
		slices.Concat(first[:old.First], moreFirst[:from.First], first[old.First:], moreFirst[from.First:]),
		slices.Concat(second[:old.Second], moreSecond[:from.Second], second[old.Second:], moreSecond[from.Second:]),
		parts,
	)
	*k = merged
}

func (k *Kept[T, U]) parts() []part {
	if k.more == nil {
		return nil
	}
	return k.more.parts
}

// emitted is how many records of each side have been emitted.
func (k *Kept[T, U]) emitted() (all part) {
	for _, p := range k.parts() {
		all.First += p.First
		all.Second += p.Second
	}
	return all
}

// Emitted notes that all records there are have been emitted together.
func (k *Kept[T, U]) Emitted() {
	first, second := k.All()
	k.lists().parts = []part{{len(first), len(second)}}
}
