package heap

import (
	"cmp"
	"math"
	"reflect"
)

// room is how many rows a store above a cold one keeps in memory.
//
// The budget is shared by all stores of the process. As long as it is not used up, nothing goes; from then on a store keeps as many
// rows as its part of the budget has room for, and those that were not used for the longest time go, some with each batch. As the memory of
// a row that has gone is only good for another row, memory is given back by the key group: one after another is emptied and dropped,
// until the store is back in its bounds.
type room struct {
	fixed  int   // rows, if not 0, whatever the budget
	most   int   // rows; 0: there is no bound
	length int   // of a record, in about the last thousand
	held   int64 // bytes counted for what values refer to
	table  int64 // bytes of the cold store's own
	shed   shedding
}

// shedding is a key group that is being emptied.
type shedding struct {
	on    bool
	group int
	row   uint32 // all below are gone
}

const (
	// evictRows is how many rows of a key group go with one batch at most.
	evictRows = 256
	// slackPercent of its part of the budget is what a store leaves free when it has been beyond.
	slackPercent = 5
	// reference is about how much memory what a value refers to takes for each byte of its encoding.
	reference = 2
)

// seen notes how long a record is.
func (r *room) seen(bytes int) { r.length += (bytes - r.length) / 64 }

// goBelow puts the budget's cold store below the store.
func (s *Store[K]) goBelow(b *Budget) {
	s.space.yields = true
	var own int64
	account := func(bytes int64) { // it has some before the store knows it
		own += bytes
		if s.cold != nil {
			s.cold.room.table = own
		}
		s.space.change(bytes)
	}
	table, err := b.below(s.cfg.From, s.cfg.To, s.cfg.Max, account)
	if err != nil {
		panic(Refusal{Err: err})
	}
	b.stores.Add(1)
	s.Cool(table, b.rows)
	s.cold.room.table = own
}

// closeCold gives the cold store up.
func (s *Store[K]) closeCold() {
	if b := s.space.budget; b.below != nil {
		b.stores.Add(-1)
	}
	_ = s.cold.table.Close() // what it has is of no use to anybody any more
}

// makeRoom has rows go until there are no more than there is room for. Each key group has its part of the room, as it has of keys: then
// a row that goes makes room for the next one of its group.
func (s *Store[K]) makeRoom() {
	r := &s.cold.room
	if r.fixed == 0 {
		s.weigh()
	}
	most := cmp.Or(r.fixed, r.most) / s.groups
	if r.fixed == 0 && r.most == 0 {
		return
	}
	for g := range s.index {
		for n := min(s.warmIn(g)-most, evictRows); n > 0; n-- {
			row, hash := s.cold.hands[g].next(&s.index[g])
			s.evict(g, row, hash)
		}
	}
}

// warmIn is how many rows of a key group have more than timers.
func (s *Store[K]) warmIn(g int) int { return s.index[g].Len() - s.cold.hollow[g] }

// weigh finds out how many rows there is room for.
func (s *Store[K]) weigh() {
	r, b := &s.cold.room, s.space.budget
	if s.cold.refers {
		referred := int64(s.rowsN) * int64(r.length) * reference
		s.space.change(referred - r.held)
		r.held = referred
	}
	used := b.used.Load() - b.spare.Load()
	if b.limit <= 0 || used <= b.limit {
		if r.most > 0 && used < b.limit-b.limit/100*3*slackPercent {
			r.most += r.most/64 + 1
		}
		if r.shed.on {
			s.shedSome()
		}
		return
	}
	mine := s.space.used - s.space.spare
	part := (b.limit - (b.used.Load() - b.yields.Load())) / max(b.stores.Load(), 1)
	excess := min(used-b.limit, mine-part)
	if excess <= 0 {
		return // it is for others to go back
	}
	s.bound(excess + part/100*slackPercent)
	s.shedSome()
}

// bound lowers the number of rows so far that so many bytes become free.
func (s *Store[K]) bound(excess int64) {
	r := &s.cold.room
	capacity := 0
	for g := range s.rows {
		capacity += int(s.rows[g].next)
	}
	if capacity == 0 {
		return
	}
	each := max((s.space.used-s.space.spare-r.table)/int64(capacity), 1)
	r.most = max(min(cmp.Or(r.most, capacity), capacity-int(excess/each)), leastRows*s.groups)
}

// leastRows is how many rows of each key group a store keeps whatever the budget.
const leastRows = 4

// shedSome empties a part of a key group, and drops it when it is empty. It waits for snapshots in flight, for which all that was dropped
// would have to be kept.
func (s *Store[K]) shedSome() {
	h := &s.cold.room.shed
	s.space.settle()
	if len(s.space.flight) > 0 {
		return
	}
	if !h.on {
		h.group = s.largest()
		h.on, h.row = true, 0
	}
	if left := s.empty(h, 4*evictRows); left > 0 {
		h.row = 0 // some have come since
		s.empty(h, math.MaxInt)
		s.drop(h.group)
		h.on = false
	}
}

// empty evicts as many rows of a group as most, and returns how many it did not need.
func (s *Store[K]) empty(h *shedding, most int) (left int) {
	g := h.group
	for ; h.row < s.rows[g].next && most > 0; h.row++ {
		key := s.keyCols[g].Peek(h.row)
		if key == nil {
			continue
		}
		hash := s.keys.Hash(*key)
		if *s.index[g].flagsOf(hash, h.row)&slotHollow == 0 {
			s.evict(g, h.row, hash)
			most--
		}
	}
	return most
}

// largest is the key group with the most rows.
func (s *Store[K]) largest() (group int) {
	for g := range s.rows {
		if s.rows[g].next > s.rows[group].next {
			group = g
		}
	}
	return group
}

// drop gives back the memory of a key group without rows, but for those that are hollow.
func (s *Store[K]) drop(g int) {
	for _, p := range s.cold.points {
		p.shed(g)
	}
	if s.index[g].Len() > 0 {
		return
	}
	s.index[g].Drop()
	s.keyCols[g].Drop()
	s.keyFam.giveBack()
	s.cold.rows[g].Drop()
	s.cold.fam.giveBack()
	s.rows[g] = rowAlloc{}
}

// pointers says whether values of a type refer to memory beside their own.
func pointers[V any]() bool { return refersTo(reflect.TypeFor[V]()) }

func refersTo(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && refersTo(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if refersTo(f.Type) {
				return true
			}
		}
		return false
	case reflect.String, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}
