// Package heap keeps an operator's keyed state in memory: a key directory and columns, with copy-on-write snapshots.
//
//	record ─▶ Index (one a key group) ─▶ row ─▶ Column[V] of each state (one a state and key group)
//	          hash → row                        chunks of up to 256 rows: {epoch, presence bits, values}
//
// A snapshot copies the columns' tables of chunk pointers and starts a new epoch. The first write to a chunk of an
// older epoch replaces the chunk with a copy, unless the writer of the snapshot has finished with it. So frozen
// chunks never change, a row may be reused at once (its frozen twin is in another chunk), and the index, which is
// never written, is built anew on restore.
//
// # Building blocks
//
// [Space] is what all tables of one subtask share; [Family] makes the columns of one state; [Index] finds rows:
//
//	NewBudget(limit int64) *Budget
//	NewSpace(b *Budget) *Space                 Freeze() *Ticket; Close()
//	(*Ticket).Release()
//
//	NewIndex(s *Space) Index                   Find(hash) (row, ok); Seek(hash, at) (row, next, ok)
//	                                           Insert(hash, row); Delete(hash, row) bool
//	                                           Line(hash) uintptr; Len() int; Drop()
//
//	NewFamily[V](s *Space, encode func([]byte, *V) ([]byte, error), refs bool) *Family[V]
//	(*Family[V]).Column() Column[V]            FreezeAll(cols []Column[V], t *Ticket) []Frozen[V]
//	                                           Trim()
//	(*Column[V])                               Get(row) (V, bool); Peek(row) *V; Has(row) bool
//	                                           Set(row, v); Ref(row) *V; Delete(row) bool
//	                                           Rows() iter.Seq[uint32]; Touch(row) byte; Lines(to, row)
//	                                           Freeze(t *Ticket) Frozen[V]; Drop()
//	(*Frozen[V])                               Chunks() int; At(row) *V; Rows(chunk) iter.Seq2[uint32, *V]
//	                                           Encode(chunk, scratch, func(row, value) error) error
//	                                           Done(chunk); DoneAll()
//
// # The store
//
// [Store] puts them together for a keyed operator:
//
//	New[K](cfg Config, keys *keygroup.Keys[K]) *Store[K]
//	(*Store[K])  Begin(keys, hashes); Select(i); SelectKey(key, hash); End()
//	             Key() K; Hash() uint64; Group() int; EachKey(func(K) error) error
//	             AddTimer(name, domain, fire) *Timer; Fire(domain, upTo, limit) (more bool, err error)
//	             NextTimer(domain) (at int64, ok bool); Time() int64; Drain()
//	             States(); Snapshot(request); Restore(state, group, reader); Close()
//	AddValue AddList AddMap AddOrdered AddRunning AddTimers
//
// An access that fails, for want of memory, panics with a [Refusal].
//
// Everything is used from the goroutine that owns the subtask, except Frozen and Ticket.Release, which the writer of
// a snapshot uses at the same time.
package heap
