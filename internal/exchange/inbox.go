// Package exchange carries batches between the subtasks of one process: bounded queues with credit, recycled batches,
// and the partitioners that say which subtask a record goes to.
package exchange

import (
	"sync"
	"sync/atomic"
)

// Bounds of a channel between two subtasks.
const (
	// CreditBatches is how many batches may be under way from one subtask to another before the sender takes no more
	// input. It bounds what the alignment of a barrier has to stash. Where the receiver is slow, the records that it
	// admits bound it further.
	CreditBatches = 16
	// resumeBatches is how much credit a sender that had none waits for: it then makes several batches in a row, and is
	// not put to sleep and woken for each.
	resumeBatches = CreditBatches / 2
	// batchesAdmitted is into how many batches a sender divides the records that a slow receiver admits, so that one can
	// be on its way while another is worked on.
	batchesAdmitted = 4
	// OverdraftBatches is how far one record's burst of output may go beyond the credit before the sender waits in the
	// middle of that record.
	OverdraftBatches = 1024
)

// Kind is what a message is.
type Kind uint8

// The kinds of messages.
const (
	Data Kind = iota
	Watermark
	Idle // At is 1 for idle, 0 for active again
	Barrier
	Dry // the sender has nothing more just now; only to those who ask for it
	End // nothing more comes on this channel
)

// Message is one thing on its way to a subtask.
type Message struct {
	Kind    Kind
	Channel *Channel
	At      int64 // records of the payload, watermark, number of the barrier's checkpoint, or idle flag
	Payload any   // a *flow.Batch or *flow.Keyed of the edge's types
}

// Records is how many records the message carries.
func (m *Message) Records() int64 {
	if m.Kind != Data {
		return 0
	}
	return m.At
}

// Inbox is what a subtask has to do next: messages of all channels in order of arrival.
type Inbox struct {
	waker *Waker
	mu    sync.Mutex // guards queue
	queue []Message
	size  atomic.Int64 // of queue, so that the owner can look without the lock

	from []*Channel
	asks func() bool // whether the owner asks for Dry; nil: no
}

// NewInbox makes an inbox whose owner is woken by w.
func NewInbox(w *Waker) *Inbox { return &Inbox{waker: w} }

// Admit says how many records may be under way on each channel that leads here, from 1. The owner calls it.
func (in *Inbox) Admit(records int32) {
	for _, c := range in.from {
		c.admit(records)
	}
}

// Channels is how many channels lead here.
func (in *Inbox) Channels() int { return len(in.from) }

// AskDry has senders say when they have nothing more just now, if asks says so. It is called before the first message;
// asks is called by senders, and says always the same from then on.
func (in *Inbox) AskDry(asks func() bool) { in.asks = asks }

// push adds a message.
func (in *Inbox) push(m Message) {
	in.mu.Lock()
	in.queue = append(in.queue, m)
	in.size.Store(int64(len(in.queue)))
	in.mu.Unlock()
	in.waker.Wake()
}

// Take returns all messages that have come and takes over the memory of the slice given, which the caller has done with.
func (in *Inbox) Take(used []Message) []Message {
	if in.size.Load() == 0 {
		return used[:0]
	}
	clear(used)
	in.mu.Lock()
	defer in.mu.Unlock()
	taken := in.queue
	in.queue = used[:0]
	in.size.Store(0)
	return taken
}

// Empty says whether nothing has come.
func (in *Inbox) Empty() bool { return in.size.Load() == 0 }

// Waker lets a subtask sleep until somebody has something for it. Waking one that is awake costs one atomic load.
type Waker struct {
	parked atomic.Bool
	signal chan struct{}
}

// NewWaker makes a waker.
func NewWaker() *Waker { return &Waker{signal: make(chan struct{}, 1)} }

// Wake wakes the sleeper, if there is one.
func (w *Waker) Wake() {
	if w.parked.Load() {
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
}

// Park sleeps until Wake is called or done is closed; ready is asked once more after the sleeper has said that it
// sleeps, so that no wake-up is lost. Spurious returns happen.
func (w *Waker) Park(done <-chan struct{}, ready func() bool) {
	w.parked.Store(true)
	select {
	case <-w.signal: // of a second waker of the last time: what it had is seen by ready
	default:
	}
	if !ready() {
		select {
		case <-w.signal:
		case <-done:
		}
	}
	w.parked.Store(false)
}
