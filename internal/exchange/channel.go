package exchange

import (
	"math"
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/invariants"
)

// Channel leads from one subtask to another. The sender's goroutine uses Send and Fresh, the receiver's Recycle.
type Channel struct {
	// Index is the channel's number among all that lead to the receiver, Port the receiver's input.
	Index, Port int

	to     *Inbox
	sender *Waker
	under  atomic.Int64 // what is under way: messages in the upper half, their records in the lower
	budget atomic.Int32 // records that may be under way
	mu     sync.Mutex   // guards free
	free   []any        // emptied batches on their way back
	done   <-chan struct{}
	undry  bool // records were sent since the receiver was last told that no more come just now; the sender's
}

// A message and its records as under counts them.
const (
	oneMessage  = 1 << 32
	recordsMask = oneMessage - 1
)

// NewChannel makes a channel to an inbox. The sender's waker is woken when there is credit again; done ends waiting.
// All channels of an inbox are made before the first message.
func NewChannel(to *Inbox, index, port int, sender *Waker, done <-chan struct{}) *Channel {
	c := &Channel{Index: index, Port: port, to: to, sender: sender, done: done}
	c.budget.Store(math.MaxInt32)
	to.from = append(to.from, c)
	return c
}

// HasCredit says whether the receiver wants more.
func (c *Channel) HasCredit() bool {
	under := c.under.Load()
	return under < CreditBatches*oneMessage && under&recordsMask < int64(c.budget.Load())
}

// Send sends a message, which takes one credit; at is the number of records of a Data message. It waits only when a
// burst has gone far beyond the credit, and reports whether the message was sent: not when the attempt has ended.
func (c *Channel) Send(kind Kind, at int64, payload any) bool {
	for c.under.Load() >= (CreditBatches+OverdraftBatches)*oneMessage {
		c.sender.Park(c.done, func() bool { return c.under.Load() < (CreditBatches+OverdraftBatches)*oneMessage })
		select {
		case <-c.done:
			return false
		default:
		}
	}
	m := Message{kind, c, at, payload}
	c.under.Add(oneMessage + m.Records())
	c.undry = kind == Data || c.undry && kind != Dry
	c.to.push(m)
	return true
}

// overdrawn says whether a burst has gone beyond the credit.
func (c *Channel) overdrawn() bool { return c.under.Load() > CreditBatches*oneMessage }

// Fresh returns an empty batch that the receiver has sent back, or nil.
func (c *Channel) Fresh() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.free) == 0 {
		return nil
	}
	b := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	return b
}

// Recycle gives the credit of a message of so many records back, and its batch, emptied, if it had one.
func (c *Channel) Recycle(records int64, payload any) {
	if payload != nil {
		if p, ok := payload.(interface{ Poison() }); ok && invariants.Enabled {
			p.Poison()
		}
		c.mu.Lock()
		if len(c.free) < CreditBatches {
			c.free = append(c.free, payload)
		}
		c.mu.Unlock()
	}
	under := c.under.Add(-oneMessage - records)
	messages, left := under/oneMessage, under&recordsMask
	half := int64(c.budget.Load()) / 2
	resumes := left <= half && left+records > half
	if resumes || messages == CreditBatches-resumeBatches || messages == CreditBatches+OverdraftBatches-1 {
		c.sender.Wake()
	}
}

// admit sets how many records may be under way. A sender that waited for fewer to be is asked to look again.
func (c *Channel) admit(records int32) {
	if before := c.budget.Swap(records); before < records {
		c.sender.Wake()
	}
}
