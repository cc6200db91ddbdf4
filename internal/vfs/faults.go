package vfs

import (
	"errors"
	"math/rand/v2"
	"syscall"
)

// ErrHalted is what operations return after the one that Halt named: the process is dead and changes nothing any more.
var ErrHalted = errors.New("the process has been killed")

// faults are what goes wrong on a Mem.
type faults struct {
	operations int64 // so many have been done or failed
	failAt     int64 // the number of the operation that fails
	failWith   error
	haltAt     int64 // the number of the first operation that is not done
	free       int64 // bytes that files may still take
	flips      *rand.Rand
	chance     float64 // that a read has a bit turned over
}

const never = 1<<63 - 1

var noFaults = faults{failAt: never, haltAt: never, free: never}

// Operations is how many operations there have been, with those that failed. Size and Damage are none.
func (m *Mem) Operations() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.faults.operations
}

// Fail has one operation fail, without an effect: the k-th from now on, counted from 1. syscall.EIO is a disk that is broken.
func (m *Mem) Fail(k int64, with error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults.failAt, m.faults.failWith = m.faults.operations+k, with
}

// Halt kills the process: the k-th operation from now on, counted from 1, and all that come after it fail with ErrHalted and
// have no effect.
func (m *Mem) Halt(k int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults.haltAt = m.faults.operations + k
}

// Fill leaves room for so many bytes: a Write beyond them writes what fits and fails with ENOSPC. Removing files makes room.
func (m *Mem) Fill(free int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults.free = free
}

// FlipBits has reads return, with this chance each, bytes that have one bit turned over. The file keeps its own.
func (m *Mem) FlipBits(seed uint64, chance float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults.flips, m.faults.chance = rand.New(rand.NewPCG(seed, 0)), chance
}

// Heal ends all faults.
func (m *Mem) Heal() {
	m.mu.Lock()
	defer m.mu.Unlock()
	operations := m.faults.operations
	m.faults = noFaults
	m.faults.operations = operations
}

// next counts an operation and says whether it fails.
func (f *faults) next() error {
	f.operations++
	switch {
	case f.operations >= f.haltAt:
		return ErrHalted
	case f.operations == f.failAt:
		return f.failWith
	}
	return nil
}

// take takes room for a write, as much as there is.
func (f *faults) take(bytes int) (int, error) {
	if f.free == never {
		return bytes, nil
	}
	n := min(int64(bytes), f.free)
	f.free -= n
	if n < int64(bytes) {
		return int(n), syscall.ENOSPC
	}
	return bytes, nil
}

// release gives back the room of a file that has lost its last name.
func (f *faults) release(n *node) {
	if f.free != never && n.links == 0 {
		f.free += int64(len(n.data))
	}
}

// flip turns over one bit, by chance.
func (f *faults) flip(b []byte) {
	if f.flips != nil && len(b) > 0 && f.flips.Float64() < f.chance {
		b[f.flips.IntN(len(b))] ^= 1 << f.flips.IntN(8)
	}
}
