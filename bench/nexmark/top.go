package nexmark

import (
	"slices"
	"time"

	"leat.dev/leat"
)

// bidding is the key of q18: somebody's bids on an auction.
type bidding struct{ Bidder, Auction int64 }

// lastBids is q18: the last bid of each bidder on each auction; of bids at one time, the one that came last.
func lastBids(s Streams) *leat.Stream[Bid] {
	return s.Bids().KeyBy(func(b Bid) bidding { return bidding{b.Bidder, b.Auction} }).
		Process("last", func(op *leat.Operator[bidding, Bid]) func(Bid) error {
			last := op.Value[time.Time]("at")
			return func(b Bid) error {
				if at, known := last.Lookup(); !known || !b.At.Before(at) {
					last.Set(b.At)
					op.Emit(b)
				}
				return nil
			}
		})
}

func (b Bid) last() Line { return Line{line(number(b.Bidder), number(b.Auction)), b.line()} }

// topCount is how many bids of an auction q19 tells of.
const topCount = 10

// ranked is what q19 tells: a bid, and its place among its auction's, 1 for the highest.
type ranked struct {
	Bid  Bid
	Rank int64
}

func (r ranked) line() Line {
	return Line{line(number(r.Bid.Auction), number(r.Rank)), line(r.Bid.line(), number(r.Rank))}
}

// topBids is q19: the ten highest bids of each auction; of equal ones, those that came first. A bid that gets a place moves those
// behind it, which are told anew.
func topBids(s Streams) *leat.Stream[ranked] {
	return s.Bids().KeyBy(func(b Bid) int64 { return b.Auction }).
		Process("top", func(op *leat.Operator[int64, ranked]) func(Bid) error {
			top := op.Value[[]Bid]("top")
			return func(b Bid) error {
				best := top.Get()
				place, _ := slices.BinarySearchFunc(best, b, behind)
				if place == topCount {
					return nil
				}
				best = slices.Insert(slices.Clone(best[:min(len(best), topCount-1)]), place, b)
				top.Set(best)
				for i, moved := range best[place:] {
					op.Emit(ranked{moved, int64(place + i + 1)})
				}
				return nil
			}
		})
}

// behind puts a new bid behind those that are at least as high.
func behind(kept, now Bid) int {
	if kept.Price >= now.Price {
		return -1
	}
	return 1
}
