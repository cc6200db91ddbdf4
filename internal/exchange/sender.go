package exchange

import (
	"fmt"
	"math"

	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
)

// Sender is the sending end of an edge, its element type erased: the task asks it for credit and sends barriers.
type Sender interface {
	// HasCredit says whether all channels have.
	HasCredit() bool
	// Admitted is how many records those who are sent to admit, together, from 1: as many as the slowest for each.
	Admitted() int64
	// Taken is how many records the sender has been given.
	Taken() int64
	// Flush sends what is gathered, also batches that are not full.
	Flush()
	// Barrier flushes, then sends a checkpoint's barrier to all channels.
	Barrier(id int64)
	// Dry flushes, then tells the receivers, if they ask for it, that nothing more comes just now.
	Dry()
	// AskedDry says whether they do.
	AskedDry() bool
	// End flushes, then says to all channels that nothing more comes.
	End()
}

// channels is what all senders have in common.
type channels struct {
	to      []*Channel
	context interface{ Err() error }
	size    int // records that a batch has room for
	limit   int // records a batch just now: fewer than size where a receiver is slow
	taken   int64
}

func newChannels(env *flow.Env, to []*Channel) channels {
	return channels{to: to, context: env.Context, size: env.BatchSize, limit: env.BatchSize}
}

func (c *channels) HasCredit() bool {
	least := int32(math.MaxInt32)
	for _, ch := range c.to {
		if !ch.HasCredit() {
			return false
		}
		least = min(least, ch.budget.Load())
	}
	c.limit = max(1, min(c.size, int(least)/batchesAdmitted))
	return true
}

func (c *channels) Admitted() int64 {
	least := int32(math.MaxInt32)
	for _, ch := range c.to {
		least = min(least, ch.budget.Load())
	}
	return int64(least) * int64(len(c.to))
}

func (c *channels) Taken() int64 { return c.taken }

// room is how many records an open batch takes before it is sent: one at least, also if the limit has fallen since.
func (c *channels) room(open int) int { return max(1, c.limit-open) }

func (c *channels) send(i int, kind Kind, at int64, payload any) {
	if !c.to[i].Send(kind, at, payload) {
		flow.Fail(c.context.Err())
	}
}

// sendBatch sends a batch. A burst beyond the credit has to be queued anyway, and is then cheapest in full batches.
func (c *channels) sendBatch(i, records int, b any) {
	c.send(i, Data, int64(records), b)
	if c.limit < c.size && c.to[i].overdrawn() {
		c.limit = c.size
	}
}

// AskedDry asks one of the receivers: they are subtasks of one task, and alike.
func (c *channels) AskedDry() bool { return c.to[0].to.asks != nil && c.to[0].to.asks() }

// dry tells those who have had records since the last time.
func (c *channels) dry() {
	if !c.AskedDry() {
		return
	}
	for i, ch := range c.to {
		if ch.undry {
			c.send(i, Dry, 0, nil)
		}
	}
}

func (c *channels) all(kind Kind, at int64) {
	for i := range c.to {
		c.send(i, kind, at, nil)
	}
}

func idleFlag(idle bool) int64 {
	if idle {
		return 1
	}
	return 0
}

// Plain is the sending end of an edge without keys: forward (one channel) or rebalance (records go round all channels).
type Plain[T any] struct {
	channels
	pointers bool
	next     int
	batch    []*flow.Batch[T]
}

// NewPlain makes the sending end of an edge without keys; several senders do not all begin with the same
// channel.
func NewPlain[T any](env *flow.Env, to []*Channel) *Plain[T] {
	return &Plain[T]{
		channels: newChannels(env, to), pointers: flow.HoldsPointers[T](),
		next: env.Subtask % len(to), batch: make([]*flow.Batch[T], len(to)),
	}
}

// Receive takes records; they go to one channel until its batch is full, then to the next: whole batches go round.
func (p *Plain[T]) Receive(b *flow.Batch[T]) {
	p.taken += int64(len(b.Values))
	for from := 0; from < len(b.Values); {
		out := p.open(p.next)
		n := min(p.room(len(out.Values)), len(b.Values)-from)
		out.Values = append(out.Values, b.Values[from:from+n]...)
		out.Times = append(out.Times, b.Times[from:from+n]...)
		from += n
		if len(out.Values) >= p.limit {
			p.flush(p.next)
		}
	}
}

func (p *Plain[T]) open(i int) *flow.Batch[T] {
	if p.batch[i] == nil {
		b, _ := p.to[i].Fresh().(*flow.Batch[T])
		if b == nil {
			b = &flow.Batch[T]{Values: make([]T, 0, p.size), Times: make([]int64, 0, p.size)}
		}
		b.Reset(p.pointers)
		b.Split = p.to[i].Index
		p.batch[i] = b
	}
	return p.batch[i]
}

func (p *Plain[T]) flush(i int) {
	if b := p.batch[i]; b != nil && len(b.Values) > 0 {
		p.batch[i] = nil
		p.sendBatch(i, len(b.Values), b)
	}
	p.next = (i + 1) % len(p.to)
}

// Flush sends what is gathered.
func (p *Plain[T]) Flush() {
	if b := p.batch[p.next]; b != nil && len(b.Values) > 0 {
		p.flush(p.next)
	}
}

// Watermark flushes and sends the watermark to all channels.
func (p *Plain[T]) Watermark(at int64) { p.Flush(); p.all(Watermark, at) }

// Idle flushes and sends the signal to all channels.
func (p *Plain[T]) Idle(idle bool) { p.Flush(); p.all(Idle, idleFlag(idle)) }

// Barrier flushes and sends the barrier to all channels.
func (p *Plain[T]) Barrier(id int64) { p.Flush(); p.all(Barrier, id) }

// Dry flushes and tells who asks for it that nothing more comes just now.
func (p *Plain[T]) Dry() { p.Flush(); p.dry() }

// End flushes and ends all channels.
func (p *Plain[T]) End() { p.Flush(); p.all(End, 0) }

// Hash is the sending end of a keyed edge: each record goes to the subtask that has its key group.
type Hash[K comparable, T any] struct {
	channels
	pointers bool
	key      func(T) K
	keys     *keygroup.Keys[K]
	byGroup  []int32 // key group → channel
	max      int
	column   []K // scratch: keys and hashes of the batch at hand
	hashes   []uint64
	batch    []*flow.Keyed[K, T]
	site     *flow.Site
	operator string
	from     *flow.Batch[T]
	at       int
}

// NewHash makes the sending end of a keyed edge.
func NewHash[K comparable, T any](env *flow.Env, to []*Channel, key func(T) K, keys *keygroup.Keys[K]) *Hash[K, T] {
	h := &Hash[K, T]{
		channels: newChannels(env, to), pointers: flow.HoldsPointers[T]() || flow.HoldsPointers[K](), key: key, keys: keys,
		byGroup: make([]int32, env.MaxParallelism), max: env.MaxParallelism,
		batch: make([]*flow.Keyed[K, T], len(to)), site: env.Site, operator: env.Operator,
	}
	for g := range h.byGroup {
		h.byGroup[g] = int32(keygroup.Subtask(g, len(to), env.MaxParallelism))
	}
	return h
}

// Receive works out all keys and hashes of a batch, then deals the records out.
func (h *Hash[K, T]) Receive(b *flow.Batch[T]) {
	h.site.At, h.from = h, b
	h.taken += int64(len(b.Values))
	h.column = h.column[:0]
	for i, v := range b.Values {
		h.at = i
		h.column = append(h.column, h.key(v))
	}
	n := len(b.Values)
	h.at = n
	if cap(h.hashes) < n {
		h.hashes = make([]uint64, max(n, h.size))
	}
	h.keys.HashAll(h.column, h.hashes[:n])
	if len(h.to) == 1 {
		h.append(b)
		return
	}
	h.deal(b)
}

// append takes the whole batch for the only channel.
func (h *Hash[K, T]) append(b *flow.Batch[T]) {
	for from := 0; from < len(b.Values); {
		out := h.open(0)
		to := from + min(h.room(len(out.Values)), len(b.Values)-from)
		out.Values = append(out.Values, b.Values[from:to]...)
		out.Times = append(out.Times, b.Times[from:to]...)
		out.Keys = append(out.Keys, h.column[from:to]...)
		out.Hashes = append(out.Hashes, h.hashes[from:to]...)
		from = to
		if len(out.Values) >= h.limit {
			h.flush(0)
		}
	}
}

func (h *Hash[K, T]) deal(b *flow.Batch[T]) {
	for i, hash := range h.hashes[:len(b.Values)] {
		to := int(h.byGroup[keygroup.Of(hash, h.max)])
		out := h.batch[to]
		if out == nil {
			out = h.open(to)
		}
		out.Values = append(out.Values, b.Values[i])
		out.Times = append(out.Times, b.Times[i])
		out.Keys = append(out.Keys, h.column[i])
		out.Hashes = append(out.Hashes, hash)
		if len(out.Values) >= h.limit {
			h.flush(to)
		}
	}
}

func (h *Hash[K, T]) open(i int) *flow.Keyed[K, T] {
	if h.batch[i] == nil {
		b, _ := h.to[i].Fresh().(*flow.Keyed[K, T])
		if b == nil {
			b = &flow.Keyed[K, T]{}
			b.Values, b.Times = make([]T, 0, h.size), make([]int64, 0, h.size)
			b.Keys, b.Hashes = make([]K, 0, h.size), make([]uint64, 0, h.size)
		}
		b.Reset(h.pointers)
		b.Split = h.to[i].Index
		h.batch[i] = b
	}
	return h.batch[i]
}

func (h *Hash[K, T]) flush(i int) {
	if b := h.batch[i]; b != nil && len(b.Values) > 0 {
		h.batch[i] = nil
		h.sendBatch(i, len(b.Values), b)
	}
}

// Locate says for which record the key was being worked out; hashes are worked out for all at once.
func (h *Hash[K, T]) Locate() (string, string) {
	if n := len(h.from.Values); h.at == n {
		return h.operator, fmt.Sprintf("hashes of the keys of %d records", n)
	}
	return h.operator, "key of " + flow.Show(h.from, h.at)
}

// Flush sends what is gathered.
func (h *Hash[K, T]) Flush() {
	for i := range h.batch {
		h.flush(i)
	}
}

// Watermark flushes and sends the watermark to all channels.
func (h *Hash[K, T]) Watermark(at int64) { h.Flush(); h.all(Watermark, at) }

// Idle flushes and sends the signal to all channels.
func (h *Hash[K, T]) Idle(idle bool) { h.Flush(); h.all(Idle, idleFlag(idle)) }

// Barrier flushes and sends the barrier to all channels.
func (h *Hash[K, T]) Barrier(id int64) { h.Flush(); h.all(Barrier, id) }

// Dry flushes and tells who asks for it that nothing more comes just now.
func (h *Hash[K, T]) Dry() { h.Flush(); h.dry() }

// End flushes and ends all channels.
func (h *Hash[K, T]) End() { h.Flush(); h.all(End, 0) }
