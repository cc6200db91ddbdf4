package nexmark

import (
	"iter"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

// hotItem is what q5 tells: an auction that had the most bids in a window, and how many.
type hotItem struct{ Auction, Bids int64 }

func (i hotItem) line() Line { return Line{Text: line(number(i.Auction), number(i.Bids))} }

// hottest are the auctions with the most bids.
type hottest struct {
	Bids     int64
	Auctions []int64
}

func (h *hottest) add(i hotItem) {
	if i.Bids > h.Bids {
		h.Bids, h.Auctions = i.Bids, h.Auctions[:0]
	}
	if i.Bids == h.Bids {
		h.Auctions = append(h.Auctions, i.Auction)
	}
}

func (h *hottest) merge(other hottest) {
	for _, a := range other.Auctions {
		h.add(hotItem{a, other.Bids})
	}
}

// items are the auctions one by one.
func (h hottest) items() iter.Seq[hotItem] {
	return func(yield func(hotItem) bool) {
		for _, a := range h.Auctions {
			if !yield(hotItem{a, h.Bids}) {
				return
			}
		}
	}
}

// hotItems is q5: the auctions with the most bids of the last ten seconds, every two. A window's counts have the time of its last
// nanosecond, so that those of one window lie in the same two seconds.
func hotItems(s Streams) *leat.Stream[hotItem] {
	return s.Bids().KeyBy(func(b Bid) int64 { return b.Auction }).
		Window(window.Sliding(10*time.Second, 2*time.Second)).
		Aggregate("count", agg.Count).
		Map(func(p leat.Pane[int64, int64]) hotItem { return hotItem{p.Key, p.Value} }).
		Global().
		Window(window.Tumbling(2*time.Second)).
		Aggregate("hottest", agg.Fold((*hottest).add, (*hottest).merge)).
		FlatMap(func(p leat.Pane[struct{}, hottest]) iter.Seq[hotItem] { return p.Value.items() })
}

// countPane is what q11 and q12 tell: how many bids a bidder made in a window.
type countPane leat.Pane[int64, int64]

func (p countPane) line() Line {
	return Line{Text: line(number(p.Key), number(p.Value), moment(p.Start), moment(p.End))}
}

// userSessions is q11: the bids of a bidder that follow one another in ten seconds.
func userSessions(s Streams) *leat.Stream[countPane] {
	return bidCounts(s, window.Session(10*time.Second))
}

// timedBids is q12: the bids of a bidder in ten seconds by the clock on the wall.
func timedBids(s Streams) *leat.Stream[countPane] {
	return bidCounts(s, window.Tumbling(10*time.Second).ProcessingTime())
}

func bidCounts(s Streams, w window.Assigner) *leat.Stream[countPane] {
	return s.Bids().KeyBy(func(b Bid) int64 { return b.Bidder }).
		Window(w).
		Aggregate("count", agg.Count).
		Map(func(p leat.Pane[int64, int64]) countPane { return countPane(p) })
}
