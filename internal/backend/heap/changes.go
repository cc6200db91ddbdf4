package heap

// changes are the rows of a chunk that were written to or deleted, as far back as the newest complete snapshot: what an incremental
// snapshot writes. Rows are remembered one by one, since few rows in each of many chunks is what random keys make.
//
// A chunk is written to in one epoch after another. Rows of the present one are in now. Those of the epochs before are kept in
// before as long as no snapshot of these epochs is known to be complete: one that is in flight may still fail.
type changes struct {
	now    [chunkRows / 64]uint64
	before [chunkRows / 64]uint64
	last   uint64 // the newest epoch that before has rows of
}

// later are the changes of a chunk that is about to be written to in a later epoch than that of its last write. Saved is the
// epoch of the newest complete snapshot.
func (c *changes) later(epoch, saved uint64) (n changes) {
	if epoch > saved {
		n.before, n.last = c.since(epoch, saved), epoch
	}
	return n
}

// since are the rows that changed after the epoch of a snapshot, in a chunk that was last written to in epoch.
func (c *changes) since(epoch, saved uint64) (rows [chunkRows / 64]uint64) {
	if epoch <= saved {
		return rows
	}
	rows = c.now
	if c.last > saved {
		for i, w := range c.before {
			rows[i] |= w
		}
	}
	return rows
}

// changed says whether a row has changed since a snapshot of the epoch.
func (c *Column[V]) changed(row uint32, since uint64) bool {
	k, lo := c.at(row), row&(chunkRows-1)
	if k.epoch <= since {
		return false
	}
	rows := k.changes.since(k.epoch, since)
	return rows[lo>>6]&(1<<(lo&63)) != 0
}

// mark says that a row has changed, where what has changed is not in the column itself.
func (c *Column[V]) mark(row uint32) {
	if c.Has(row) {
		c.writable(row).changes.now[row&(chunkRows-1)>>6] |= 1 << (row & 63)
	}
}

// settle says that a row, which has been written to in this epoch, has not changed.
func (c *Column[V]) settle(row uint32) {
	k, lo := c.at(row), row&(chunkRows-1)
	if k.epoch == c.fam.space.now {
		k.changes.now[lo>>6] &^= 1 << (lo & 63)
		k.changes.before[lo>>6] &^= 1 << (lo & 63)
	}
}
