package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"leat.dev/leat/internal/failpoint"
)

// perPoint is how often a process dies at each point, at least.
const perPoint = 5

// order is what is to happen to a process: it dies at a point, or, without one, at a random instant.
type order struct {
	point failpoint.Point
	hit   int
	// swift asks for many checkpoints of which few are kept.
	swift bool
}

// plan is which deaths are left, for all workers.
type plan struct {
	mu     sync.Mutex // guards all below
	random int        // deaths at random instants that are left
	left   map[failpoint.Point]int
	hits   map[failpoint.Point]int
	missed map[failpoint.Point]int // processes that ended, or took too long, before they came to the point
	killed int                     // at random instants
}

// newPlan plans so many deaths at least, half of them at points.
func newPlan(kills int, points []failpoint.Point) *plan {
	p := &plan{left: map[failpoint.Point]int{}, hits: map[failpoint.Point]int{}, missed: map[failpoint.Point]int{}}
	if len(points) == 0 {
		p.random = kills
		return p
	}
	each := max(perPoint, (kills/2+len(points)-1)/len(points))
	for _, point := range points {
		p.left[point] = each
	}
	p.random = max(kills/2, each*len(points))
	return p
}

// once are the points that a process comes to once, as it starts.
var once = []failpoint.Point{
	failpoint.JobClaimed, failpoint.TakeBefore, failpoint.TakeAfter, failpoint.RecoverBefore, failpoint.RecoverAfter,
	failpoint.RestoreAfter, failpoint.FinalComplete, failpoint.FinalCommitted,
}

// few are the points that it comes to for each sink, or for what is left of a process before.
var few = []failpoint.Point{failpoint.RecoverBetween, failpoint.PartsSettled, failpoint.PartRemoved}

// final are the points at the end of the input.
var final = []failpoint.Point{failpoint.FinalComplete, failpoint.FinalCommitted}

// saving are the points of any savepoint, stopping those of one that the job stops with.
var (
	saving   = []failpoint.Point{failpoint.SavepointBegun, failpoint.SavepointWritten, failpoint.SavepointManifest, failpoint.SavepointComplete}
	stopping = []failpoint.Point{failpoint.SavepointAdopted, failpoint.SavepointCommitted}
)

// beyond says whether an order asks for what only a generated job does.
func (o order) beyond() bool {
	return slices.Contains(slices.Concat(final, saving, stopping), o.point) || o.point == failpoint.SavepointDiscarded
}

// next chooses an order, in proportion to what is left; ok is false when nothing is.
func (p *plan) next(r *rand.Rand) (o order, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	points := slices.Sorted(maps.Keys(p.left))
	total := p.random
	for _, point := range points {
		total += p.left[point]
	}
	if total == 0 {
		return order{}, false
	}
	n := r.IntN(total)
	for _, point := range points {
		if n -= p.left[point]; n < 0 {
			if p.left[point]--; p.left[point] == 0 {
				delete(p.left, point)
			}
			return order{point: point, hit: hitOf(point, r)}, true
		}
	}
	p.random--
	return order{}, true
}

func hitOf(point failpoint.Point, r *rand.Rand) int {
	switch {
	case slices.Contains(once, point), slices.Contains(stopping, point), point == failpoint.SavepointDiscarded:
		return 1
	case slices.Contains(few, point), slices.Contains(saving, point):
		return 1 + r.IntN(2)
	}
	return 1 + r.IntN(8)
}

// died notes a death that was ordered.
func (p *plan) died(o order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.point == "" {
		p.killed++
	} else {
		p.hits[o.point]++
	}
}

// giveBack has an order given to another subject.
func (p *plan) giveBack(o order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[o.point]++
}

// missedOrder has an order given again, to another process.
func (p *plan) missedOrder(o order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.point == "" {
		p.random++
		return
	}
	p.missed[o.point]++
	if p.missed[o.point] < mostMisses {
		p.left[o.point]++
	}
}

// mostMisses is how many processes may in vain be sent to a point before it is given up.
const mostMisses = 40

// unmet are the points at which fewer processes died than they should.
func (p *plan) unmet(points []failpoint.Point) (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, point := range points {
		if p.hits[point] < perPoint {
			all = append(all, fmt.Sprintf("%s (%d deaths, missed %d times)", point, p.hits[point], p.missed[point]))
		}
	}
	return all
}

// kills are all deaths, those at points, and at how many points.
func (p *plan) kills() (all, atPoints, points int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.hits {
		atPoints += n
	}
	return p.killed + atPoints, atPoints, len(p.hits)
}

// fulfilled says whether all deaths have been ordered.
func (p *plan) fulfilled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random <= 0 && len(p.left) == 0
}

// least is how often processes died at the point where the fewest did.
func (p *plan) least() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := 0
	for _, n := range p.hits {
		if least == 0 || n < least {
			least = n
		}
	}
	return least
}
