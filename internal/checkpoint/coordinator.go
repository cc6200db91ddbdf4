package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/runtime"
	"leat.dev/leat/internal/store"
)

// Coordinator has the subtasks of one attempt take part in checkpoints, and writes what they hand over.
type Coordinator struct {
	Job            string
	Store          store.Store
	MaxParallelism int
	Nodes          []*graph.Node
	Clock          clock.Clock
	Epoch          int64 // of this process, see Claim
	// Turn is called where a goroutine begins, or goes on after it has waited, with what it does: a test that runs one of
	// them at a time has it wait there. Nil: nobody is asked.
	Turn func(who string)

	mu       sync.Mutex // guards all below; never held while the store works, which may take as long as it likes
	next     int64
	sequence int64     // of the newest complete snapshot
	newest   int64     // its checkpoint
	from     []string  // the savepoints that the job has come through
	base     *base     // the newest complete checkpoint of this attempt, if the next may be a difference to it
	restored *Manifest // what the attempt goes on from, if its files are in Store; nil when there is a base
	pending  map[int64]*pending
	closed   bool
	writing  sync.WaitGroup
	manifest chan struct{} // closed when the manifest that is being written is; nil: none is
}

// pending is a checkpoint that is not complete.
type pending struct {
	manifest Manifest
	to       *Target   // of a savepoint; nil: the job's store
	begun    Mark      // the newest manifest when it began
	base     *base     // what it is a difference to; nil: it is whole
	shares   *Manifest // whose files of records it may have too; nil: nobody's
	chains   map[share]chain
	tried    bool // its manifest is being written, or was
	missing  int  // subtasks
	err      error
	done     chan struct{}
}

// rememberedFrom is how many savepoints back a job knows where it has come from.
const rememberedFrom = 64

// remembered is for how many checkpoints the outcome of an earlier one can be asked for.
const remembered = 64

// ErrAborted says that a checkpoint was given up because the attempt ended.
var ErrAborted = errors.New("the attempt ended before the checkpoint was complete")

// Begin begins a checkpoint that so many subtasks have a part in, or a savepoint if it has a target, and returns its number.
func (c *Coordinator) Begin(subtasks int, to *Target) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending == nil {
		c.pending = map[int64]*pending{}
	}
	c.next++
	for id, p := range c.pending {
		if p.ended() && id < c.next-remembered {
			delete(c.pending, id)
		}
	}
	p := &pending{missing: subtasks, to: to, begun: c.mark(), chains: map[share]chain{}, done: make(chan struct{})}
	format := FormatVersion
	if to == nil && c.base != nil {
		p.base, format = c.base, FormatChained
	}
	if to == nil {
		p.shares = c.shareable()
	}
	p.manifest = Manifest{
		Format: format, Job: c.Job, Checkpoint: c.next, MaxParallelism: c.MaxParallelism,
		Epoch: c.Epoch, Taken: time.Unix(0, c.Clock.Now()).UTC(), From: c.from,
	}
	for _, n := range c.Nodes {
		p.manifest.Operators = append(p.manifest.Operators, Operator{Name: n.Name, Kind: n.Kind, Key: n.Key, KeySchema: n.KeySchema, States: n.States})
	}
	c.pending[c.next] = p
	if c.closed {
		p.fail(ErrAborted)
	}
	return c.next
}

// After makes the attempt go on from a snapshot, with the numbers behind its.
func (c *Coordinator) After(m *Manifest) {
	c.next, c.newest, c.sequence, c.from = m.Checkpoint, m.Checkpoint, m.Sequence, m.From
	if m.ID != "" {
		c.from = append(slices.Clone(m.From), m.ID)
		c.from = c.from[max(0, len(c.from)-rememberedFrom):]
	}
}

// Share says that files of a snapshot that the attempt goes on from lie in Store: checkpoints may have them again.
func (c *Coordinator) Share(m *Manifest) { c.restored = m }

// shareable is whose files of records a checkpoint that begins now may have too.
func (c *Coordinator) shareable() *Manifest {
	if c.base != nil {
		return c.base.manifest
	}
	return c.restored
}

// mark is the newest manifest in the job's store.
func (c *Coordinator) mark() Mark { return Mark{Sequence: c.sequence, Epoch: c.Epoch} }

// Abort gives a checkpoint up, if it is not complete.
func (c *Coordinator) Abort(id int64, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.pending[id]; p != nil && !p.ended() {
		p.fail(why)
	}
}

// Wait waits until a checkpoint is complete, and returns its manifest.
func (c *Coordinator) Wait(ctx context.Context, id int64) (*Manifest, error) {
	c.mu.Lock()
	p := c.pending[id]
	c.mu.Unlock()
	if p == nil {
		return nil, fmt.Errorf("checkpoint %d: this attempt has not begun it", id)
	}
	select {
	case <-p.done:
		c.turn("wait for checkpoint %d", id)
		return &p.manifest, p.err
	case <-ctx.Done():
		c.turn("wait for checkpoint %d", id)
		return nil, context.Cause(ctx)
	}
}

func (c *Coordinator) turn(who string, about ...any) {
	if c.Turn != nil {
		c.Turn(fmt.Sprintf(who, about...))
	}
}

// Frozen takes a subtask's part and writes it in a goroutine of its own.
func (c *Coordinator) Frozen(part *runtime.Capture) {
	c.writing.Add(1)
	go func() {
		defer c.writing.Done()
		defer part.Release()
		c.turn("write checkpoint %d of subtask %d/%d", part.Checkpoint, part.Task, part.Subtask)
		w := c.writerOf(part)
		operators, err := w.persist()
		c.taken(part, operators, w.chains, err)
	}()
}

// taken adds a subtask's part to its checkpoint, and completes the checkpoint with the last one.
func (c *Coordinator) taken(part *runtime.Capture, operators []Operator, chains map[share]chain, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[part.Checkpoint]
	if p == nil || p.ended() {
		return
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.add(operators)
	maps.Copy(p.chains, chains)
	p.missing--
	if p.missing == 0 {
		c.complete(p)
	}
}

// ErrFenced says that another process has written a snapshot of the job since this one began: it runs the job now.
var ErrFenced = errors.New("another process runs this job on the same store")

// ErrOvertaken says that a newer checkpoint was complete first.
var ErrOvertaken = errors.New("a newer checkpoint is complete")

// complete writes the manifest, which completes the checkpoint. One that a newer one has overtaken is given up: what
// the newer one has committed must not be older than the newest snapshot.
func (c *Coordinator) complete(p *pending) {
	if p.to != nil {
		c.completeSavepoint(p)
		return
	}
	for c.manifest != nil {
		c.waitForManifest("complete checkpoint", p.manifest.Checkpoint)
	}
	switch {
	case p.ended():
		return
	case p.manifest.Checkpoint < c.newest:
		p.fail(fmt.Errorf("%w: checkpoint %d", ErrOvertaken, c.newest))
		return
	}
	failpoint.Hit(failpoint.ManifestBefore)
	p.tried = true
	if p.manifest.hasRecords() {
		p.manifest.Format = FormatRecords
	}
	err := c.writeAlone(&p.manifest)
	failpoint.Hit(failpoint.ManifestAfter)
	if err == nil {
		c.sequence, c.newest, c.base = p.manifest.Sequence, p.manifest.Checkpoint, &base{&p.manifest, p.chains}
		c.restored = nil
	}
	switch {
	case p.ended(): // it was given up meanwhile; if it is there now all the same, it is the newest
	case errors.Is(err, store.ErrExists), errors.Is(err, ErrFenced):
		p.fail(ErrFenced)
	case err != nil:
		p.fail(err)
	default:
		close(p.done)
	}
}

// waitForManifest waits, without the lock, until the manifest is written that is being written.
func (c *Coordinator) waitForManifest(to string, id int64) {
	written := c.manifest
	c.mu.Unlock()
	defer c.mu.Lock()
	<-written
	c.turn("%s %d", to, id)
}

// writeAlone writes a manifest, without the lock: a store that hangs keeps nobody from giving the checkpoint up.
func (c *Coordinator) writeAlone(m *Manifest) error {
	written := make(chan struct{})
	c.manifest = written
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.manifest = nil
		close(written)
	}()
	return c.write(m)
}

// completeSavepoint writes a savepoint's manifest. It is no part of the job's history: what it has prepared, the next checkpoint
// carries.
func (c *Coordinator) completeSavepoint(p *pending) {
	if c.sequence > 0 {
		after := c.mark()
		if p.manifest.Checkpoint < c.newest { // a checkpoint behind it is complete: what came between may be committed
			after = p.begun
		}
		p.manifest.After = &after
	}
	c.mu.Unlock()
	failpoint.Hit(failpoint.SavepointWritten)
	err := p.to.complete(context.Background(), &p.manifest)
	c.mu.Lock()
	switch {
	case p.ended(): // it was given up meanwhile
		_ = p.to.Discard(context.Background()) // what it was given up for has been told
	case err != nil:
		p.fail(fmt.Errorf("savepoint to %s: %w", p.to.Place, err))
	default:
		close(p.done)
	}
}

// Adopt makes a savepoint that was taken when all input had ended the newest snapshot of the job's history, so that what
// it has prepared may be committed.
func (c *Coordinator) Adopt(m *Manifest, place string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.manifest != nil {
		c.waitForManifest("adopt savepoint", m.Checkpoint)
	}
	point := *m
	point.Place, point.After = place, nil
	switch err := c.writeAlone(&point); {
	case errors.Is(err, store.ErrExists):
		return ErrFenced
	case err != nil:
		return err
	}
	c.sequence, c.newest, c.base, c.restored = point.Sequence, point.Checkpoint, nil, nil
	return nil
}

// write writes a manifest under the next number. A number of this attempt's own that is taken belongs to a manifest whose
// writing seemed to fail and did not.
func (c *Coordinator) write(m *Manifest) error {
	for m.Sequence = c.sequence + 1; ; m.Sequence++ {
		err := write(context.Background(), c.Store, m)
		if err == nil {
			return current(context.Background(), c.Store, c.Job, c.Epoch)
		}
		if !errors.Is(err, store.ErrExists) {
			return err
		}
		if own, rerr := Read(context.Background(), c.Store, c.Job, m.Sequence); rerr != nil || own.Epoch != c.Epoch {
			return errors.Join(err, rerr)
		}
	}
}

func (p *pending) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *pending) fail(err error) {
	p.err = fmt.Errorf("checkpoint %d: %w", p.manifest.Checkpoint, err)
	close(p.done)
}

func (p *pending) add(operators []Operator) {
	for _, o := range operators {
		to := p.manifest.operator(o.Name)
		to.Files = append(to.Files, o.Files...)
		to.addRecords(o.Records)
		to.Entries = append(to.Entries, o.Entries...)
		to.Floors = append(to.Floors, o.Floors...)
		to.Committables = append(to.Committables, o.Committables...)
	}
}

// Close waits for what is being written, and gives up what is not complete by then. No part comes after it.
func (c *Coordinator) Close() {
	c.writing.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, p := range c.pending {
		if !p.ended() {
			p.fail(ErrAborted)
		}
	}
}
