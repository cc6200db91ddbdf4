package heap

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"leat.dev/leat/internal/backend"
)

// coldSnapshot is a store with a cold one as it was at a barrier. Rows that have changed since the snapshot before are written to the
// cold store's draft, so that all that point states hold is on disk: what lies in memory only would be lost to the next snapshot.
type coldSnapshot struct {
	snapshot   // timers
	draft      ColdDraft
	points     []frozenPoint
	rows       []Frozen[coldRow]
	pointNames []string
	format     string
	since      uint64
	written    atomic.Bool // the draft is complete

	key, record []byte
}

var _ backend.Snapshot = (*coldSnapshot)(nil)

// freezeCold freezes a store with a cold one.
func (s *Store[K]) freezeCold(t *Ticket, r backend.Request) *coldSnapshot {
	c := s.cold
	draft, err := c.table.Seal()
	c.check(err)
	z := &coldSnapshot{draft: draft, since: c.saved, format: c.table.Format()}
	z.also, z.request = draft.Release, r
	z.ticket, z.from, z.keys = t, s.cfg.From, &keyReader[K]{s.keys, s.keyFam.FreezeAll(s.keyCols, t)}
	s.keyFam.Trim()
	for _, st := range s.states {
		if _, ok := pointOf(st); !ok {
			z.states = append(z.states, st.freeze(t))
			z.names = append(z.names, st.describe().Name)
		}
	}
	z.self = &taken{ages: make([]age, len(z.states)*s.groups)}
	for _, p := range c.points {
		z.points = append(z.points, p.freeze(t).(frozenPoint))
		z.pointNames = append(z.pointNames, p.describe().Name)
	}
	z.rows = c.fam.FreezeAll(c.rows, t)
	c.fam.Trim()
	c.sealed = t.epoch
	c.drafts = append(c.drafts, z)
	return z
}

// Persist completes the draft, and writes all entries.
func (z *coldSnapshot) Persist(w backend.Writer) error {
	if !z.start() {
		return errReleased
	}
	defer z.finish()
	if err := z.complete(); err != nil {
		return err
	}
	if f, ok := w.(backend.Files); ok {
		if err := f.Files(backend.Layout{Format: z.format, States: z.pointNames}, z.draft.Files()); err != nil {
			return err
		}
		return z.persistAll(w)
	}
	for i := range z.points {
		for g := range z.keys.groups() {
			if err := z.persistPoint(w, i, g); err != nil {
				return fmt.Errorf("state %q, key group %d: %w", z.pointNames[i], g+z.from, err)
			}
		}
	}
	return z.persistAll(w)
}

// complete writes the rows that have changed.
func (z *coldSnapshot) complete() error {
	for g := range z.keys.groups() {
		for chunk := range z.keys.chunks(g) {
			if z.stop.Load() {
				return errReleased
			}
			if err := z.write(g, chunk); err != nil {
				return fmt.Errorf("key group %d: %w", g+z.from, err)
			}
			for _, p := range z.points {
				p.done(g, chunk)
			}
		}
	}
	if err := z.draft.Close(); err != nil {
		return err
	}
	z.written.Store(true)
	return nil
}

// write writes the rows of a chunk that have changed. It passes over those whose keys are gone, which the cold store has been told,
// and those that are hollow: the cold store has what they had.
func (z *coldSnapshot) write(g, chunk int) (err error) {
	for word, set := range z.changed(g, chunk) {
		for ; set != 0; set &= set - 1 {
			row := uint32(chunk<<chunkShift | word<<6 | bits.TrailingZeros64(set))
			if r := z.rows[g].At(row); r == nil || r.hollow() {
				continue
			}
			z.record, err = saveRow(z.record[:0], len(z.points), func(to []byte, i int) ([]byte, error) { return z.points[i].save(to, g, row) })
			if err != nil {
				return err
			}
			z.key = z.keys.append(z.key[:0], g, row)
			if err := z.draft.Put(z.keys.hash(g, row), z.key, z.record, placeOf(g, row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// changed are the rows of a chunk that have changed in any state.
func (z *coldSnapshot) changed(g, chunk int) (rows [chunkRows / 64]uint64) {
	for _, p := range z.points {
		for i, w := range p.changed(g, chunk, z.since) {
			rows[i] |= w
		}
	}
	return rows
}

// persistPoint writes the entries of one state and key group, which all lie in the cold store by now.
func (z *coldSnapshot) persistPoint(w backend.Writer, state, g int) error {
	e := z.entries(w, z.pointNames[state], g)
	err := z.draft.Records(g+z.from, func(_ uint64, key, record []byte) error {
		return loadRow(record, func(i int, item, value []byte) error {
			if i != state {
				return nil
			}
			return e.putKey(key, item, value)
		})
	})
	if err == nil && z.request.Base != 0 {
		err = e.begin() // what the base has is hidden, also if nothing is left
	}
	if err != nil {
		return err
	}
	return e.end()
}
