package hashlog

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// Source is a segment of a snapshot, and the key groups From … To-1 for which it counts: those of the subtask whose snapshot
// named it. What it has of others is obsolete.
type Source struct {
	Reader   *SegmentReader
	From, To int
}

// resolver finds out what is alive in segments: of the records of each key the newest.
type resolver struct {
	sources []resolving // in order of ranks
	entries []entry     // at: number of the source, where
	scratch []entry
}

// resolving is a source, and what was found of it.
type resolving struct {
	cursor
	first, last                uint64 // hashes for which it counts
	records, tombstones, alive int64
}

// maxResolved is about how many entries are resolved at once.
const maxResolved = 1 << 18

// newResolver resolves sources that are in order of ranks.
func newResolver(sources []Source) *resolver {
	r := &resolver{sources: make([]resolving, len(sources))}
	for i, s := range sources {
		max := s.Reader.Info().Max
		r.sources[i] = resolving{cursor: cursor{segment: s.Reader}, first: firstHash(s.From, max), last: firstHash(s.To, max) - 1}
	}
	return r
}

// estimate is how many entries there are at most with hashes from first to last.
func (r *resolver) estimate(first, last uint64) (entries int) {
	for i := range r.sources {
		s := &r.sources[i]
		if low, high := max(first, s.first), min(last, s.last); low <= high {
			entries += s.segment.estimate(low, high)
		}
	}
	return entries
}

// found is an entry whose record is alive.
type found struct {
	entry
	source int
}

// resolve gives what is alive with hashes from first to last, in order of hashes.
func (r *resolver) resolve(first, last uint64, yield func(found) error) error {
	parts := uint64(r.estimate(first, last)/maxResolved + 1)
	step := (last-first)/parts + 1
	if step == 0 {
		return r.resolvePart(first, last, yield)
	}
	for low := first; ; low += step {
		high := last
		if last-low >= step {
			high = low + step - 1
		}
		if err := r.resolvePart(low, high, yield); err != nil || high == last {
			return err
		}
	}
}

func (r *resolver) resolvePart(first, last uint64, yield func(found) error) error {
	r.entries = r.entries[:0]
	for i := range r.sources {
		if err := r.gather(i, first, last); err != nil {
			return err
		}
	}
	r.scratch = sortEntries(r.entries, r.scratch)
	for left := r.entries; len(left) > 0; {
		n := 1
		for n < len(left) && left[n].hash == left[0].hash {
			n++
		}
		if err := r.newest(left[:n], yield); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

// gather takes the entries of one source.
func (r *resolver) gather(i int, first, last uint64) error {
	s := &r.sources[i]
	first, last = max(first, s.first), min(last, s.last)
	if first > last {
		return nil
	}
	end := s.segment.trailer.records
	return s.each(first, last, func(e entry) error {
		if offset := e.where().offset(); offset < headerBytes || offset >= end {
			return s.segment.damage(end, "the footer has a record where none can be")
		}
		if e.where()&tombstone != 0 {
			s.tombstones++
		} else {
			s.records++
		}
		r.entries = append(r.entries, entry{e.hash, uint64(i)<<32 | e.at})
		return nil
	})
}

// newest gives what is alive of entries of one hash, the newest last. They are of one key unless one of them is marked.
func (r *resolver) newest(entries []entry, yield func(found) error) error {
	for _, e := range entries {
		if e.where()&shared != 0 {
			return r.newestByKey(entries, yield)
		}
	}
	return r.give(entries[len(entries)-1], yield)
}

func (r *resolver) give(e entry, yield func(found) error) error {
	if e.where()&tombstone != 0 {
		return nil
	}
	source := int(e.at >> 32)
	r.sources[source].alive++
	return yield(found{e, source})
}

// newestByKey reads the keys of records whose hash several keys have.
func (r *resolver) newestByKey(entries []entry, yield func(found) error) error {
	seen := map[string]bool{}
	for _, e := range slices.Backward(entries) {
		rec, _, err := r.sources[e.at>>32].segment.record(e.where(), nil)
		if err != nil {
			return err
		}
		if seen[string(rec.key)] {
			continue
		}
		seen[string(rec.key)] = true
		if err := r.give(e, yield); err != nil {
			return err
		}
	}
	return nil
}

// ReadGroups gives what is alive in key groups from … to-1 of a snapshot, each key once, in no order. Key and value are valid
// until the next one. All sources are of one job.
func ReadGroups(sources []Source, from, to int, yield func(hash uint64, key, value []byte) error) error {
	if len(sources) == 0 {
		return nil
	}
	max, sources, err := ordered(sources)
	if err != nil {
		return err
	}
	r := newResolver(sources)
	g := grouped{resolver: r, yield: yield}
	for group := from; group < to; group++ {
		if err := r.resolve(firstHash(group, max), firstHash(group+1, max)-1, g.add); err != nil {
			return err
		}
		if err := g.flush(); err != nil {
			return err
		}
	}
	return nil
}

// ReadKey calls yield for the record of a key in a snapshot, if there is one. It reads little.
func ReadKey(sources []Source, hash uint64, key []byte, yield func(value []byte) error) error {
	if len(sources) == 0 {
		return nil
	}
	_, sources, err := ordered(sources)
	if err != nil {
		return err
	}
	r := newResolver(sources)
	g := grouped{resolver: r, yield: func(_ uint64, of, value []byte) error {
		if !bytes.Equal(of, key) {
			return nil // it has the same hash
		}
		return yield(value)
	}}
	if err := r.resolve(hash, hash, g.add); err != nil {
		return err
	}
	return g.flush()
}

// ordered are sources in order of ranks. They must be of jobs with the same number of key groups.
func ordered(sources []Source) (max int, _ []Source, _ error) {
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, byRank)
	max = sources[0].Reader.Info().Max
	for _, s := range sources {
		if other := s.Reader.Info().Max; other != max {
			return 0, nil, fmt.Errorf("segment %s is of a job with %d key groups, segment %s of one with %d", sources[0].Reader.name, max, s.Reader.name, other)
		}
	}
	return max, sources, nil
}

func byRank(a, b Source) int { return cmp.Compare(a.Reader.trailer.rank, b.Reader.trailer.rank) }

// grouped reads the records that are alive in the order in which they lie in the files.
type grouped struct {
	resolver *resolver
	yield    func(hash uint64, key, value []byte) error
	found    []entry
	memory   []byte
}

func (g *grouped) add(f found) error {
	g.found = append(g.found, f.entry)
	if len(g.found) < maxResolved {
		return nil
	}
	return g.flush()
}

func (g *grouped) flush() error {
	slices.SortFunc(g.found, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	for _, e := range g.found {
		r, memory, err := g.resolver.sources[e.at>>32].segment.record(e.where(), g.memory)
		g.memory = memory
		if err != nil {
			return err
		}
		if err := g.yield(e.hash, r.key, r.value); err != nil {
			return err
		}
	}
	g.found = g.found[:0]
	return nil
}
