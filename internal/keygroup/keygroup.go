// Package keygroup says where a key belongs: key → canonical bytes → hash → key group → subtask.
//
// Keyed state moves between subtasks, and from one snapshot to the next, in key groups. So all of this arithmetic is
// part of the snapshot format: docs/format/keys.md draws it and has golden vectors.
package keygroup

const (
	// DefaultMax is how many key groups a job has unless it says otherwise.
	DefaultMax = 128

	// MaxMax is how many key groups a job may have. Every key group costs each state a little memory.
	MaxMax = 32768
)

// Of is the key group of a key with this hash, among max (1 to MaxMax). It takes the high bits of the hash, so that
// tables within a key group may use the low ones.
func Of(hash uint64, max int) int {
	return int((hash >> 32) * uint64(max) >> 32)
}

// Subtask is the subtask that owns a key group when there are parallelism of them, at most max.
func Subtask(group, parallelism, max int) int {
	return group * parallelism / max
}

// Range is the key groups that a subtask owns: from and up to, without, to.
func Range(subtask, parallelism, max int) (from, to int) {
	return first(subtask, parallelism, max), first(subtask+1, parallelism, max)
}

// first is the lowest key group whose subtask is at least this one.
func first(subtask, parallelism, max int) int {
	return (subtask*max + parallelism - 1) / parallelism
}
