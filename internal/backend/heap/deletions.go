package heap

import (
	"encoding/binary"

	"leat.dev/leat/internal/backend"
)

// deletions are the keys, or keys and items, of one key group that were deleted since the newest complete snapshot: their rows may
// belong to others by now. They are kept as bytes, as a snapshot has them, in the order of epochs.
type deletions struct {
	bytes  []byte // a snapshot in flight reads what was there when it began, which therefore never changes
	epochs []deletedIn
	n      int
	lost   uint64 // what was deleted in this epoch and before is not all here: it had become too much
}

// deletedIn says where the deletions of an epoch begin, and how many came before them.
type deletedIn struct {
	epoch uint64
	at, n int
}

// leastDeletions is how many deletions are always kept; beyond, only as many as there are rows: a snapshot would then write the
// rows that are left.
const leastDeletions = 64

// idle says that deletions need not be added: no snapshot has what is deleted, or it would be written whole anyway.
func (d *deletions) idle(s *Space) bool { return s.now == 1 || d.lost == s.now }

// note adds a key, or a key and an item if all is not forgotten. Rows is how many are left.
func (d *deletions) note(s *Space, forget bool, key, item []byte, rows int) {
	if d.n >= max(leastDeletions, rows) {
		d.lose(s)
		return
	}
	if last := len(d.epochs) - 1; last < 0 || d.epochs[last].epoch != s.now {
		d.epochs = append(d.epochs, deletedIn{s.now, len(d.bytes), d.n})
	}
	before := cap(d.bytes)
	head := uint64(len(key)) << 1
	if forget {
		head |= 1
	}
	d.bytes = append(binary.AppendUvarint(d.bytes, head), key...)
	if !forget {
		d.bytes = append(binary.AppendUvarint(d.bytes, uint64(len(item))), item...)
	}
	d.n++
	if more := cap(d.bytes) - before; more > 0 {
		s.take(int64(more))
	}
}

// lose gives the deletions up: what they are of is written whole until a snapshot of this epoch is complete.
func (d *deletions) lose(s *Space) {
	s.give(int64(cap(d.bytes)))
	*d = deletions{lost: s.now}
}

// saved drops what a complete snapshot knows of.
func (d *deletions) saved(s *Space) {
	known := 0
	for known < len(d.epochs) && d.epochs[known].epoch <= s.saved {
		known++
	}
	if known == 0 {
		return
	}
	s.give(int64(cap(d.bytes)))
	if known == len(d.epochs) {
		d.bytes, d.epochs, d.n = nil, nil, 0
		return
	}
	from := d.epochs[known]
	d.bytes = append([]byte(nil), d.bytes[from.at:]...)
	d.epochs = append([]deletedIn(nil), d.epochs[known:]...)
	for i := range d.epochs {
		d.epochs[i].at -= from.at
		d.epochs[i].n -= from.n
	}
	d.n -= from.n
	s.take(int64(cap(d.bytes)))
}

// freeze is what was deleted since the newest complete snapshot.
func (d *deletions) freeze() frozenDeletions {
	return frozenDeletions{d.bytes[:len(d.bytes):len(d.bytes)], d.n, d.lost}
}

// freezeAll freezes the deletions of all key groups, and drops what a complete snapshot knows of.
func freezeAll(s *Space, all []deletions) []frozenDeletions {
	out := make([]frozenDeletions, len(all))
	for g := range all {
		all[g].saved(s)
		out[g] = all[g].freeze()
	}
	return out
}

// frozenDeletions are deletions as they were when a snapshot began.
type frozenDeletions struct {
	bytes []byte
	n     int
	lost  uint64
}

// complete says whether all is there that was deleted after an epoch.
func (z *frozenDeletions) complete(since uint64) bool { return z.lost <= since }

// write writes the deletions.
func (z *frozenDeletions) write(e *entries) error {
	for rest := z.bytes; len(rest) > 0; {
		head, n := binary.Uvarint(rest)
		key := rest[n : n+int(head>>1)]
		rest = rest[n+len(key):]
		if head&1 != 0 {
			if err := e.forget(key); err != nil {
				return err
			}
			continue
		}
		size, n := binary.Uvarint(rest)
		item := rest[n : n+int(size)]
		rest = rest[n+len(item):]
		if err := e.delete(key, item); err != nil {
			return err
		}
	}
	return nil
}

// forget writes that a key has nothing any more.
func (e *entries) forget(key []byte) error {
	if err := e.begin(); err != nil {
		return err
	}
	e.bytes += int64(len(key)) + entryHead
	return e.w.(backend.Differences).Forget(key)
}

// delete writes that an item of a key is gone.
func (e *entries) delete(key, item []byte) error {
	if err := e.begin(); err != nil {
		return err
	}
	e.bytes += int64(len(key)+len(item)) + entryHead
	return e.w.(backend.Differences).Delete(key, item)
}

// entryHead is about what an entry takes beside its parts.
const entryHead = 4
