package nexmark

import (
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/window"
)

// tenSeconds are the windows of q7 and q8.
var tenSeconds = window.Tumbling(10 * time.Second)

// highestBids is q7: the bids with the highest price of each ten seconds. A window's highest price has the time of its last
// nanosecond, so that the window of the join is the same.
func highestBids(s Streams) *leat.Stream[Bid] {
	bids := s.Bids()
	highest := bids.Global().
		Window(tenSeconds).
		Aggregate("highest", agg.Max(Bid.cents)).
		Map(leat.PaneValue[struct{}, int64])
	return bids.KeyBy(Bid.cents).
		Connect(highest.KeyBy(func(price int64) int64 { return price })).
		Window(tenSeconds).
		Join("highest-bids", func(b Bid, _ int64) Bid { return b })
}

func (b Bid) cents() int64 { return b.Price }

func (b Bid) highest() Line {
	return Line{Text: line(number(b.Auction), number(b.Price), number(b.Bidder), moment(b.At), b.Extra)}
}

// newSeller is what q8 tells: who came and opened an auction in the same ten seconds, and when these began.
type newSeller struct {
	ID   int64
	Name string
	From time.Time
}

func (n newSeller) line() Line { return Line{Text: line(number(n.ID), n.Name, moment(n.From))} }

// newSellers is q8.
func newSellers(s Streams) *leat.Stream[newSeller] {
	return s.People().KeyBy(func(p Person) int64 { return p.ID }).
		Connect(s.Auctions().Map(func(a Auction) int64 { return a.Seller }).KeyBy(func(seller int64) int64 { return seller })).
		Window(tenSeconds).
		CoGroup("new-sellers", func(op *leat.Operator[int64, newSeller]) func(leat.Pane[int64, agg.Both[[]Person, []int64]]) error {
			return func(p leat.Pane[int64, agg.Both[[]Person, []int64]]) error {
				if len(p.Value.A) > 0 && len(p.Value.B) > 0 {
					op.Emit(newSeller{p.Key, p.Value.A[0].Name, p.Start})
				}
				return nil
			}
		})
}
