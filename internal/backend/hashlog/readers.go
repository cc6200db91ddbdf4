package hashlog

import (
	"sync"
	"sync/atomic"
	"time"
)

// slowRead is how long a read takes at least that does not come from the page cache. It is more than a switch to another
// goroutine costs, and less than a device takes.
const slowRead = 40 * time.Microsecond

// readers do reads at once, for all tables: a device that is slow to answer answers many in the same time.
type readers struct {
	count int
	slow  time.Duration
	begin sync.Once
	runs  chan *run
	ended sync.WaitGroup
}

// run is reads that several goroutines do.
type run struct {
	reads   []read
	next    atomic.Int64
	helpers sync.WaitGroup
	given   int64 // so many reads were left for the helpers
}

func newReaders(count int) *readers {
	return &readers{count: count, slow: slowRead, runs: make(chan *run)}
}

// do does all reads: on this goroutine as long as they are quick, and with helpers after the second one that is not. The first
// may be one during which others had the processor.
func (p *readers) do(r *run, reads []read) {
	r.given = 0
	slow := 0
	before := time.Now()
	for i := range reads {
		reads[i].do()
		now := time.Now()
		if now.Sub(before) >= p.slow {
			slow++
		}
		if slow == 2 && i+2 < len(reads) {
			p.share(r, reads[i+1:])
			return
		}
		before = now
	}
}

// share does reads together with as many helpers as are free.
func (p *readers) share(r *run, reads []read) {
	p.begin.Do(p.start)
	r.reads, r.given = reads, int64(len(reads))
	r.next.Store(0)
	for range min(p.count, len(reads)-1) {
		r.helpers.Add(1)
		select {
		case p.runs <- r:
			continue
		default: // all are busy
		}
		r.helpers.Done()
		break
	}
	r.work()
	r.helpers.Wait()
	r.reads = nil
}

// work does reads until none is left.
func (r *run) work() {
	for {
		i := int(r.next.Add(1)) - 1
		if i >= len(r.reads) {
			return
		}
		r.reads[i].do()
	}
}

// start starts the helpers.
func (p *readers) start() {
	for range p.count {
		p.ended.Go(func() {
			for r := range p.runs {
				r.work()
				r.helpers.Done()
			}
		})
	}
}

// close ends the helpers.
func (p *readers) close() {
	close(p.runs)
	p.ended.Wait()
}
