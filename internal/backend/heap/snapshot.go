package heap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/invariants"
	"leat.dev/leat/internal/keygroup"
)

// frozenState is one state as it was when a snapshot began.
type frozenState interface {
	// persist writes the entries of one key group.
	persist(g int, w *entries) error
	// changed says how much of a key group has changed since the snapshot's base.
	changes(g int, z *snapshot) changed
	// differ writes what has changed of one since.
	differ(g int, w *entries) error
	// leave says that a key group is not read any more.
	leave(g int)
}

// errReleased ends the writing of a snapshot that was released meanwhile.
var errReleased = errors.New("the snapshot was released before it was written")

// snapshot is a store as it was at one barrier.
type snapshot struct {
	ticket  *Ticket
	keys    frozenKeys
	states  []frozenState
	names   []string
	from    int
	also    func() // called when the snapshot has ended; nil: nothing
	request backend.Request
	base    *taken // nil: what is written is whole
	since   uint64 // the base's epoch
	freed   []frozenDeletions
	self    *taken

	stop atomic.Bool // Release was called
	// mu guards writing: Release leaves giving the ticket back to a Persist that is under way.
	mu      sync.Mutex
	writing bool
}

// frozenKeys has the keys of the rows.
type frozenKeys interface {
	append(to []byte, g int, row uint32) []byte
	// images is where the keys of a chunk's rows lie, one after another and as they are written, and how long each is; nil for
	// keys that don't.
	images(g, chunk int) (unsafe.Pointer, int)
	has(g int, row uint32) bool
	done(g int)
	groups() int
	chunks(g int) int
	hash(g int, row uint32) uint64
}

// Snapshot freezes the state as it is. It is called between batches.
func (s *Store[K]) Snapshot(r backend.Request) backend.Snapshot {
	if invariants.Enabled && s.batchKeys != nil {
		panic("a snapshot in the middle of a batch")
	}
	if s.cold != nil {
		s.adopt(math.MaxInt) // what is ready of snapshots before: it need not be written again
		return s.freezeCold(s.space.Freeze(), r)
	}
	base := s.lineage.rebase(s.space, r.Base)
	t := s.space.Freeze()
	z := &snapshot{ticket: t, from: s.cfg.From, request: r, base: base, keys: &keyReader[K]{s.keys, s.keyFam.FreezeAll(s.keyCols, t)}}
	s.keyFam.Trim()
	z.freed = freezeAll(s.space, s.freed)
	for _, st := range s.states {
		z.states = append(z.states, st.freeze(t))
		z.names = append(z.names, st.describe().Name)
	}
	z.self = &taken{checkpoint: r.Checkpoint, ticket: t, ages: make([]age, len(s.states)*s.groups)}
	if base != nil {
		z.since, z.self.turn = base.ticket.epoch, base.turn+1
	}
	s.lineage.take(z.self)
	return z
}

// Persist writes all entries, or what has changed since the base.
func (z *snapshot) Persist(w backend.Writer) error {
	if !z.start() {
		return errReleased
	}
	defer z.finish()
	return z.persistAll(w)
}

func (z *snapshot) persistAll(w backend.Writer) error {
	idle := z.base != nil
	for i := range z.states {
		for g := range z.keys.groups() {
			at := i*z.keys.groups() + g
			age, err := z.section(w, i, g)
			if err != nil {
				return fmt.Errorf("state %q, key group %d: %w", z.names[i], g+z.from, err)
			}
			z.self.ages[at] = age
			idle = idle && age == z.base.ages[at]
		}
		z.states[i] = nil // its tables are garbage from here
	}
	if idle {
		z.self.turn = z.base.turn // a chain is no longer for it
	}
	for g := range z.keys.groups() {
		z.keys.done(g)
	}
	return nil
}

func (z *snapshot) start() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.stop.Load() {
		return false
	}
	z.writing = true
	return true
}

func (z *snapshot) finish() {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.writing = false
	if z.stop.Load() {
		z.end()
	}
}

func (z *snapshot) end() {
	z.ticket.Release()
	if z.also != nil {
		z.also()
	}
}

// Release ends the snapshot. A Persist that is under way ends with an error.
func (z *snapshot) Release() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if !z.stop.Swap(true) && !z.writing {
		z.end()
	}
}

// entries writes the entries of one state and key group; without entries the group is not begun.
type entries struct {
	w      backend.Writer
	framer backend.Framer // nil if w is none
	state  string
	g      int
	z      *snapshot
	begun  bool
	key    []byte
	value  []byte // with its time
	bytes  int64  // written, about

	differences bool // the writer takes them
	differing   bool // this is one

	lent     []byte // the framer's memory, while it is borrowed
	borrowed bool
	from     int // how long it was
	n        int // entries in it that the framer does not know of
}

func (z *snapshot) entries(w backend.Writer, state string, g int) *entries {
	e := &entries{w: w, state: state, g: g, z: z}
	e.framer, _ = w.(backend.Framer)
	_, e.differences = w.(backend.Differences)
	return e
}

// begin is called before each entry, or once for several.
func (e *entries) begin() error {
	if e.z.stop.Load() {
		return errReleased
	}
	if !e.begun {
		e.begun = true
		if err := e.beginSection(); err != nil {
			return err
		}
	}
	if e.framer != nil && !e.borrowed {
		e.lent, e.borrowed = e.framer.Lend(), true
		e.from = len(e.lent)
	}
	return nil
}

func (e *entries) beginSection() error {
	if e.differing {
		return e.w.(backend.Differences).BeginDifference(e.state, e.g+e.z.from)
	}
	return e.w.Begin(e.state, e.g+e.z.from)
}

// put writes one entry of the key of a row.
func (e *entries) put(row uint32, item, value []byte) error {
	if err := e.begin(); err != nil {
		return err
	}
	if e.framer == nil {
		e.key = e.z.keys.append(e.key[:0], e.g, row)
		e.bytes += int64(len(e.key)+len(item)+len(value)) + entryHead
		return e.w.Entry(e.key, item, value)
	}
	to := e.keyed(e.lent, row, item)
	to = binary.AppendUvarint(to, uint64(len(value)))
	return e.lend(append(to, value...))
}

// putKey is put for a key in bytes.
func (e *entries) putKey(key, item, value []byte) error {
	if err := e.begin(); err != nil {
		return err
	}
	if e.framer == nil {
		return e.w.Entry(key, item, value)
	}
	to := e.lent
	for _, part := range [...][]byte{key, item, value} {
		to = binary.AppendUvarint(to, uint64(len(part)))
		to = append(to, part...)
	}
	return e.lend(to)
}

// keyed appends the head of an entry: its key and its item.
func (e *entries) keyed(to []byte, row uint32, item []byte) []byte {
	to = append(to, 0)
	at := len(to)
	to = framed(e.z.keys.append(to, e.g, row), at)
	to = binary.AppendUvarint(to, uint64(len(item)))
	return append(to, item...)
}

// image appends the head of an entry without an item, of row lo of a chunk whose keys lie at from.
func image(to []byte, from unsafe.Pointer, width, lo int) []byte {
	key := unsafe.Add(from, lo*width)
	if width == 8 {
		to = append(append(to, 8), (*[8]byte)(key)[:]...)
	} else {
		to = append(append(to, byte(width)), unsafe.Slice((*byte)(key), width)...)
	}
	return append(to, 0)
}

// framed puts the length of what was appended from at on into the byte before, and makes room if one is not enough.
func framed(to []byte, at int) []byte {
	n := len(to) - at
	if n < 1<<7 {
		to[at-1] = byte(n)
		return to
	}
	var head [binary.MaxVarintLen64]byte
	used := binary.PutUvarint(head[:], uint64(n))
	to = append(to, head[:used-1]...)
	copy(to[at+used-1:], to[at:at+n])
	copy(to[at-1:], head[:used])
	return to
}

// lend keeps what an entry was appended to, or exchanges it when there is enough of it.
func (e *entries) lend(to []byte) error {
	e.lent = to
	if e.n++; len(to) < backend.FrameBytes {
		return nil
	}
	_, err := e.exchange(to)
	return err
}

// exchange gives the framer its memory back and borrows it anew.
func (e *entries) exchange(lent []byte) ([]byte, error) {
	n := e.n
	e.n = 0
	e.bytes += int64(len(lent) - e.from)
	if err := e.framer.Took(lent, n); err != nil {
		return nil, err
	}
	e.lent = e.framer.Lend()
	e.from = len(e.lent)
	return e.lent, nil
}

// end gives the framer its memory back.
func (e *entries) end() error {
	if !e.borrowed {
		return nil
	}
	lent, n := e.lent, e.n
	e.lent, e.n, e.borrowed = nil, 0, false
	e.bytes += int64(len(lent) - e.from)
	return e.framer.Took(lent, n)
}

type keyReader[K comparable] struct {
	keys *keygroup.Keys[K]
	cols []Frozen[K]
}

func (r *keyReader[K]) append(to []byte, g int, row uint32) []byte {
	return r.keys.Append(to, *r.cols[g].At(row))
}

func (r *keyReader[K]) images(g, chunk int) (unsafe.Pointer, int) {
	n := r.keys.ImageBytes()
	if n == 0 || n >= 1<<7 {
		return nil, 0
	}
	return unsafe.Pointer(unsafe.SliceData(r.cols[g].chunks[chunk].vals)), n
}

func (r *keyReader[K]) has(g int, row uint32) bool { return r.cols[g].At(row) != nil }

func (r *keyReader[K]) done(g int)  { r.cols[g].DoneAll() }
func (r *keyReader[K]) groups() int { return len(r.cols) }

func (r *keyReader[K]) chunks(g int) int { return r.cols[g].Chunks() }

func (r *keyReader[K]) hash(g int, row uint32) uint64 { return r.keys.Hash(*r.cols[g].At(row)) }
