package sim

import (
	"cmp"
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// start is where processing time begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// turns decides who runs next, and what time it is. Its random numbers are drawn by whoever has the turn.
type turns struct {
	random *rand.Rand
	trace  *trace
	pace   int64 // how much time a turn takes at most, in nanoseconds
	ranked bool  // some go before others for a while, in place of all being equal

	mu      sync.Mutex // guards all below: several may block at the same time
	now     int64
	taken   int64 // so many turns
	waiting []*waiter
	timers  []*timer
	serial  int64 // of timers
	ranks   map[string]uint32
}

// waiter is a goroutine that waits for its turn.
type waiter struct {
	process *Process
	who     string
	from    int64           // not before this time,
	ctx     context.Context // unless this one is done
	turn    chan struct{}
}

// timer is something to do at a time.
type timer struct {
	process *Process
	at      int64
	serial  int64
	f       func()
}

func newTurns(random *rand.Rand, t *trace) *turns {
	return &turns{
		random: random, trace: t, now: start, ranks: map[string]uint32{},
		pace: int64(20*time.Microsecond) << random.IntN(4), ranked: random.IntN(2) == 0,
	}
}

// Now is the time.
func (t *turns) Now() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// wait waits for a turn of a process, and says whether the process is alive then. It waits until a time if that is later.
func (t *turns) wait(ctx context.Context, p *Process, who string, from int64) bool {
	w := &waiter{p, who, from, ctx, make(chan struct{})}
	t.mu.Lock()
	if p.dead {
		t.mu.Unlock()
		return false
	}
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	select {
	case <-w.turn:
		return true
	case <-p.died:
		return false
	}
}

// at has something done at a time, by whoever gives out turns.
func (t *turns) at(p *Process, at int64, f func()) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.dead {
		return func() {}
	}
	t.serial++
	serial := t.serial
	t.timers = append(t.timers, &timer{p, at, serial, f})
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.timers = slices.DeleteFunc(t.timers, func(x *timer) bool { return x.serial == serial })
	}
}

// isDead tells whether a process was killed.
func (t *turns) isDead(p *Process) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return p.dead
}

// kill takes a process's waiters and timers out, and lets what is left of it run to its end. Nobody else runs meanwhile.
func (t *turns) kill(p *Process) {
	t.mu.Lock()
	p.dead = true
	t.waiting = slices.DeleteFunc(t.waiting, func(w *waiter) bool { return w.process == p })
	t.timers = slices.DeleteFunc(t.timers, func(x *timer) bool { return x.process == p })
	t.mu.Unlock()
	p.cancel(errDead) // first: whoever is let go on sees that it is done
	close(p.died)
	synctest.Wait()
}

// next gives one turn, and says whether there was one to give.
func (t *turns) next() bool {
	t.mu.Lock()
	w, x := t.choose()
	t.mu.Unlock()
	switch {
	case x != nil:
		x.f()
	case w != nil:
		close(w.turn)
	default:
		return false
	}
	synctest.Wait()
	return true
}

// choose takes out a waiter or a timer.
func (t *turns) choose() (*waiter, *timer) {
	t.taken++
	t.now += t.random.Int64N(t.pace)
	ready, due := t.ready()
	if len(ready)+len(due) == 0 {
		if !t.jump() {
			return nil, nil
		}
		ready, due = t.ready()
	}
	if t.trace.lines != nil {
		for _, w := range ready {
			t.trace.note("      ready: %s %s", w.process, w.who)
		}
		for _, x := range due {
			t.trace.note("      due: %s %d", x.process, x.at)
		}
	}
	i := t.pick(ready, len(due))
	if i >= len(ready) {
		x := due[i-len(ready)]
		t.timers = slices.DeleteFunc(t.timers, func(other *timer) bool { return other == x })
		t.trace.add("%d %d timer of %s", t.taken, t.now-start, x.process)
		return nil, x
	}
	w := ready[i]
	t.waiting = slices.DeleteFunc(t.waiting, func(other *waiter) bool { return other == w })
	t.trace.add("%d %d %s: %s", t.taken, t.now-start, w.process, w.who)
	return w, nil
}

// ready is who could have the next turn, in an order that does not depend on who blocked first.
func (t *turns) ready() ([]*waiter, []*timer) {
	var ready []*waiter
	for _, w := range t.waiting {
		if w.from <= t.now || w.ctx.Err() != nil {
			ready = append(ready, w)
		}
	}
	slices.SortFunc(ready, func(a, b *waiter) int {
		return cmp.Or(cmp.Compare(a.process.number, b.process.number), cmp.Compare(a.who, b.who))
	})
	var due []*timer
	for _, x := range t.timers {
		if x.at <= t.now {
			due = append(due, x)
		}
	}
	slices.SortFunc(due, byTime)
	return ready, due
}

func byTime(a, b *timer) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.process.number, b.process.number), cmp.Compare(a.serial, b.serial))
}

// jump moves time to when there is something to do.
func (t *turns) jump() bool {
	next, found := int64(0), false
	for _, w := range t.waiting {
		if !found || w.from < next {
			next, found = w.from, true
		}
	}
	for _, x := range t.timers {
		if !found || x.at < next {
			next, found = x.at, true
		}
	}
	if found {
		t.now = max(t.now, next)
	}
	return found
}

// pick chooses one of those that are ready, or of so many timers behind them. With ranks, one that has a low one waits
// until all others do, for some time: this is how a subtask falls far behind.
func (t *turns) pick(ready []*waiter, timers int) int {
	if !t.ranked || len(ready) == 0 || t.random.IntN(8) == 0 {
		return t.random.IntN(len(ready) + timers)
	}
	if t.random.IntN(64) == 0 {
		clear(t.ranks)
	}
	best := 0
	for i, w := range ready {
		if t.rank(w.who) > t.rank(ready[best].who) {
			best = i
		}
	}
	return best
}

func (t *turns) rank(who string) uint32 {
	r, ok := t.ranks[who]
	if !ok {
		r = t.random.Uint32()
		t.ranks[who] = r
	}
	return r
}

// trace is all that happened in a run: its hash, and its lines if somebody wants them.
type trace struct {
	hash  hash.Hash64
	lines func(string) // nil: nobody does
}

func newTrace(lines func(string)) *trace { return &trace{hash: fnv.New64a(), lines: lines} }

func (t *trace) add(format string, about ...any) {
	fmt.Fprintf(t.hash, format, about...)
	if t.lines != nil {
		t.lines(fmt.Sprintf(format, about...))
	}
}

// note adds a line that is no part of the hash.
func (t *trace) note(format string, about ...any) {
	if t.lines != nil {
		t.lines(fmt.Sprintf(format, about...))
	}
}

func (t *trace) sum() uint64 { return t.hash.Sum64() }
