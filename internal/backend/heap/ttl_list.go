package heap

import (
	"iter"
	"reflect"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// ListTTL is a List whose elements have a TTL each. An element counts as written no earlier than those before it, so that what is
// expired is at the front: there whole blocks are freed.
type ListTTL[V any] struct {
	List[Stamped[V]]
	lease
}

// AddListTTL adds a state of a list of V a key, with a TTL. Was are the names that it had before.
func AddListTTL[V any, K comparable](s *Store[K], name string, ttl backend.TTL, c codec.Codec[V], was ...string) *ListTTL[V] {
	info := backend.State{Name: name, Was: was, Kind: backend.List, Type: reflect.TypeFor[V]().String(), TTL: &ttl}
	l := &ListTTL[V]{*newList(&s.core, info, codec.Codec[Stamped[V]](stampedCodec(c))), newLease(&s.core, ttl)}
	l.info.Values = backend.BoxedBy(c)
	s.add(l)
	return l
}

// Append appends values.
func (l *ListTTL[V]) Append(values ...V) {
	if len(values) == 0 {
		return
	}
	g, row := l.List.core.ensure()
	group := &l.groups[g]
	at := l.now()
	if h := group.heads.Peek(row); h != nil {
		at = max(at, group.vals.Peek(h.tail.last()).At)
	}
	h := group.heads.Ref(row)
	for _, v := range values {
		if h.tail.count == h.tail.size {
			group.grow(h)
			l.grown++
		}
		group.append(h, Stamped[V]{at, v})
	}
}

// last is the row of a block's last value.
func (b *listBlock) last() uint32 { return b.base + uint32(b.count) - 1 }

// Len is the length of the list. It takes longer the more of it is expired and not yet freed.
func (l *ListTTL[V]) Len() int {
	group, h := l.head()
	if h == nil {
		return 0
	}
	return int(h.full) + int(h.tail.count) - l.hidden(group, h)
}

// hidden is how many elements at the front of a list are not to be seen any more.
func (l *ListTTL[V]) hidden(group *listGroup[Stamped[V]], h *listHead) (n int) {
	now := l.now()
	for next, left := h.first, h.full; left > 0; {
		b := group.blocks.Peek(next - 1)
		of := l.hiddenIn(group, b, now)
		if n += of; of < int(b.count) {
			return n
		}
		next, left = b.next, left-uint32(b.count)
	}
	return n + l.hiddenIn(group, &h.tail, now)
}

func (l *ListTTL[V]) hiddenIn(group *listGroup[Stamped[V]], b *listBlock, now int64) (n int) {
	for n < int(b.count) && l.hides(group.vals.Peek(b.base+uint32(n)).At, now) {
		n++
	}
	return n
}

// All goes through the list in order, like [List.All].
func (l *ListTTL[V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		now := l.now()
		if l.ttl.OnRead {
			l.renew(now)
		}
		for s := range l.List.All() {
			if !l.hides(s.At, now) && !yield(s.V) {
				return
			}
		}
	}
}

// renew has all elements that are not expired count as written now.
func (l *ListTTL[V]) renew(now int64) {
	g, row, ok := l.List.core.known()
	if !ok {
		return
	}
	group := &l.groups[g]
	h := group.heads.Peek(row)
	if h == nil {
		return
	}
	renewed := false
	for next, left := h.first, h.full; left > 0; {
		b := group.blocks.Peek(next - 1)
		renewed = l.renewBlock(group, b, now) || renewed
		next, left = b.next, left-uint32(b.count)
	}
	if l.renewBlock(group, &h.tail, now) || renewed {
		group.heads.mark(row)
	}
}

func (l *ListTTL[V]) renewBlock(group *listGroup[Stamped[V]], b *listBlock, now int64) (any bool) {
	for row := b.base; row < b.base+uint32(b.count); row++ {
		if s := group.vals.Peek(row); l.renews(s.At, now) {
			group.vals.Set(row, Stamped[V]{now, s.V})
			any = true
		}
	}
	return any
}

func (l *ListTTL[V]) reclaim() {
	l.sweep(l)
	l.List.reclaim()
}

func (l *ListTTL[V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	heads := &l.groups[g].heads
	for ; l.part < len(heads.chunks); l.part++ {
		if most--; most < 0 {
			return most, false
		}
		for word, set := range heads.chunks[l.part].present {
			for ; set != 0; set &= set - 1 {
				most -= 1 + l.sweepList(g, rowAt(l.part, word, set), now)
			}
		}
	}
	return most, true
}

// sweepList frees the blocks of a list that are expired as a whole, and returns how many values they had.
func (l *ListTTL[V]) sweepList(g int, row uint32, now int64) (freed int) {
	group := &l.groups[g]
	h := group.heads.Peek(row)
	for h.first != 0 {
		b := *group.blocks.Peek(h.first - 1)
		if !l.ttl.Expired(group.vals.Peek(b.last()).At, now) {
			return freed
		}
		freed += int(b.count)
		l.List.core.expired += int64(b.count)
		h = group.dropFirst(group.heads.Ref(row), b)
	}
	if l.ttl.Expired(group.vals.Peek(h.tail.last()).At, now) {
		freed += int(h.tail.count)
		l.List.core.expired += int64(h.tail.count)
		l.forget(g, row, h)
		l.List.core.loosen(g, row)
	}
	return freed
}

// dropFirst frees the first full block of a list.
func (l *listGroup[V]) dropFirst(h *listHead, b listBlock) *listHead {
	l.free(b)
	l.blocks.Delete(h.first - 1)
	l.ids.release(h.first - 1)
	h.first = b.next
	h.full -= uint32(b.count)
	if h.first == 0 {
		h.last = 0
	}
	return h
}
