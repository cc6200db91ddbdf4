package heap

import (
	"math/bits"

	"leat.dev/leat/internal/backend"
)

// age is what a store knows of one state in one key group: how much of it lies in the files of a chain of checkpoints.
type age struct {
	whole int64 // bytes of the newest whole section
	since int64 // bytes of the differences to it
	turn  int   // in which it was written
}

const (
	// chainTurns is after how many checkpoints a state and key group that has changed is written whole: so many files a chain has
	// at most, or about half as many again, so that not all are written whole at once.
	chainTurns = 128
	// idleTurns is likewise for one that has not changed.
	idleTurns = 256
	// spreadTurns is how the turns of one key group differ from those of others.
	spreadTurns = 64
)

// taken is a checkpoint that a later one may be a difference to.
type taken struct {
	checkpoint int64
	ticket     *Ticket
	turn       int   // how many that wrote anything came before
	ages       []age // by state and group, as it leaves them; Persist fills it in
}

// rememberedTaken bounds how many checkpoints are remembered that may still turn out to be complete.
const rememberedTaken = 64

// lineage is the checkpoints of a store.
type lineage struct {
	taken []*taken // those that may become a base, the oldest first
	base  *taken   // the newest that is known to be complete; nil: none
}

// rebase makes a complete checkpoint the base. It is nil if the store had no part in it.
func (l *lineage) rebase(s *Space, checkpoint int64) *taken {
	for i, t := range l.taken {
		if t.checkpoint == checkpoint {
			l.base, l.taken = t, l.taken[i+1:]
			s.Saved(t.ticket)
			break
		}
	}
	if l.base == nil || checkpoint == 0 || l.base.checkpoint != checkpoint {
		return nil
	}
	return l.base
}

// take remembers a checkpoint.
func (l *lineage) take(t *taken) {
	if t.checkpoint == 0 {
		return
	}
	l.taken = append(l.taken, t)
	if len(l.taken) > rememberedTaken {
		l.taken = l.taken[1:]
	}
}

// changed says how much of a state has changed since a snapshot, in one key group.
type changed struct {
	rows    int // that changed, and what was deleted
	present int
	unknown bool // what was deleted is not known any more
}

// changed counts the rows of a column.
func (z *Frozen[V]) changed(since uint64) (n changed) {
	for i, k := range z.chunks {
		rows := z.Changed(i, since)
		for w := range rows {
			n.rows += bits.OnesCount64(rows[w])
			n.present += bits.OnesCount64(k.present[w])
		}
	}
	return n
}

// with counts what was deleted besides.
func (n changed) with(d *frozenDeletions, since uint64) changed {
	n.rows += d.n
	n.unknown = !d.complete(since)
	return n
}

// differs says whether a section is written as a difference: with a base it costs less, now and over time. A chain of differences
// has at most about twice what is written whole, and the bytes written are at most about twice what has changed.
func (a age) differs(n changed, turn, spread int) bool {
	limit := a.whole + a.whole*int64(spread)/(2*spreadTurns)
	return a.whole > 0 && !n.unknown && 2*n.rows <= n.present && a.since <= limit && turn-a.turn < chainTurns+spread
}

// spread tells sections apart, so that they are not all written whole in the same checkpoint.
func spread(state, g int) int { return (g*37 + state*23) % spreadTurns }

// rowAt is the row of the lowest bit of a word of a chunk.
func rowAt(chunk, word int, set uint64) uint32 {
	return uint32(chunk<<chunkShift | word<<6 | bits.TrailingZeros64(set))
}

// changedRows goes through the rows of a chunk that have changed.
func changedRows(rows [chunkRows / 64]uint64, chunk int, f func(row uint32) error) error {
	for w, set := range rows {
		for ; set != 0; set &= set - 1 {
			if err := f(rowAt(chunk, w, set)); err != nil {
				return err
			}
		}
	}
	return nil
}

// differ writes the rows of a column that have changed: put writes one that is present; of those that are not, their keys have
// nothing any more, and neither have the keys whose rows were freed.
func (z *Frozen[V]) differ(e *entries, put func(row uint32, v *V) error) error {
	for i := range z.chunks {
		err := changedRows(z.Changed(i, e.z.since), i, func(row uint32) error {
			if v := z.At(row); v != nil {
				return put(row, v)
			}
			return e.absent(row)
		})
		if err != nil {
			return err
		}
		z.Done(i)
	}
	return e.z.freed[e.g].write(e)
}

// absent writes that the key of a row has nothing any more.
func (e *entries) absent(row uint32) error {
	if !e.z.keys.has(e.g, row) {
		return nil // the key was freed, or never was in a snapshot
	}
	e.key = e.z.keys.append(e.key[:0], e.g, row)
	return e.forget(e.key)
}

// section writes one state in one key group, and returns its age.
func (z *snapshot) section(w backend.Writer, i, g int) (age, error) {
	st, e := z.states[i], z.entries(w, z.names[i], g)
	if z.base != nil && e.differences {
		was := z.base.ages[i*z.keys.groups()+g]
		n := st.changes(g, z)
		if n.rows == 0 && !n.unknown && z.self.turn-was.turn < idleTurns+spread(i, g) {
			st.leave(g)
			return was, nil
		}
		if e.differing = was.differs(n, z.self.turn, spread(i, g)); e.differing {
			e.framer = nil
			err := st.differ(g, e)
			was.since += e.bytes
			return was, err
		}
	}
	err := st.persist(g, e)
	if err == nil && z.request.Base != 0 {
		err = e.begin() // what the base has is hidden, also if nothing is left
	}
	if err == nil {
		err = e.end()
	}
	return age{whole: e.bytes, turn: z.self.turn}, err
}
