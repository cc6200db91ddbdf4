package checkpoint

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/internal/store"
)

// Points reads single keys of a snapshot. Of what it has read it keeps where things lie: the indexes of files, and, for each state and
// key group that it was asked about, which frame has which key:
//
//	key ─▶ hash ─▶ key group ─▶ file ─▶ section ─▶ tags: 40 bits of the hash, 24 of the frame's number, sorted ─▶ frames ─▶ entries
//
// So the first key of a key group costs the reading of one section, and each further one that of a frame or two. Its methods may be called from any goroutine.
type Points struct {
	snapshot *Snapshot
	most     int64 // bytes that are kept

	mu    sync.Mutex // guards all below
	kept  map[pointKey]*list.Element
	order *list.List // of *pointSlot, the one that was used last first
	bytes int64
}

// pointKey names what is kept: of a file alone its index, of a state and key group what is known of the section.
type pointKey struct {
	file, state string
	group       int
}

// pointSlot is a place for what is kept. Who fills it keeps others from filling it too.
type pointSlot struct {
	key      pointKey
	mu       sync.Mutex // guards all below, but for bytes, which the mutex of Points guards
	sections map[pointKey]section
	index    *pointIndex
	bytes    int64
}

// sectionBytes is about what an entry of an index takes in memory.
const sectionBytes = 160

// Points returns a reader of single keys that keeps so many bytes at most.
func (s *Snapshot) Points(bytes int64) *Points {
	return &Points{snapshot: s, most: bytes, kept: map[pointKey]*list.Element{}, order: list.New()}
}

// Snapshot is what is read.
func (p *Points) Snapshot() *Snapshot { return p.snapshot }

// Same says whether two snapshots are one.
func (s *Snapshot) Same(other *Snapshot) bool {
	a, b := s.Manifest, other.Manifest
	return a.mark() == b.mark() && a.Checkpoint == b.Checkpoint && a.ID == b.ID
}

// Read calls f for each entry of a key, given as canonical bytes, in a state of an operator, in the order in which they were
// written. Operator and state have the names that they have in the job; see Match. What f is given is its to keep. A
// file that is gone is an error that wraps store.ErrNotFound.
func (p *Points) Read(ctx context.Context, operator, state string, key []byte, f func(backend.Held) error) error {
	o := p.snapshot.operator(operator)
	if o == nil {
		return nil
	}
	then := p.snapshot.then(operator, o, state)
	hash := keygroup.HashBytes(key)
	group := keygroup.Of(hash, p.snapshot.Manifest.MaxParallelism)
	for _, r := range o.Records {
		if err := p.readRecord(ctx, r, then, hash, key, f); err != nil {
			return fmt.Errorf("operator %s: state %s, key group %d: %w", operator, then, group, err)
		}
	}
	for _, file := range o.Files {
		if group < file.From || group >= file.To {
			continue
		}
		if err := p.read(ctx, pointKey{file.Name, then, group}, hash, key, f); err != nil {
			return fmt.Errorf("operator %s: %s: state %s, key group %d: %w", operator, file.Name, then, group, err)
		}
	}
	return nil
}

// then is what a state of the job was called in the snapshot; "" if it was not there.
func (s *Snapshot) then(operator string, o *Operator, state string) string {
	for _, was := range o.States {
		if now, ok := s.state(operator, was.Name); ok && now == state {
			return was.Name
		}
	}
	return ""
}

func (p *Points) read(ctx context.Context, at pointKey, hash uint64, key []byte, f func(backend.Held) error) error {
	file, err := p.snapshot.Store.Open(ctx, at.file)
	if err != nil {
		return err
	}
	defer file.Close()
	sec, ok, err := p.section(file, at)
	if err != nil || !ok {
		return err
	}
	index, err := p.index(ctx, file, at, sec)
	if err != nil {
		return err
	}
	if index.tags == nil { // too large to be kept
		_, err := scan(ctx, file, sec, func(k, item, value []byte, _ int64) error { return hold(k, key, item, value, f) })
		return err
	}
	for _, frame := range index.find(hash) {
		if err := readFrame(file, frame, func(k, item, value []byte) error { return hold(k, key, item, value, f) }); err != nil {
			return err
		}
	}
	return nil
}

// hold hands an entry on if it is of the key.
func hold(k, key, item, value []byte, f func(backend.Held) error) error {
	if !bytes.Equal(k, key) {
		return nil
	}
	return f(backend.Held{Item: bytes.Clone(item), Value: bytes.Clone(value)})
}

// section finds the section of a state and key group.
func (p *Points) section(file store.Piece, at pointKey) (sec section, ok bool, err error) {
	slot := p.slot(pointKey{file: at.file})
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.sections == nil {
		all, err := readIndex(file)
		if err != nil {
			return sec, false, err
		}
		slot.sections = map[pointKey]section{}
		for _, s := range all {
			slot.sections[pointKey{at.file, s.State, s.Group}] = s
		}
		p.keep(slot, int64(len(all))*sectionBytes)
	}
	sec, ok = slot.sections[at]
	return sec, ok, nil
}

// index finds out which frame of a section has which key.
func (p *Points) index(ctx context.Context, file store.Piece, at pointKey, sec section) (*pointIndex, error) {
	slot := p.slot(at)
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.index == nil {
		index, err := indexPoints(ctx, file, sec, p.most/8)
		if err != nil {
			return nil, err
		}
		slot.index = index
		p.keep(slot, index.bytes())
	}
	return slot.index, nil
}

// slot is the place of something; it is the one that was used last then.
func (p *Points) slot(key pointKey) *pointSlot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.kept[key]; e != nil {
		p.order.MoveToFront(e)
		return e.Value.(*pointSlot)
	}
	s := &pointSlot{key: key}
	p.kept[key] = p.order.PushFront(s)
	return s
}

// keep counts what a slot holds, and gives up what was used least lately as long as there is too much.
func (p *Points) keep(s *pointSlot, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.kept[s.key]
	if e == nil || e.Value != s {
		return // it was given up meanwhile
	}
	s.bytes = bytes
	p.bytes += bytes
	for p.bytes > p.most {
		last := p.order.Back()
		given := p.order.Remove(last).(*pointSlot)
		delete(p.kept, given.key)
		p.bytes -= given.bytes
	}
}

// pointIndex says which frames of a section have the entries of a key.
type pointIndex struct {
	frames []Section // each as a section of its own
	tags   []uint64  // sorted; nil: there were too many
}

const (
	frameBits = 24
	maxFrames = 1 << frameBits
	frameMask = maxFrames - 1
	tagBytes  = 8
)

func tagOf(hash uint64, frame int) uint64 { return hash<<frameBits | uint64(frame) }

func (x *pointIndex) bytes() int64 {
	return int64(cap(x.tags))*tagBytes + int64(cap(x.frames))*64 + 128
}

// find are the frames that may have entries of a key, in order.
func (x *pointIndex) find(hash uint64) []Section {
	at, _ := slices.BinarySearch(x.tags, tagOf(hash, 0))
	var all []Section
	for ; at < len(x.tags) && x.tags[at]>>frameBits == tagOf(hash, 0)>>frameBits; at++ {
		all = append(all, x.frames[x.tags[at]&frameMask])
	}
	return all
}

// errTooMany ends the making of an index that takes too much memory.
var errTooMany = errors.New("the index is too large")

// indexPoints reads a section for its index, which has no tags if they take more than so many bytes.
func indexPoints(ctx context.Context, file store.Piece, sec section, most int64) (*pointIndex, error) {
	x := &pointIndex{tags: []uint64{}}
	offset, last := int64(-1), uint64(0)
	end, err := scan(ctx, file, sec, func(key, _, _ []byte, frame int64) error {
		if frame != offset {
			x.begin(frame)
			offset = frame
		}
		tag := tagOf(keygroup.HashBytes(key), len(x.frames)-1)
		if tag == last && len(x.tags) > 0 {
			return nil // entries of one key often lie together
		}
		if len(x.frames) > maxFrames || int64(len(x.tags)+1)*tagBytes > most {
			return errTooMany
		}
		x.tags, last = append(x.tags, tag), tag
		return nil
	})
	if err == errTooMany {
		return &pointIndex{}, nil
	}
	if err != nil {
		return nil, err
	}
	x.begin(end)
	x.frames = slices.Clip(x.frames[:len(x.frames)-1])
	slices.Sort(x.tags)
	x.tags = slices.Clip(slices.Compact(x.tags))
	return x, nil
}

// begin begins a frame where the one before ends.
func (x *pointIndex) begin(offset int64) {
	if n := len(x.frames); n > 0 {
		x.frames[n-1].Bytes = offset - x.frames[n-1].Offset
	}
	x.frames = append(x.frames, Section{Offset: offset})
}

// scan calls f for all entries of a section, with the offset of their frame, and returns where the section ends.
func scan(ctx context.Context, file store.Piece, sec section, f func(key, item, value []byte, frame int64) error) (end int64, err error) {
	r, err := newSectionReader(file, sec)
	if err != nil {
		return 0, err
	}
	end = sec.Offset + sec.Bytes
	frame := sec.Offset
	for {
		if len(r.rest) == 0 {
			frame = end - r.bytes
			if err := ctx.Err(); err != nil {
				return 0, context.Cause(ctx)
			}
		}
		key, item, value, err := r.Next()
		if err == io.EOF {
			return end, nil
		}
		if err == nil {
			err = f(key, item, value, frame)
		}
		if err != nil {
			return 0, err
		}
	}
}

// readFrame calls f for all entries of one frame.
func readFrame(file store.Piece, frame Section, f func(key, item, value []byte) error) error {
	r := &sectionReader{from: io.NewSectionReader(file, frame.Offset, frame.Bytes), bytes: frame.Bytes}
	if err := r.frame(); err != nil {
		return err
	}
	for len(r.rest) > 0 {
		key, item, value, err := r.Next()
		if err == nil {
			err = f(key, item, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
