package lsm

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/heap"
)

// draft is a snapshot. Put, Close, Records, Files and Release are called by one goroutine, the owner adopts when it is over.
type draft struct {
	table  *Table
	before []*layer      // held back at the barrier
	turn   chan struct{} // closed when all drafts before it are over
	own    batch         // of its records, those that are not in the engine yet
	puts   []put

	folder *folder // the table's, which it keeps
	dir    string  // of the checkpoint; "": there is none
	files  []backend.RecordFile
	reader Engine

	mu     sync.Mutex // guards all below
	over   bool       // it has given the turn on; the rest is the owner's from then on
	done   []*layer   // that are in the engine
	adopts []put      // to be adopted
}

// put is a record that the owner may adopt.
type put struct{ hash, tag uint64 }

// Seal begins a snapshot: all that was written so far is held back for it, and what is written from now on is held back until it is over.
func (t *Table) Seal() (heap.ColdDraft, error) {
	d := &draft{table: t, turn: make(chan struct{}), folder: t.folder}
	t.folder.retain()
	last := len(t.layers) - 1
	if len(t.layers[last].writes) > 0 {
		t.layers = append(t.layers, newLayer())
		last++
	}
	d.before = append(d.before, t.layers[:last]...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, d)
	t.open.Store(int64(len(t.queue)))
	if len(t.queue) == 1 {
		close(d.turn)
	}
	return d, nil
}

// leave takes a draft out of the queue.
func (t *Table) leave(d *draft) error {
	t.mu.Lock()
	for i, other := range t.queue {
		if other != d {
			continue
		}
		t.queue = append(t.queue[:i:i], t.queue[i+1:]...)
		if i == 0 && len(t.queue) > 0 {
			close(t.queue[0].turn)
		}
		break
	}
	t.open.Store(int64(len(t.queue)))
	last := t.closed && len(t.queue) == 0
	t.mu.Unlock()
	if last {
		return t.end()
	}
	return nil
}

// draftBytes is how much of a draft's records goes to the engine at once.
const draftBytes = 256 << 10

// Put writes a record.
func (d *draft) Put(hash uint64, key, value []byte, tag uint64) error {
	d.own.add(d.table.group(hash), key, value, false)
	d.puts = append(d.puts, put{hash, tag})
	if d.own.bytes() < draftBytes {
		return nil
	}
	return d.apply()
}

// apply hands the engine what is older than the barrier, and then the draft's own records.
func (d *draft) apply() error {
	<-d.turn
	for _, l := range d.before {
		for all := false; !all; {
			var err error
			if _, all, err = l.apply(d.table.engine, draftBytes); err != nil {
				return err
			}
		}
	}
	err := d.table.engine.Apply(d.own.writes)
	d.own.reset()
	return err
}

// Close makes the checkpoint.
func (d *draft) Close() error {
	err := d.close()
	d.mu.Lock()
	if err == nil {
		d.done, d.adopts = d.before, d.puts
	}
	d.over = true
	d.mu.Unlock()
	if ended := d.table.leave(d); err == nil && ended != nil {
		return ended
	}
	return err
}

func (d *draft) close() error {
	if err := d.apply(); err != nil {
		return fmt.Errorf("write a snapshot's records: %w", err)
	}
	d.dir = d.folder.next("checkpoint")
	if err := d.table.engine.Checkpoint(d.dir); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var err error
	d.files, err = d.table.list(d.dir)
	return err
}

// Files are the checkpoint's.
func (d *draft) Files() []backend.RecordFile { return d.files }

// Records goes through what the snapshot has in a key group.
func (d *draft) Records(group int, f func(hash uint64, key, value []byte) error) error {
	if d.reader == nil {
		r, err := d.table.driver.OpenReader(d.dir)
		if err != nil {
			return err
		}
		d.reader = r
	}
	return scan(d.reader, group, group+1, f)
}

// Release gives the checkpoint up.
func (d *draft) Release() {
	d.mu.Lock()
	over := d.over
	d.over = true
	d.mu.Unlock()
	if !over {
		_ = d.table.leave(d) // nobody asks how the table's end was
	}
	if d.reader != nil {
		_ = d.reader.Close() // it has written nothing
	}
	d.before, d.own = nil, batch{}
	if d.dir != "" {
		_ = os.RemoveAll(d.dir) // the folder's end would
	}
	d.folder.release()
}

// Adopt asks for the records of a draft that is complete whether they are those of rows.
func (t *Table) Adopt(z heap.ColdDraft, most int, current func(tag, hash, place uint64) bool) (done bool, err error) {
	d := z.(*draft)
	d.mu.Lock()
	over := d.over
	d.mu.Unlock()
	if !over {
		return false, nil
	}
	t.shed(d.done)
	d.done = nil
	for ; most > 0 && len(d.adopts) > 0; most-- {
		p := d.adopts[0]
		d.adopts = d.adopts[1:]
		if current(p.tag, p.hash, here) {
			t.live++
		}
	}
	return len(d.adopts) == 0, nil
}

// shed forgets the layers that a draft has applied: its own records, which rows may refer to from now on, are newer.
func (t *Table) shed(done []*layer) {
	for _, l := range done {
		if t.layers[0] == l {
			t.layers = slices.Delete(t.layers, 0, 1)
		}
	}
}
