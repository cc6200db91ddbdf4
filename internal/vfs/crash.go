package vfs

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// Crash is a disk as a crash at this instant would leave it; the seed decides what is lost of what was not synced. The disk at
// hand stays as it is, so that one state can crash in many ways. The new one has no faults, log or clock.
//
// Of names that were changed and not synced, either any may be lost, or, as on file systems with a journal, all from some change
// on. Of bytes that were written and not synced, the end may be missing and sectors before it may hold zeros or rubbish.
func (m *Mem) Crash(seed uint64) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crash{to: NewMem(), seed: seed, names: map[*node]map[string]*node{}, copies: map[*node]*node{}}
	c.to.faults.operations = m.faults.operations
	for _, change := range c.survivors(m.pending) {
		for _, b := range change {
			b.dir.bind(c.namesOf(b.dir), b)
		}
	}
	c.to.nodes, c.to.root = m.nodes, c.copy(m.root)
	return c.to
}

type crash struct {
	to     *Mem
	seed   uint64
	names  map[*node]map[string]*node // of folders, where other than durable
	copies map[*node]*node
}

// survivors chooses the changes that reached the disk.
func (c *crash) survivors(pending []change) []change {
	random := rand.New(rand.NewPCG(c.seed, 0))
	if random.IntN(2) == 0 {
		return pending[:random.IntN(len(pending)+1)]
	}
	var kept []change
	for _, p := range pending {
		if random.IntN(2) == 0 {
			kept = append(kept, p)
		}
	}
	return kept
}

func (c *crash) namesOf(dir *node) map[string]*node {
	if c.names[dir] == nil {
		c.names[dir] = maps.Clone(dir.durable)
	}
	return c.names[dir]
}

// copy copies a node with all that can be reached from it. A file with two names stays one file.
func (c *crash) copy(n *node) *node {
	if done := c.copies[n]; done != nil {
		return done
	}
	to := &node{id: n.id, dir: n.dir, modified: n.modified}
	c.copies[n] = to
	if n.dir {
		to.names = map[string]*node{}
		for name, child := range c.namesOf(n) {
			copied := c.copy(child)
			copied.links++
			to.names[name] = copied
		}
		to.durable = maps.Clone(to.names)
		return to
	}
	to.data = tear(n, rand.New(rand.NewPCG(c.seed, uint64(n.id))))
	to.synced = len(to.data)
	return to
}

// tear is what is left of a file's bytes.
func tear(n *node, random *rand.Rand) []byte {
	data := bytes.Clone(n.data[:n.synced+random.IntN(len(n.data)-n.synced+1)])
	for sector := range slices.Chunk(data[n.synced:], sectorBytes) {
		switch random.IntN(4) {
		case 0:
			clear(sector)
		case 1:
			for i := range sector {
				sector[i] = 0x80 | byte(random.Uint32()) // no letters: whoever prints it sees
			}
		}
	}
	return data
}
