package main

import (
	"fmt"

	"leat.dev/leat/bench/kit"
)

// A query is one of Nexmark's (W5) as a loop's body.
type query interface {
	// step takes an event.
	step(e *kit.NexmarkEvent)
	// fire emits the windows that end at or before the watermark.
	fire(watermark int64)
}

func newQuery(workload string, s *sink) (query, error) {
	switch workload {
	case "W5q4":
		return &winningBids{sink: s, auctions: map[int64]auction{}, early: map[int64][]kit.NexmarkEvent{}, categories: map[int64]mean{}}, nil
	case "W5q5":
		return &hotAuctions{sink: s, windows: newSlides(2000, 5)}, nil
	case "W5q7", "W5q7w":
		return &highestBids{sink: s, windows: map[int64]*highest{}}, nil
	case "W5q8":
		return &newSellers{sink: s, windows: map[int64]*arrivals{}}, nil
	}
	return nil, fmt.Errorf("no workload %s", workload)
}

func nexmark(q query, eventsPerSecond float64, n, warm uint64, m *kit.Meter) {
	var e kit.NexmarkEvent
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		e.Fill(int64(i), eventsPerSecond)
		q.step(&e)
		if i%markEvery == markEvery-1 {
			q.fire(e.Time - disorder)
		}
	}
	q.fire(endOfTime)
}

// winningBids (q4) emits the mean of the winning bids of an auction's category whenever it changes. Auctions stay, as Flink's
// regular join keeps them; a bid only asks its auction, and waits when that is yet to come.
type winningBids struct {
	*sink
	auctions   map[int64]auction
	early      map[int64][]kit.NexmarkEvent
	categories map[int64]mean
}

type auction struct{ time, expires, category, best int64 }

type mean struct{ sum, n int64 }

func (q *winningBids) step(e *kit.NexmarkEvent) {
	switch e.Kind {
	case kit.Auction:
		a := auction{e.Time, e.Expires, e.Number, 0}
		for _, b := range q.early[e.ID] {
			a = q.bid(a, &b)
		}
		delete(q.early, e.ID)
		q.auctions[e.ID] = a
	case kit.Bid:
		a, ok := q.auctions[e.ID]
		if !ok {
			q.early[e.ID] = append(q.early[e.ID], *e)
		} else if raised := q.bid(a, e); raised != a {
			q.auctions[e.ID] = raised
		}
	}
}

func (q *winningBids) bid(a auction, b *kit.NexmarkEvent) auction {
	if b.Time >= a.time && b.Time <= a.expires && b.Number > a.best {
		c := q.categories[a.category]
		if a.best == 0 {
			c.n++
		}
		c.sum += b.Number - a.best
		q.categories[a.category] = c
		a.best = b.Number
		q.emit(c.sum / c.n)
	}
	return a
}

func (q *winningBids) fire(int64) {}

// hotAuctions (q5) emits the auctions with the most bids of the last 10 seconds, every 2.
type hotAuctions struct {
	*sink
	windows *slides
}

func (q *hotAuctions) step(e *kit.NexmarkEvent) {
	if e.Kind == kit.Bid {
		q.windows.at(e.Time)[uint64(e.ID)]++
	}
}

func (q *hotAuctions) fire(watermark int64) {
	q.windows.fire(watermark, func(total map[uint64]int64) {
		best := int64(0)
		for _, c := range total {
			best = max(best, c)
		}
		for _, c := range total {
			if c == best {
				q.emit(c)
			}
		}
	})
}

// tenSeconds is the window of q7 and q8.
const tenSeconds = 10_000

// highestBids (q7) emits the bids with the highest price of each 10 seconds.
type highestBids struct {
	*sink
	windows    map[int64]*highest
	next, last int64
}

type highest struct {
	price int64
	bids  []kit.NexmarkEvent
}

func (q *highestBids) step(e *kit.NexmarkEvent) {
	if e.Kind != kit.Bid {
		return
	}
	p := e.Time / tenSeconds
	w := q.windows[p]
	if w == nil {
		w = &highest{}
		q.windows[p] = w
		q.last = max(q.last, p)
	}
	if e.Number > w.price {
		w.price, w.bids = e.Number, append(w.bids[:0], *e)
	} else if e.Number == w.price {
		w.bids = append(w.bids, *e)
	}
}

func (q *highestBids) fire(watermark int64) {
	for ; (q.next+1)*tenSeconds-1 <= watermark && q.next <= q.last; q.next++ {
		if w := q.windows[q.next]; w != nil {
			for _, b := range w.bids {
				q.emit(b.Number)
			}
		}
		delete(q.windows, q.next)
	}
}

// newSellers (q8) emits the people who arrived and opened an auction in the same 10 seconds.
type newSellers struct {
	*sink
	windows    map[int64]*arrivals
	next, last int64
}

type arrivals struct{ people, sellers map[int64]struct{} }

func (q *newSellers) step(e *kit.NexmarkEvent) {
	if e.Kind == kit.Bid {
		return
	}
	p := e.Time / tenSeconds
	w := q.windows[p]
	if w == nil {
		w = &arrivals{map[int64]struct{}{}, map[int64]struct{}{}}
		q.windows[p] = w
		q.last = max(q.last, p)
	}
	if e.Kind == kit.Person {
		w.people[e.ID] = struct{}{}
	} else {
		w.sellers[e.Ref] = struct{}{}
	}
}

func (q *newSellers) fire(watermark int64) {
	for ; (q.next+1)*tenSeconds-1 <= watermark && q.next <= q.last; q.next++ {
		if w := q.windows[q.next]; w != nil {
			for seller := range w.sellers {
				if _, ok := w.people[seller]; ok {
					q.emit(0)
				}
			}
		}
		delete(q.windows, q.next)
	}
}
