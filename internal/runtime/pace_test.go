package runtime

import (
	"math"
	"testing"

	"leat.dev/leat/internal/exchange"
)

func paced(senders ...exchange.Sender) *pace { p := newPace(senders); return &p }

// work accounts for some batches of so many records that take so long each.
func (p *pace) work(batches int, records, nanos int64) {
	for range batches {
		p.records += records
		p.spend(p.last + nanos)
	}
}

func TestPace(t *testing.T) {
	const ms = 1_000_000
	p := paced()
	if got := int(p.queue()); got != 100 {
		t.Errorf("%d records are admitted before any was measured", got)
	}
	p.work(1, 4, 4*ms)
	if got := int(p.queue()); got != 100 {
		t.Errorf("%d records of 1 ms, not what takes 100 ms", got)
	}
	p.skip(p.last + 1000*ms)
	p.work(3, 20, 20*ms)
	if got := int(p.queue()); got != 100 {
		t.Errorf("%d records of 1 ms after a rest", got)
	}
	p.work(10, 1, 100*ms)
	if got := p.step(); got != 1 {
		t.Errorf("%d records a step where one takes longer than that", got)
	}
	p.work(1, 512, 5*ms) // one fast sample is enough to forget most of a slow time
	if got := p.queue(); got < 4000 {
		t.Errorf("%v records of 10 µs after a slow time", got)
	}
	p.spend(p.last - 1000*ms) // a clock that is set back
	p.work(20, 4096, 0)       // one that stands still
	if got := p.step(); got != math.MaxInt32 {
		t.Errorf("%d records a step that cost nothing", got)
	}
}

// What those behind do not admit is not admitted here, for each record that is sent on.
func TestPaceOfSenders(t *testing.T) {
	out := &sender{admits: 40}
	p := paced(out)
	p.work(1, 100, 0)
	if got := p.queue(); !math.IsInf(got, 1) {
		t.Errorf("%v records where nothing is sent on", got)
	}
	for range 60 {
		out.taken += 4 * 4096
		p.work(1, 4096, 0)
	}
	if got := p.step(); got != 40/4/stepParts {
		t.Errorf("%d records a step, of which 4 come of each", got)
	}
	if got := p.callbacks(512); got != 40/stepParts {
		t.Errorf("%d callbacks", got)
	}
}

func TestBurst(t *testing.T) {
	b := newBurst(512)
	b.took(64, 64*1_000_000)
	if b.size != 25 {
		t.Errorf("%d callbacks of 1 ms, not 25", b.size)
	}
	b.took(25, 10*stepNanos)
	b.took(2, 10*stepNanos)
	if b.size != 1 {
		t.Errorf("%d callbacks that take longer than a step", b.size)
	}
	for range 20 {
		b.took(b.size, 100)
	}
	if b.size != 512 {
		t.Errorf("%d callbacks that cost nothing", b.size)
	}
	if small := newBurst(3); small.size != 3 {
		t.Errorf("%d callbacks, more than 3", small.size)
	}
}
