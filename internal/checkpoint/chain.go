package checkpoint

import (
	"slices"

	"leat.dev/leat/internal/backend"
)

// chain is the files that have a subtask's part of an operator's state, the oldest first. What a later one has goes before what
// is in those before it: a whole section hides all that is older of its state and key group, a difference changes it.
type chain []link

// link is a file of a chain.
type link struct {
	file  File   // with its checkpoint
	needs []spot // the sections that no later file hides
}

// then is the chain with another file behind it. Files that it leaves without a section that counts are no part of it any more,
// but for one that has none because there is no state at all: it says that the key groups are there.
func (c chain) then(file File, sections []section) chain {
	hidden, last := map[spot]bool{}, link{file: file}
	for _, s := range sections {
		at := spot{s.State, s.Group}
		last.needs = append(last.needs, at)
		if !s.Difference {
			hidden[at] = true
		}
	}
	var out chain
	for _, l := range c {
		if slices.ContainsFunc(l.needs, func(at spot) bool { return hidden[at] }) {
			l.needs = slices.DeleteFunc(slices.Clone(l.needs), func(at spot) bool { return hidden[at] })
		}
		if len(l.needs) > 0 {
			out = append(out, l)
		}
	}
	switch {
	case len(last.needs) > 0:
		out = append(out, last)
	case len(out) == 0 && len(c) > 0:
		out = c[len(c)-1:]
	case len(out) == 0:
		out = chain{last}
	}
	return out
}

// spots are the sections that the chain has.
func (c chain) spots() map[spot]bool {
	all := map[spot]bool{}
	for _, l := range c {
		for _, at := range l.needs {
			all[at] = true
		}
	}
	return all
}

// files are the chain's files as the manifest of a checkpoint names them.
func (c chain) files(checkpoint int64) []File {
	all := make([]File, len(c))
	for i, l := range c {
		all[i] = l.file
		if l.file.Checkpoint == checkpoint {
			all[i].Checkpoint = 0
		}
	}
	return all
}

// share is a subtask's part of an operator.
type share struct {
	operator string
	subtask  int
}

// base is a complete checkpoint of this attempt, which others may be differences to.
type base struct {
	manifest *Manifest
	chains   map[share]chain
}

// Request says what a subtask's part of a checkpoint is to be: a difference to the checkpoint that was the newest complete one
// when it began. A savepoint is whole, and so is the first checkpoint of an attempt.
func (c *Coordinator) Request(id int64) backend.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := backend.Request{Checkpoint: id}
	if p := c.pending[id]; p != nil && p.base != nil {
		r.Base = p.base.manifest.Checkpoint
	}
	return r
}

// Bases are the checkpoints that those under way are differences to: their files are needed, also where their manifests are not
// kept. See [Tidy].
func (c *Coordinator) Bases() []*Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Manifest
	for id, p := range c.pending {
		// One whose manifest could not be written may be complete all the same, as long as no later one is.
		if p.ended() && (!p.tried || id <= c.newest) {
			continue
		}
		if p.shares != nil { // with a base it is the base's
			all = append(all, p.shares)
		}
	}
	return all
}
