package nexmark

import (
	"testing"
	"time"

	"leat.dev/leat/bench/kit"
)

// What changes a sum here breaks every comparison with Flink SQL's results.
func TestGeneratorIsFixed(t *testing.T) {
	g := NewGenerator(Config{})
	fold := func(line func(i int64) string) (sum uint64) {
		for i := range int64(1000) {
			for _, c := range []byte(line(i)) {
				sum = kit.Mix(sum ^ uint64(c))
			}
		}
		return sum
	}
	for _, c := range []struct {
		name string
		line func(i int64) string
		want uint64
	}{
		{"people", func(i int64) string { return g.Person(i).line() }, 0xc9dfc9106267c4f8},
		{"auctions", func(i int64) string { return g.Auction(i).line() }, 0xf52d4a3e0d59d87},
		{"bids", func(i int64) string { return g.Bid(i).line() }, 0x8e88a6ddf4642677},
	} {
		if got := fold(c.line); got != c.want {
			t.Errorf("%s: got %#x, want %#x", c.name, got, c.want)
		}
	}
}

// The shares, ratios and sizes are what the configuration says.
func TestGeneratorKeepsItsProportions(t *testing.T) {
	const n = 100_000
	g := NewGenerator(Config{})
	if p, a, b := g.PersonCount(n), g.AuctionCount(n), g.BidCount(n); p != 2000 || a != 6000 || b != 92_000 {
		t.Fatalf("%d people, %d auctions and %d bids, want 2000, 6000 and 92000", p, a, b)
	}
	var hotAuctions, hotBidders, bytes int64
	for i := range g.BidCount(n) {
		b := g.Bid(i)
		if b.Auction%hotSpan == 0 {
			hotAuctions++
		}
		if b.Bidder%hotSpan == 1 {
			hotBidders++
		}
		if b.Price < 100 || b.Price > 100_000_000 {
			t.Fatalf("bid %d has the price %d", i, b.Price)
		}
		bytes += 32 + int64(len(b.Extra))
	}
	near(t, "bids on hot auctions", hotAuctions, n*92/100*505/1000)
	near(t, "bids by hot bidders", hotBidders, n*92/100*752/1000)
	near(t, "bytes of a bid", bytes/g.BidCount(n), 100)
}

func near(t *testing.T, what string, got, want int64) {
	t.Helper()
	if got < want*97/100 || got > want*103/100 {
		t.Errorf("%s: %d, want about %d", what, got, want)
	}
}

// Numbers within a kind follow the numbers of all events, whatever the shares.
func TestCountsAgreeWithNumbers(t *testing.T) {
	g := NewGenerator(Config{PersonShare: 2, AuctionShare: 3, BidShare: 5})
	var people, auctions, bids int64
	for event := range int64(100) {
		if g.PersonCount(event) != people || g.AuctionCount(event) != auctions || g.BidCount(event) != bids {
			t.Fatalf("before event %d: %d, %d and %d, want %d, %d and %d", event,
				g.PersonCount(event), g.AuctionCount(event), g.BidCount(event), people, auctions, bids)
		}
		switch event {
		case g.event(people, 0, 2):
			people++
		case g.event(auctions, 2, 3):
			auctions++
		case g.event(bids, 5, 5):
			bids++
		default:
			t.Fatalf("event %d is of no kind", event)
		}
	}
}

// In groups, events come out of order, but none leaves its group.
func TestGroupsComeOutOfOrder(t *testing.T) {
	g := NewGenerator(Config{GroupSize: 1000})
	back := 0
	last := time.Time{}
	for event := range int64(10_000) {
		at := g.at(event)
		if group := at.Sub(Begin) / time.Second; int64(group) != event/1000 {
			t.Fatalf("event %d is in second %d", event, group)
		}
		if at.Before(last) {
			back++
		}
		last = at
	}
	if back < 100 {
		t.Errorf("%d of 10,000 events come before their predecessor", back)
	}
}
