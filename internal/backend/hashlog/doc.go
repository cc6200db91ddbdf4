// Package hashlog keeps records on disk and finds them by the hash of their key: the cold store of state that is read by key.
//
//	memory, 8 bytes a record                    disk
//
//	key group 0  │ slot │ slot │ slot │ …       segment  rank 1   ▓▓░▓░░▓▓░▓   ▓ the newest record of its key
//	key group 1  │ slot │ …                     segment  rank 2   ▓▓▓░▓▓▓▓     ░ obsolete
//	…                 ╰── hash bits, place ───▶ segment  rank 4   ▓▓▓▓▓▓▓
//	                                            tail     rank 6   ▓▓▓▓ …
//
// A record is appended to the tail and never changed; a slot has part of its hash and where it is. Reading a key is a look at
// its slot and one read. A changed key's old record is forgotten at once, and its new one written when the owner wants its
// memory back. Segments with little left alive are rewritten.
//
// A snapshot is the segments that there are, the tail ended, and a draft: what the owner had changed in memory and not
// written. The draft is written beside the stream, so its records come later than what the tail got since; so order is not
// that of writing but of ranks, which are given at the barrier. A restore reads the footers of segments, not the records: of
// records of one key, that in the segment of the highest rank counts, and in one segment the last; a tombstone says that the
// key was deleted.
//
// What lies on disk is a cache of what snapshots have: when the process dies it is gone, and a restore brings back as much as
// a snapshot retained.
package hashlog
