package runtime

import (
	"math"

	"leat.dev/leat/internal/exchange"
)

// What a barrier waits for is bounded in time: by the clock, not by a number of records, which may take a microsecond
// each or a second.
const (
	// TargetNanos is how long a subtask takes to work through what is under way to it, as far as its pace so far tells.
	TargetNanos = 100e6
	// stepParts is into how many steps that is divided; after each the loop looks for a barrier.
	stepParts = 4
	stepNanos = TargetNanos / stepParts
	// guessNanos is what a record is taken to cost before the first one was measured: much, so that a slow operator has
	// no long queue to begin with. A fast one is found out after a batch.
	guessNanos = 1e6
	// A sample ends after so much work, or after so many records.
	sampleNanos   = 5e6
	sampleRecords = 4096
)

// pace is how long a subtask takes for a record, over what it has done lately, and how many it then sends on. Batches
// are measured, not records.
type pace struct {
	each    float64 // nanoseconds
	known   bool    // each is no guess
	last    int64   // until when time is accounted for
	busy    int64   // nanoseconds of the sample at hand
	records int64
	out     []outflow
}

// outflow is what one sender is given.
type outflow struct {
	to    exchange.Sender
	taken int64   // records, as of the last sample
	gain  float64 // records for one that comes in
}

func newPace(senders []exchange.Sender) pace {
	p := pace{each: guessNanos}
	for _, s := range senders {
		p.out = append(p.out, outflow{to: s, gain: 1})
	}
	return p
}

// skip leaves out the time until now, in which there was nothing to do.
func (p *pace) skip(now int64) { p.last = now }

// spend accounts for the time until now, and says whether that changes the pace. A clock that is set back costs nothing,
// and one odd sample is forgotten with the next.
func (p *pace) spend(now int64) (changed bool) {
	p.busy += max(0, now-p.last)
	p.last = now
	if p.records == 0 || p.known && p.busy < sampleNanos && p.records < sampleRecords {
		return false
	}
	p.each = p.settled(p.each, float64(p.busy)/float64(p.records))
	for i := range p.out {
		o := &p.out[i]
		taken := o.to.Taken()
		o.gain = p.settled(o.gain, float64(taken-o.taken)/float64(p.records))
		o.taken = taken
	}
	p.known, p.busy, p.records = true, 0, 0
	return true
}

// settled is a mean of samples, the newest of which counts most.
func (p *pace) settled(before, sample float64) float64 {
	if !p.known {
		return sample
	}
	return min((before+sample)/2, 2*sample)
}

// queue is how many records the subtask works through in time. It counts on those who are sent to: what they don't take
// stays here, also where that is not felt yet because there is room on the way.
func (p *pace) queue() float64 { return min(TargetNanos/p.each, p.admitted()) }

// admitted is how many records may come in for those that are sent on to be admitted there.
func (p *pace) admitted() float64 {
	least := math.Inf(1)
	for _, o := range p.out {
		least = min(least, float64(o.to.Admitted())/o.gain)
	}
	return least
}

// step is how many records are done between two looks for a barrier, from 1.
func (p *pace) step() int { return count(p.queue() / stepParts) }

// callbacks is how many callbacks are made between two looks, of so many at most; each may send a record.
func (p *pace) callbacks(most int) int {
	for _, o := range p.out {
		most = min(most, count(float64(o.to.Admitted())/stepParts))
	}
	return most
}

// count is a number of records, from 1.
func count(n float64) int { return int(max(1, min(n, math.MaxInt32))) }

// burst is how many callbacks there is time for between two looks for a barrier.
type burst struct{ size, most int }

// firstBurst is what a subtask begins with, before it is known how long a callback takes.
const firstBurst = 64

func newBurst(most int) burst { return burst{min(firstBurst, most), most} }

// took fits the number to how long so many have taken: fewer at once, more by and by.
func (b *burst) took(callbacks int, nanos int64) {
	fits := stepNanos / float64(max(nanos, 1)) * float64(callbacks)
	b.size = int(max(1, min(fits, float64(2*b.size), float64(b.most))))
}
