package heap

import (
	"iter"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// ListTTL is a List whose elements have a TTL each. An element counts as written no earlier than those before it, so that what is
// expired is at the front: there whole blocks are freed.
type ListTTL[V any] struct {
	*lease
	of *List[V]
}

// AddListTTL adds a state of a list of V a key, with a TTL. Was are the names that it had before.
func AddListTTL[V any, K comparable](s *Store[K], name string, ttl backend.TTL, c codec.Codec[V], was ...string) *ListTTL[V] {
	l := AddList(s, name, c, was...)
	l.info.TTL, l.lease = &ttl, newLease(&s.core, ttl)
	t := &ListTTL[V]{l.lease, l}
	s.expires = append(s.expires, t)
	return t
}

// Append appends values.
func (l *ListTTL[V]) Append(values ...V) {
	if len(values) == 0 {
		return
	}
	g, row := l.core.ensure()
	group := &l.of.groups[g]
	at := l.now()
	if h := group.heads.Peek(row); h != nil {
		at = max(at, l.at(g, h.tail.last()))
	}
	h := group.heads.Ref(row)
	for _, v := range values {
		if h.tail.count == h.tail.size {
			group.grow(h)
			l.of.grown++
		}
		group.append(h, v)
		l.put(g, h.tail.last(), at)
	}
}

// last is the row of a block's last value.
func (b *listBlock) last() uint32 { return b.base + uint32(b.count) - 1 }

// head is the list of the key at hand.
func (l *ListTTL[V]) head() (g int, h *listHead) {
	g, row, ok := l.core.known()
	if !ok {
		return 0, nil
	}
	return g, l.of.groups[g].heads.Peek(row)
}

// Len is the length of the list. It takes longer the more of it is expired and not yet freed.
func (l *ListTTL[V]) Len() int {
	g, h := l.head()
	if h == nil {
		return 0
	}
	return int(h.full) + int(h.tail.count) - l.hidden(&l.of.groups[g].blocks, g, h, l.now())
}

// hidden is how many elements at the front of a list are not to be seen any more.
func (l *lease) hidden(blocks *Column[listBlock], g int, h *listHead, now int64) (n int) {
	for next, left := h.first, h.full; left > 0; {
		b := blocks.Peek(next - 1)
		of := l.hiddenIn(g, b, now)
		if n += of; of < int(b.count) {
			return n
		}
		next, left = b.next, left-uint32(b.count)
	}
	return n + l.hiddenIn(g, &h.tail, now)
}

func (l *lease) hiddenIn(g int, b *listBlock, now int64) (n int) {
	for n < int(b.count) && l.hides(l.at(g, b.base+uint32(n)), now) {
		n++
	}
	return n
}

// All goes through the list in order, like [List.All].
func (l *ListTTL[V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		g, h := l.head()
		if h == nil {
			return
		}
		now := l.now()
		group := &l.of.groups[g]
		if l.ttl.OnRead && l.renew(&group.blocks, g, h, now) {
			group.heads.mark(uint32(l.core.place))
		}
		hidden := l.hidden(&group.blocks, g, group.heads.Peek(uint32(l.core.place)), now)
		for v := range l.of.All() {
			if hidden--; hidden < 0 && !yield(v) {
				return
			}
		}
	}
}

// renew has all elements that are not expired count as written now, and says whether there are any that did not.
func (l *lease) renew(blocks *Column[listBlock], g int, h *listHead, now int64) (any bool) {
	for next, left := h.first, h.full; left > 0; {
		b := blocks.Peek(next - 1)
		any = l.renewBlock(g, b, now) || any
		next, left = b.next, left-uint32(b.count)
	}
	return l.renewBlock(g, &h.tail, now) || any
}

func (l *lease) renewBlock(g int, b *listBlock, now int64) (any bool) {
	for row := b.base; row < b.base+uint32(b.count); row++ {
		if l.renews(l.at(g, row), now) {
			l.put(g, row, now)
			any = true
		}
	}
	return any
}

// Clear forgets the list.
func (l *ListTTL[V]) Clear() { l.of.Clear() }

func (l *ListTTL[V]) sweep() { l.sweepOn(l) }

func (l *ListTTL[V]) sweepGroup(g int, now int64, most int) (left int, done bool) {
	heads := &l.of.groups[g].heads
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
	group := &l.of.groups[g]
	h := group.heads.Peek(row)
	for h.first != 0 {
		b := *group.blocks.Peek(h.first - 1)
		if !l.ttl.Expired(l.at(g, b.last()), now) {
			return freed
		}
		freed += int(b.count)
		l.core.expired += int64(b.count)
		h = group.dropFirst(group.heads.Ref(row), b)
	}
	if l.ttl.Expired(l.at(g, h.tail.last()), now) {
		freed += int(h.tail.count)
		l.core.expired += int64(h.tail.count)
		l.of.forget(g, row, h)
		l.core.loosen(g, row)
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
