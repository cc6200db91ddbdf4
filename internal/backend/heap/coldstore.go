package heap

import (
	"fmt"
	"slices"
	"strings"
)

// coldStore is what a store has beside with a cold one below it. A row that goes to the cold store leaves no trace in memory but for
// timers, which must ring; the rest of the store need not know.
type coldStore[K comparable] struct {
	coldCore
	scratch []byte // a key's bytes
}

// Cool puts a cold store below the store, which then keeps about so many rows in memory; 0: as many as the budget has room for. It is
// called once, before all else but the adding of states.
func (s *Store[K]) Cool(table Cold, most int) {
	s.cold = &coldStore[K]{coldCore: coldCore{table: table, room: room{fixed: most}, fam: NewFamily[coldRow](s.space, nil, false)}}
	s.core.cold = true
	s.cold.hollow, s.cold.hands = make([]int, s.groups), make([]clockHand, s.groups)
	s.cold.rows = columns(&s.core, s.cold.fam)
	s.core.added = s.cold.add
	for _, st := range s.states {
		s.cold.add(st)
	}
	table.Follow(s.moved)
}

// add takes note of a state. Records have those that they are of in order of names.
func (c *coldCore) add(st keyedState) {
	p, ok := pointOf(st)
	if !ok {
		return
	}
	p.follow(&c.saved)
	c.refers = c.refers || p.refers()
	at, _ := slices.BinarySearchFunc(c.points, p, func(a, b pointState) int { return strings.Compare(a.describe().Name, b.describe().Name) })
	c.points = slices.Insert(c.points, at, p)
}

// fetch finds the rows of a batch's keys, and brings those that have none from the cold store.
func (s *Store[K]) fetch(keys []K, hashes []uint64) {
	c := s.cold
	c.clear()
	for i, h := range hashes {
		g := s.groupOf(h)
		row, flags, ok := s.index[g].Use(h)
		if ok && !s.exact && *s.keyCols[g].Peek(row) != keys[i] {
			c.table.Collide(h)
			if row = s.lookup(g, keys[i], h); row == noRow {
				ok = false
			} else {
				flags = *s.index[g].flagsOf(h, row)
			}
		}
		if !ok {
			row = unknownRow
		}
		s.places[i] = placeOf(g, row)
		if !ok || flags&slotHollow != 0 {
			s.want(i, keys[i], h)
		}
	}
	s.space.budget.found.Add(int64(len(keys) - len(c.which)))
	if len(c.which) > 0 {
		s.space.budget.sought.Add(int64(len(c.which)))
		s.bring()
		for j, i := range c.which {
			s.places[i] = s.take(j, keys[i], hashes[i])
		}
	}
}

// want adds a key to those whose records are read.
func (s *Store[K]) want(i int, key K, hash uint64) {
	c := s.cold
	c.which = append(c.which, i)
	c.bytes = s.keys.Append(c.bytes, key)
	c.ends = append(c.ends, len(c.bytes))
	c.batch.Hashes = append(c.batch.Hashes, hash)
}

// bring reads them.
func (s *Store[K]) bring() { s.cold.check(s.cold.get()) }

// take fills the row of a key from record j of the batch that was read, and returns its place. A key may be in a batch twice.
func (s *Store[K]) take(j int, key K, hash uint64) uint64 {
	c := s.cold
	g := s.groupOf(hash)
	row := s.lookup(g, key, hash)
	place := c.batch.Places[j]
	if row != noRow {
		flags := s.index[g].flagsOf(hash, row)
		if *flags&slotHollow == 0 {
			return placeOf(g, row) // it has come with an earlier record of the batch
		}
		s.fillUp(g, row, flags)
		if place == 0 {
			return placeOf(g, row)
		}
	} else if place == 0 {
		return placeOf(g, unknownRow)
	} else {
		row = s.insert(g, key, hash)
	}
	c.load(g, row, place, c.batch.Values[j], s.space.now)
	c.room.seen(len(c.batch.Values[j]))
	return placeOf(g, row)
}

// fetchOne is fetch for one key outside of a batch. It returns its row, or noRow.
func (s *Store[K]) fetchOne(g int, key K, hash uint64) uint32 {
	row := s.lookup(g, key, hash)
	if row != noRow {
		flags := s.index[g].flagsOf(hash, row)
		if *flags |= slotUsed; *flags&slotHollow == 0 {
			return row
		}
	}
	s.cold.clear()
	s.want(0, key, hash)
	s.bring()
	if place := s.take(0, key, hash); uint32(place) != unknownRow {
		return uint32(place)
	}
	return noRow
}

// cool moves rows to the cold store until there are no more than there should be, and does a part of what else is to be done there.
func (s *Store[K]) cool() {
	s.adopt(adoptRecords + adoptEach*len(s.places))
	s.makeRoom()
	s.cold.check(s.cold.table.Tend())
}

// hollowOut notes that a row has only timers: the rest, if there is any, is in the cold store.
func (s *Store[K]) hollowOut(g int, row uint32, hash uint64) {
	*s.index[g].flagsOf(hash, row) |= slotHollow
	*s.cold.rows[g].Ref(row) |= coldHollow
	s.cold.hollow[g]++
}

// fillUp notes that a row is hollow no longer.
func (s *Store[K]) fillUp(g int, row uint32, flags *uint32) {
	*flags &^= slotHollow
	*s.cold.rows[g].Ref(row) &^= coldHollow
	s.cold.hollow[g]--
}

// evict moves a row to the cold store.
func (s *Store[K]) evict(g int, row uint32, hash uint64) {
	c := s.cold
	was := c.at(g, row)
	switch {
	case c.empty(g, row):
		s.deleteRecord(g, row, hash, was)
		c.rows[g].Set(row, coldRowOf(0, s.space.now))
	case !c.upToDate(g, row, was):
		c.rows[g].Set(row, coldRowOf(s.put(g, row, hash, was.place()), s.space.now))
	}
	for _, p := range c.points {
		p.drop(g, row)
	}
	if s.hasState(g, row) {
		s.hollowOut(g, row, hash)
		return
	}
	s.index[g].Delete(hash, row)
	c.rows[g].Delete(row)
	s.removeRow(g, row)
}

// put writes the record of a row, in place of the one that it had.
func (s *Store[K]) put(g int, row uint32, hash, before uint64) (place uint64) {
	c := s.cold
	if before != 0 {
		c.table.Forget(hash, before)
	}
	c.scratch = s.keys.Append(c.scratch[:0], *s.keyCols[g].Peek(row))
	var err error
	c.record, err = saveRow(c.record[:0], len(c.points), func(to []byte, i int) ([]byte, error) { return c.points[i].save(to, g, row) })
	c.check(err)
	c.room.seen(len(c.record))
	place, err = c.table.Put(hash, c.scratch, c.record)
	c.check(err)
	return place
}

// gone tells the cold store that a row's key has lost all state.
func (s *Store[K]) gone(g int, row uint32, hash uint64) {
	c := s.cold
	s.deleteRecord(g, row, hash, c.at(g, row))
	c.rows[g].Delete(row)
}

// deleteRecord deletes the record that a key has or may have had: none that has been in memory only, since the newest snapshot began.
func (s *Store[K]) deleteRecord(g int, row uint32, hash uint64, was coldRow) {
	c := s.cold
	if was.place() == 0 && was.since() > c.sealed {
		return
	}
	c.scratch = s.keys.Append(c.scratch[:0], *s.keyCols[g].Peek(row))
	c.check(c.table.Delete(hash, c.scratch, was.place()))
}

// adopt takes over what has been written of snapshots, about so many records.
func (s *Store[K]) adopt(most int) {
	c := s.cold
	for len(c.drafts) > 0 {
		z := c.drafts[0]
		done, err := c.table.Adopt(z.draft, most, func(tag, hash, place uint64) bool { return s.current(z.ticket.epoch, tag, hash, place) })
		c.check(err)
		if !done {
			return
		}
		if z.written.Load() {
			c.saved = z.ticket.epoch
		}
		c.drafts = c.drafts[1:]
	}
}

// Of a snapshot's records so many are adopted at the end of a batch, and so many more for each record of the batch: a snapshot has as many
// as rows have changed since the one before, and is to be adopted well before the next.
const (
	adoptRecords = 512
	adoptEach    = 4
)

// current says whether a row is as a snapshot of the epoch has it, and makes the snapshot's record the row's.
func (s *Store[K]) current(epoch, tag, hash, place uint64) bool {
	c := s.cold
	g, row := int(tag>>32), uint32(tag)
	key := s.keyCols[g].Peek(row)
	if key == nil || s.keys.Hash(*key) != hash {
		return false
	}
	flags := s.index[g].flagsOf(hash, row)
	if flags == nil || *flags&slotHollow != 0 {
		return false
	}
	was := c.at(g, row)
	if was.since() > epoch || c.changed(g, row, epoch) {
		return false
	}
	if was.place() != 0 {
		c.table.Forget(hash, was.place())
	}
	c.rows[g].Set(row, coldRowOf(place, epoch))
	return true
}

// moved notes that a record has another place.
func (s *Store[K]) moved(hash, from, to uint64) {
	g := s.groupOf(hash)
	for at := hash; ; {
		row, next, ok := s.index[g].Seek(hash, at)
		if !ok {
			return // it is not in memory
		}
		if r := s.cold.at(g, row); r.place() == from {
			s.cold.rows[g].Set(row, r.moved(to))
			return
		}
		at = next
	}
}

// eachCold goes through the keys that have no row, as of now. Each goes back when its turn is over: there are more than memory has
// room for.
func (s *Store[K]) eachCold(f func(K) error) error {
	c := s.cold
	draft, err := c.table.Seal()
	if err == nil {
		defer draft.Release()
		err = draft.Close()
	}
	if err == nil {
		_, err = c.table.Adopt(draft, 1, nil) // it is empty
	}
	if err != nil {
		return err
	}
	for g := range s.index {
		err := draft.Records(g+s.cfg.From, func(hash uint64, key, _ []byte) error {
			k, err := s.keys.Decode(key)
			if err != nil {
				return fmt.Errorf("state on disk: key: %w", err)
			}
			if s.lookup(g, k, hash) != noRow {
				return nil // it has had its turn
			}
			return s.visit(g, k, hash, f)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// visit calls f for a key that was in the cold store.
func (s *Store[K]) visit(g int, key K, hash uint64, f func(K) error) error {
	s.SelectKey(key, hash)
	if uint32(s.place) == noRow {
		return nil // it was deleted meanwhile
	}
	if err := f(key); err != nil {
		return err
	}
	if row := s.lookup(g, key, hash); row != noRow && s.hasState(g, row) {
		s.evict(g, row, hash)
	}
	return nil
}
