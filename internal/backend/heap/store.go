package heap

import (
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/invariants"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/prefetch"
)

// Config says which key groups a store owns: those from From to To-1, of Max.
type Config struct {
	From, To, Max int
	Budget        *Budget // nil: no bound
	// InMemory keeps all rows in memory, also where the budget has a cold store: tables, whose values are changed in place, can't go there.
	InMemory bool
}

// Store is the keyed state of one subtask of one operator. It is used by the goroutine that owns the subtask, except
// for the snapshots that it makes.
//
//	Begin(keys, hashes)                 finds the rows of a batch
//	  Select(i) … states, timers …      for each record
//	End()                               frees the rows that are left without state
//
// SelectKey, EachKey and Fire put the cursor elsewhere; after SelectKey, End is due some time.
type Store[K comparable] struct {
	core
	cfg   Config
	keys  *keygroup.Keys[K]
	exact bool // equal hashes are equal keys

	cold *coldStore[K] // nil: all rows stay in memory

	index   []Index
	keyFam  *Family[K]
	keyCols []Column[K]
	rows    []rowAlloc
	rowsN   int

	// The batch, or one key outside of a batch: at is then -1.
	at          int
	batchKeys   []K
	batchHashes []uint64
	places      []uint64
	key         K
	hash        uint64
	hashed      bool
	lines       []uintptr // scratch of prefetching
}

var _ backend.Keyed = (*Store[string])(nil)

// New makes an empty store. States and timers are added before the first record and before Restore.
func New[K comparable](cfg Config, keys *keygroup.Keys[K]) *Store[K] {
	s := &Store[K]{cfg: cfg, keys: keys, exact: keys.Exact(), at: -1}
	s.space = NewSpace(cfg.Budget)
	s.groups = cfg.To - cfg.From
	s.owner = s
	s.names = map[string]int{}
	s.place = placeOf(0, outsideRow)
	s.times = &Times{At: noTime, Passed: noTime}
	s.index = make([]Index, s.groups)
	for g := range s.index {
		s.index[g] = NewIndex(s.space)
	}
	s.keyFam = NewFamily[K](s.space, nil, false)
	s.keyCols = columns(&s.core, s.keyFam)
	s.rows = make([]rowAlloc, s.groups)
	s.freed = make([]deletions, s.groups)
	for d := range s.queues {
		s.queues[d].space = s.space
	}
	if b := s.space.budget; b.below != nil && !cfg.InMemory {
		s.goBelow(b)
	}
	return s
}

// Close gives the store's memory back to the budget, and its cold store up. Nothing but Release of its snapshots may follow.
func (s *Store[K]) Close() {
	if s.cold != nil {
		s.closeCold()
	}
	s.space.Close()
}

// States lists the states in the order in which they were added.
func (s *Store[K]) States() []backend.State {
	out := make([]backend.State, len(s.states))
	for i, st := range s.states {
		out[i] = st.describe()
		_, point := pointOf(st)
		out[i].Cold = point && !s.cfg.InMemory
	}
	return out
}

// smallRows is how many rows a store has before prefetching pays: below, they lie in the cache.
const smallRows = 1 << 13

// Begin finds the rows of all keys of a batch, so that the cache misses overlap: first the places of the index, then
// keys where they must be compared, then what each state has for the rows. It keeps the slices until End.
func (s *Store[K]) Begin(keys []K, hashes []uint64) {
	s.batchKeys, s.batchHashes = keys, hashes
	if cap(s.places) < len(hashes) {
		s.places = make([]uint64, len(hashes))
	}
	s.places = s.places[:len(hashes)]
	many := s.rowsN >= smallRows
	if many {
		s.prefetchIndex(hashes)
	}
	if s.cold != nil {
		s.fetch(keys, hashes)
	} else {
		s.findAll(keys, hashes, many)
	}
	if many {
		s.lines = s.lines[:0]
		for _, st := range s.states {
			s.lines = st.lines(s.lines, s.places)
		}
		prefetch.Lines(s.lines)
	}
}

// findAll finds the rows of all keys of a batch.
func (s *Store[K]) findAll(keys []K, hashes []uint64, many bool) {
	s.find(hashes)
	if s.exact {
		return
	}
	if many {
		s.lines = s.keyLines(s.lines[:0])
		prefetch.Lines(s.lines)
	}
	s.verify(keys, hashes)
}

func (s *Store[K]) prefetchIndex(hashes []uint64) {
	lines := s.lines[:0]
	for _, h := range hashes {
		lines = append(lines, s.index[s.groupOf(h)].Line(h))
	}
	prefetch.Lines(lines)
	s.lines = lines
}

func (s *Store[K]) keyLines(to []uintptr) []uintptr {
	for _, p := range s.places {
		to = s.keyCols[p>>32].Lines(to, uint32(p))
	}
	return to
}

// find finds the first row with the hash of each key.
func (s *Store[K]) find(hashes []uint64) {
	for i, h := range hashes {
		g := s.groupOf(h)
		row, ok := s.index[g].Find(h)
		if !ok {
			row = unknownRow
		}
		s.places[i] = placeOf(g, row)
	}
}

// verify compares the keys, and looks on where only the hash is equal.
func (s *Store[K]) verify(keys []K, hashes []uint64) {
	for i, p := range s.places {
		if uint32(p) == unknownRow {
			continue
		}
		if *s.keyCols[p>>32].Peek(uint32(p)) != keys[i] {
			row := s.lookup(int(p>>32), keys[i], hashes[i])
			if row == noRow {
				row = unknownRow
			}
			s.places[i] = p>>32<<32 | uint64(row)
		}
	}
}

// groupOf is the key group of a hash, counted within the store.
func (s *Store[K]) groupOf(hash uint64) int { return keygroup.Of(hash, s.cfg.Max) - s.cfg.From }

// lookup returns the row of a key, or noRow.
func (s *Store[K]) lookup(g int, key K, hash uint64) uint32 {
	x := &s.index[g]
	for at := hash; ; {
		row, next, ok := x.Seek(hash, at)
		if !ok {
			return noRow
		}
		if s.exact || *s.keyCols[g].Peek(row) == key {
			return row
		}
		at = next
	}
}

// Select puts the cursor on record i of the batch.
func (s *Store[K]) Select(i int) {
	s.place = s.places[i]
	s.at = i
}

// SelectKey puts the cursor on a key that is not in the batch, or not by record.
func (s *Store[K]) SelectKey(key K, hash uint64) {
	s.at, s.key, s.hash, s.hashed = -1, key, hash, true
	g := s.groupOf(hash)
	if s.cold != nil {
		s.place = placeOf(g, s.fetchOne(g, key, hash))
		return
	}
	s.place = placeOf(g, s.lookup(g, key, hash))
}

// Key is the key at hand.
func (s *Store[K]) Key() K {
	if s.at >= 0 {
		return s.batchKeys[s.at]
	}
	return s.key
}

// Hash is the hash of the key at hand.
func (s *Store[K]) Hash() uint64 {
	if s.at >= 0 {
		return s.batchHashes[s.at]
	}
	if !s.hashed {
		s.hash, s.hashed = s.keys.Hash(s.key), true
	}
	return s.hash
}

// Group is the key group of the key at hand.
func (s *Store[K]) Group() int { return int(s.place>>32) + s.cfg.From }

func (s *Store[K]) findRow() {
	g := int(s.place >> 32)
	s.place = placeOf(g, s.lookup(g, s.Key(), s.Hash()))
}

func (s *Store[K]) createRow() {
	if uint32(s.place) == outsideRow {
		panic("keyed state is used while no key is at hand: only the operator's callbacks may use it")
	}
	if s.findRow(); uint32(s.place) != noRow {
		return
	}
	g := int(s.place >> 32)
	s.place = placeOf(g, s.insert(g, s.Key(), s.Hash()))
}

// insert gives a key that has no row one.
func (s *Store[K]) insert(g int, key K, hash uint64) uint32 {
	row := s.rows[g].take()
	s.keyCols[g].Set(row, key)
	s.index[g].Insert(hash, row)
	s.rowsN++
	if s.cold != nil {
		s.cold.rows[g].Set(row, coldRowOf(0, s.space.now))
	}
	return row
}

func (s *Store[K]) selectRow(g int, row uint32) {
	s.at, s.key, s.hashed = -1, *s.keyCols[g].Peek(row), false
	if s.cold != nil {
		row = s.fetchOne(g, s.key, s.Hash())
	}
	s.place = placeOf(g, row)
}

func (s *Store[K]) live(g int, row uint32) bool { return s.keyCols[g].Has(row) }

func (s *Store[K]) appendKey(to []byte, g int, row uint32) []byte {
	return s.keys.Append(to, *s.keyCols[g].Peek(row))
}

// End ends a batch, or any number of SelectKey: rows without state or timer are freed. No key is at hand afterwards.
// A freed row may be used again at once: a snapshot that still has it reads the frozen twin of its chunk.
func (s *Store[K]) End() {
	for _, e := range s.expires {
		e.sweep()
	}
	for _, st := range s.states {
		st.reclaim()
	}
	for _, p := range s.loose {
		s.free(int(p>>32), uint32(p))
	}
	s.loose = s.loose[:0]
	if s.cold != nil {
		s.cool()
	}
	s.batchKeys, s.batchHashes, s.places = nil, nil, s.places[:0]
	s.at, s.place = -1, placeOf(0, outsideRow)
	s.hashed = true
}

// free frees a row if it has lost all state.
func (s *Store[K]) free(g int, row uint32) {
	key := s.keyCols[g].Peek(row)
	if key == nil || s.hasState(g, row) {
		return
	}
	hash := s.keys.Hash(*key)
	if !s.index[g].Delete(hash, row) && invariants.Enabled {
		panic("a row with a key is missing in the index")
	}
	if s.cold != nil {
		s.gone(g, row, hash)
	} else if freed := &s.freed[g]; !freed.idle(s.space) && !s.keyCols[g].fresh(row) {
		s.keyBytes = s.keys.Append(s.keyBytes[:0], *key)
		freed.note(s.space, true, s.keyBytes, nil, s.index[g].Len())
	}
	s.removeRow(g, row)
}

// removeRow frees a row that the index has no longer.
func (s *Store[K]) removeRow(g int, row uint32) {
	s.keyCols[g].Delete(row)
	s.rows[g].release(row)
	s.rowsN--
}

// EachKey calls f for each key that has state or a timer, as if a record of it had come. The cursor is back where it
// was afterwards.
func (s *Store[K]) EachKey(f func(K) error) error {
	at, place, key, hash, hashed := s.at, s.place, s.key, s.hash, s.hashed
	defer func() { s.at, s.place, s.key, s.hash, s.hashed = at, place, key, hash, hashed }()
	for g := range s.keyCols {
		for row := range s.keyCols[g].Rows() {
			if !s.hasState(g, row) {
				continue
			}
			s.selectRow(g, row)
			if err := f(s.key); err != nil {
				return err
			}
		}
	}
	if s.cold != nil {
		return s.eachCold(f)
	}
	return nil
}
