package main

import (
	"iter"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/bench/kit"
	"leat.dev/leat/window"
)

// nexmark are the lean events of Nexmark, those that keep says. They get their times behind it, as few and as small as they can be.
func (b *bench) nexmark(job *leat.Job, keep func(kit.NexmarkEvent) bool) *leat.Stream[kit.NexmarkEvent] {
	rate := b.workload.Load.EventsPerSecond
	fill := func(from, stride int64, into []kit.NexmarkEvent) {
		for n := range into {
			into[n].Fill(from+int64(n)*stride, rate)
		}
	}
	return job.From("gen", source(b, fill)).Filter(keep)
}

func happened(e kit.NexmarkEvent) time.Time { return time.UnixMilli(e.Time) }

func isBid(e kit.NexmarkEvent) bool    { return e.Kind == kit.Bid }
func isPerson(e kit.NexmarkEvent) bool { return e.Kind == kit.Person }

func isAuction(e kit.NexmarkEvent) bool { return e.Kind == kit.Auction }

// lot is an auction and its best bid so far, 0 before there is one.
type lot struct{ Time, Expires, Category, Best int64 }

// raise says that an auction's best bid was From, 0 where it is the first, and is To.
type raise struct{ Category, From, To int64 }

// mean is the sum and the number of a category's best bids.
type mean struct{ Sum, Count int64 }

// winningBids is q4: the mean of a category's winning bids, each time that it changes. Auctions and bids come by the auction's
// number, so that they keep their order; lots are kept for ever, as a regular join does, which knows no event time.
func (b *bench) winningBids(job *leat.Job) {
	b.nexmark(job, func(e kit.NexmarkEvent) bool { return e.Kind != kit.Person }).
		KeyBy(func(e kit.NexmarkEvent) int64 { return e.ID }).
		Process("best", bestBids).
		KeyBy(func(r raise) int64 { return r.Category }).
		Process("mean", func(op *leat.Operator[int64, int64]) func(raise) error {
			means := op.Value[mean]("mean")
			return func(r raise) error {
				m := means.Get()
				if r.From == 0 {
					m.Count++
				}
				m.Sum += r.To - r.From
				means.Set(m)
				op.Emit(m.Sum / m.Count)
				return nil
			}
		}).
		To("sum", counting(b, func(mean int64) int64 { return mean }))
}

// bestBids emits each raise of an auction's best bid; bids that come before their auction wait for it.
func bestBids(op *leat.Operator[int64, raise]) func(kit.NexmarkEvent) error {
	lots, early := op.Value[lot]("lot"), op.List[kit.NexmarkEvent]("early")
	bid := func(l *lot, e kit.NexmarkEvent) (raised bool) {
		if e.Time < l.Time || e.Time > l.Expires || e.Number <= l.Best {
			return false
		}
		op.Emit(raise{l.Category, l.Best, e.Number})
		l.Best = e.Number
		return true
	}
	return func(e kit.NexmarkEvent) error {
		l, open := lots.Lookup()
		switch {
		case e.Kind == kit.Auction:
			l = lot{Time: e.Time, Expires: e.Expires, Category: e.Number}
			for waiting := range early.All() {
				bid(&l, waiting)
			}
			early.Clear()
			lots.Set(l)
		case !open:
			early.Append(e)
		case bid(&l, e):
			lots.Set(l)
		}
		return nil
	}
}

// popular is an auction and how many bids it had in a window.
type popular struct{ Auction, Count int64 }

// most are the auctions with the most bids.
type most struct {
	Count    int64
	Auctions []int64
}

func (m *most) add(p popular) {
	if p.Count > m.Count {
		m.Count, m.Auctions = p.Count, m.Auctions[:0]
	}
	if p.Count == m.Count {
		m.Auctions = append(m.Auctions, p.Auction)
	}
}

func (m *most) merge(other most) {
	for _, a := range other.Auctions {
		m.add(popular{a, other.Count})
	}
}

// hotAuctions is q5: the auctions with the most bids of the last 10 seconds, every 2. A window's counts have the time of its last
// nanosecond, so that the windows that end together lie in the same 2 seconds.
func (b *bench) hotAuctions(job *leat.Job) {
	b.nexmark(job, isBid).
		EventTime(happened, disorder).
		KeyBy(func(e kit.NexmarkEvent) int64 { return e.ID }).
		Window(window.Sliding(10*time.Second, 2*time.Second)).
		Aggregate("count", agg.Count).
		Map(func(p leat.Pane[int64, int64]) popular { return popular{p.Key, p.Value} }).
		Global().
		Window(window.Tumbling(2*time.Second)).
		Aggregate("most", agg.Fold((*most).add, (*most).merge)).
		FlatMap(func(p leat.Pane[struct{}, most]) iter.Seq[popular] {
			return func(yield func(popular) bool) {
				for _, a := range p.Value.Auctions {
					if !yield(popular{a, p.Value.Count}) {
						return
					}
				}
			}
		}).
		To("sum", counting(b, func(p popular) int64 { return p.Count }))
}

// tenSeconds are the windows of q7 and q8.
var tenSeconds = window.Tumbling(10 * time.Second)

// bid is what q7 tells of a bid.
type bid struct{ Auction, Bidder, Price, At, Extra int64 }

func (b bid) price() int64 { return b.Price }

// highestBids is q7 as a window join: the bids with the highest price of each 10 seconds. The highest price is found before the
// exchange as well as behind it, as Flink SQL plans it.
func (b *bench) highestBids(job *leat.Job) {
	bids := b.nexmark(job, isBid).
		Map(func(e kit.NexmarkEvent) bid { return bid{e.ID, e.Ref, e.Number, e.Time, int64(e.Text)} }).
		EventTime(func(b bid) time.Time { return time.UnixMilli(b.At) }, disorder)
	highest := bids.Global().
		Window(tenSeconds).
		Preaggregate().
		Aggregate("highest", agg.Max(bid.price)).
		Map(leat.PaneValue[struct{}, int64])
	bids.KeyBy(bid.price).
		Connect(highest.KeyBy(func(price int64) int64 { return price })).
		Window(tenSeconds).
		Join("highest-bids", func(b bid, _ int64) bid { return b }).
		To("sum", counting(b, bid.price))
}

// newSellers is q8: the people who arrived and opened an auction in the same 10 seconds.
func (b *bench) newSellers(job *leat.Job) {
	events := b.nexmark(job, func(e kit.NexmarkEvent) bool { return e.Kind != kit.Bid }).
		EventTime(happened, disorder)
	people := events.Filter(isPerson).Map(func(e kit.NexmarkEvent) person { return person{e.ID, int64(e.Text)} })
	sellers := events.Filter(isAuction).Map(func(e kit.NexmarkEvent) int64 { return e.Ref })
	people.KeyBy(func(p person) int64 { return p.ID }).
		Connect(sellers.KeyBy(func(id int64) int64 { return id })).
		Window(tenSeconds).
		CoGroup("new-sellers", func(op *leat.Operator[int64, person]) func(leat.Pane[int64, agg.Both[[]person, []int64]]) error {
			return func(p leat.Pane[int64, agg.Both[[]person, []int64]]) error {
				if len(p.Value.A) > 0 && len(p.Value.B) > 0 {
					op.Emit(p.Value.A[0])
				}
				return nil
			}
		}).
		To("sum", counting(b, func(person) int64 { return 0 }))
}

// person is what q8 tells of a person.
type person struct{ ID, Name int64 }
