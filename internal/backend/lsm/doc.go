// Package lsm puts a sorted store on disk, a log-structured merge tree, below a heap store: keyed state that memory has no room for lies
// in it, one record a key. Which store that is, an [Engine] says; package pebble below has one.
//
// A table has an engine in a folder of its own, without a log: what lies there is a cache of what snapshots have. A snapshot is a
// checkpoint of the engine: a folder with hard links of its files, which never change. So the next snapshot has most of them again.
//
//	owner     ── Put, Delete ──► held back ──────────────┐ when no draft is open, with the end of a batch
//	                                                     ▼
//	draft     what was held back before its barrier ──► engine ──► files ──► checkpoint
//	          then its own records ────────────────────►
//
// While a draft is open, from its barrier until it is closed or released, the engine gets nothing that is newer than the barrier: the
// owner's writes are held back in memory, where Get looks first. Drafts take turns, in the order of their barriers: one that is written
// waits until those before it are closed or released.
package lsm
