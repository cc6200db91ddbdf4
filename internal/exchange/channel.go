package exchange

import (
	"sync"
	"sync/atomic"

	"leat.dev/leat/internal/invariants"
)

// Channel leads from one subtask to another. The sender's goroutine uses Send and Fresh, the receiver's Recycle.
type Channel struct {
	// Index is the channel's number among all that lead to the receiver, Port the receiver's input.
	Index, Port int
	to          *Inbox
	sender      *Waker
	credit      atomic.Int32
	mu          sync.Mutex // guards free
	free        []any      // emptied batches on their way back
	done        <-chan struct{}
}

// NewChannel makes a channel to an inbox. The sender's waker is woken when there is credit again; done ends waiting.
func NewChannel(to *Inbox, index, port int, sender *Waker, done <-chan struct{}) *Channel {
	c := &Channel{Index: index, Port: port, to: to, sender: sender, done: done}
	c.credit.Store(CreditBatches)
	return c
}

// HasCredit says whether the receiver wants more.
func (c *Channel) HasCredit() bool { return c.credit.Load() > 0 }

// Send sends a message, which takes one credit. It waits only when a burst has gone far beyond the credit, and reports
// whether the message was sent: not when the attempt has ended.
func (c *Channel) Send(kind Kind, at int64, payload any) bool {
	for c.credit.Load() <= -OverdraftBatches {
		c.sender.Park(c.done, func() bool { return c.credit.Load() > -OverdraftBatches })
		select {
		case <-c.done:
			return false
		default:
		}
	}
	c.credit.Add(-1)
	c.to.push(Message{kind, c, at, payload})
	return true
}

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

// Recycle gives a message's credit back, and its batch, emptied, if it had one.
func (c *Channel) Recycle(payload any) {
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
	if n := c.credit.Add(1); n == resumeBatches || n == -OverdraftBatches+1 {
		c.sender.Wake()
	}
}
