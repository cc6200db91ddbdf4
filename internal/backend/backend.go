// Package backend has the contract between operators' state and where it lives, and between state and snapshots.
//
// A backend does four things: Snapshot is cheap and runs on the subtask's loop; Persist writes what was frozen and runs
// elsewhere, while the loop goes on changing the live state; Release gives the frozen part back; Restore reads entries.
package backend

import "leat.dev/leat/codec"

// Kind is a kind of state; it is recorded in snapshots.
type Kind string

// The kinds.
const (
	Value       Kind = "value"       // one value a key
	List        Kind = "list"        // a list a key: entries with several values each, in order
	Map         Kind = "map"         // item → value
	Ordered     Kind = "ordered"     // item → value, in the order of items
	Reducing    Kind = "reducing"    // one value a key
	Aggregating Kind = "aggregating" // one accumulator a key
	Timer       Kind = "timer"       // one time a key
	Timers      Kind = "timers"      // item → time
	Slices      Kind = "slices"      // a window operator's slices: slice → accumulator
	Sessions    Kind = "sessions"    // a window operator's sessions: session → accumulator
	Operator    Kind = "operator"    // state of an operator without keys: a list that is dealt out anew
)

// State describes one named state of an operator, as the plan shows it and a snapshot records it.
type State struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Type is the Go type of the values, for people.
	Type string `json:"type"`
	// Time is "event" or "processing" for timers.
	Time string `json:"time,omitempty"`
	// Item is the schema of map keys, ordered keys, timer items; Value that of values.
	Item  codec.Schema `json:"item,omitzero"`
	Value codec.Schema `json:"value"`
	// Cold says that it goes to a cold store, where the backend has one.
	Cold bool `json:"-"`
	// TTL is set where entries are forgotten some time after they were written.
	TTL *TTL `json:"ttl,omitempty"`
	// Was are the names that the state had in earlier versions of the job.
	Was []string `json:"-"`
	// Reads says whether the items and values of a state of the same kind can be read that a snapshot describes so; an
	// error says why not. Nil: those with equal schemas.
	Reads func(was State) error `json:"-"`
	// Items and Values are what a running job shows of the state as Go values; of an aggregating state, Values are its results.
	// Nil: it has no items, or values that mean nothing outside of the operator.
	Items  *Boxed `json:"-"`
	Values *Boxed `json:"-"`
}

// Writer takes the canonical entries of a snapshot: the same whatever the backend and the parallelism. The slices
// given to Entry are the caller's again after the call.
type Writer interface {
	// Begin starts the entries of one state in one key group. A state and group may be begun once only.
	Begin(state string, group int) error
	// Entry writes one entry: the key's canonical bytes, the item for states with items, the value.
	Entry(key, item, value []byte) error
}

// Framer is what a Writer may offer beside: it lends its memory, so that many small entries are encoded where they are
// written from.
type Framer interface {
	Writer
	// Lend returns what entries of the state and group begun last are appended to, behind what is there, each as
	//
	//	uvarint length, key | uvarint length, item | uvarint length, value
	//
	// Nothing but Took may follow.
	Lend() []byte
	// Took takes the memory back, with so many entries more. It is due with the entry that brings the length of what was lent to
	// FrameBytes or more, and before anything else is written.
	Took(lent []byte, entries int) error
}

// Differences is what a Writer of a snapshot with a base offers beside, see [Request].
type Differences interface {
	Writer
	// BeginDifference starts what has changed since the base, of one state in one key group. An Entry then takes the place of
	// all that the base has of its key and item.
	BeginDifference(state string, group int) error
	// Delete says that the base has entries of a key and an item which are no more.
	Delete(key, item []byte) error
	// Forget says that all is no more that the base has of a key. Neither Delete nor Forget touches entries of the same
	// difference, whichever come first.
	Forget(key []byte) error
}

// FrameBytes is how long what a Framer lends becomes before it goes back.
const FrameBytes = 64 << 10

// Reader reads the entries of one state in one key group, in the order in which they were written. The slices are
// valid until the next call; io.EOF ends them.
type Reader interface {
	Next() (key, item, value []byte, err error)
}

// Sized is what a Reader may offer beside: how many entries there should be, so that room for them is made at once. There
// may turn out to be fewer or more.
type Sized interface{ Entries() int }

// Request says what a snapshot is to be.
type Request struct {
	// Checkpoint is its number, which grows from snapshot to snapshot; 0 is one that is never a base.
	Checkpoint int64
	// Base is an earlier checkpoint that is complete, and known to be so: only what has changed since need be written. It is never an
	// older one than that of a request before. 0: the snapshot is whole.
	Base int64
}

// Snapshot is state as it was at one barrier.
type Snapshot interface {
	// Persist writes all entries, state by state and group by group. It is called at most once, from any goroutine,
	// while the owner of the state goes on changing it.
	//
	// Of a snapshot with a base, what is not begun is as the base has it, and what has lost its last entry is begun without
	// entries, or as a difference. What is begun by Begin is whole, whatever the base has. Without [Differences] in the writer,
	// all of it is.
	Persist(w Writer) error
	// Release ends the snapshot, also one that was not persisted. It is called once, from any goroutine.
	Release()
}

// Keyed is keyed state as the runtime sees it.
type Keyed interface {
	// States lists what there is, in the order in which it was declared.
	States() []State
	// Snapshot freezes the state; it costs some microseconds a million rows. It is called on the subtask's loop.
	Snapshot(r Request) Snapshot
	// Restore reads the entries of one state in one key group, before the first record: was is the state as the snapshot
	// describes it, name the one that it has now. Entries that an older schema wrote are resolved; the next snapshot has
	// them as the state's own writes them.
	Restore(was State, name string, group int, r Reader) error
}

// Entry is one entry of the state of an operator without keys: a source's split and its position, or an element of a
// list. A restore hands all entries of an operator to each of its subtasks, which take what is theirs.
type Entry struct {
	State string `json:"state"`
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// Committable is what an exactly-once sink has prepared for a checkpoint, and may not have committed.
type Committable struct {
	Checkpoint int64  `json:"checkpoint"`
	Subtask    int    `json:"subtask"`
	Data       []byte `json:"data"`
}

// Floor is how far event time had come for some key groups: nothing that was due by then is due again.
type Floor struct {
	From      int   `json:"from"` // key groups, half open
	To        int   `json:"to"`
	Watermark int64 `json:"watermark"`
	// Firing says that some of what was due by then is left to fire.
	Firing bool `json:"firing,omitempty"`
	// Before is the watermark before the end of time, where the watermark is that: what is left to fire at the end of
	// input has it as its event time.
	Before *int64 `json:"before,omitempty"`
}

// Refusal is thrown by a state access that fails, as its methods return no errors: it unwinds the user's callback, and
// the runtime turns it into the error that ends the attempt.
type Refusal struct{ Err error }

// Error makes a refusal readable where nobody recovers it.
func (r Refusal) Error() string { return r.Err.Error() }

// Unwrap gives the error.
func (r Refusal) Unwrap() error { return r.Err }
