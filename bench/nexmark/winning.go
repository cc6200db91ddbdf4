package nexmark

import (
	"fmt"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/state"
)

// lot is what is kept of an auction until it expires: its best bid so far, 0 before there is one.
type lot struct {
	ID, Seller, Category int64
	From, To             time.Time
	Best                 int64
}

// raise says that an auction's best bid was From, 0 where it is the first, and is To.
type raise struct{ Category, From, To int64 }

// sale is an auction that has ended, and at which price.
type sale struct {
	Auction, Seller, Price int64
	At                     time.Time
}

// lots joins auctions with the bids that come while they are open.
type lots struct {
	lot    *state.Value[lot]
	early  *state.List[Bid] // of an auction that is yet to come, if it is
	forget *leat.Timer      // lets go of the early bids once no auction can come that was open for them
	end    *leat.Timer
	raised func(l lot, from int64)
}

// openLots names the state of lots; ended, which may be nil, is told of each lot at its end, and raised of each new best bid.
func openLots[R any](op *leat.Operator[int64, R], raised func(l lot, from int64), ended func(lot)) (func(Auction) error, func(Bid) error) {
	s := &lots{lot: op.Value[lot]("lot"), early: op.List[Bid]("early"), raised: raised}
	s.forget = op.EventTimer("forget", func(time.Time) error { s.early.Clear(); return nil })
	s.end = op.EventTimer("end", func(time.Time) error {
		ended(s.lot.Get())
		s.lot.Clear()
		return nil
	})
	return s.open, s.bid
}

func (s *lots) open(a Auction) error {
	l := lot{ID: a.ID, Seller: a.Seller, Category: a.Category, From: a.At, To: a.Expires}
	for b := range s.early.All() {
		s.add(&l, b)
	}
	s.early.Clear()
	s.forget.Stop()
	s.lot.Set(l)
	s.end.At(a.Expires)
	return nil
}

func (s *lots) bid(b Bid) error {
	l, open := s.lot.Lookup()
	if !open {
		s.early.Append(b)
		s.forget.At(b.At)
	} else if s.add(&l, b) {
		s.lot.Set(l)
	}
	return nil
}

// add says whether a bid is a lot's best.
func (s *lots) add(l *lot, b Bid) bool {
	if b.At.Before(l.From) || b.At.After(l.To) || b.Price <= l.Best {
		return false
	}
	from := l.Best
	l.Best = b.Price
	s.raised(*l, from)
	return true
}

// mean is a sum of prices and how many there are.
type mean struct{ Sum, Count int64 }

// categoryPrice is what q4 tells: the mean of the best bids on a category's auctions.
type categoryPrice struct{ Category, Price int64 }

func (c categoryPrice) line() Line {
	return Line{number(c.Category), line(number(c.Category), number(c.Price))}
}

// categoryPrices is q4.
func categoryPrices(s Streams) *leat.Stream[categoryPrice] {
	return s.Auctions().KeyBy(func(a Auction) int64 { return a.ID }).
		Connect(s.Bids().KeyBy(func(b Bid) int64 { return b.Auction })).
		Process("best-bids", func(op *leat.Operator[int64, raise]) (func(Auction) error, func(Bid) error) {
			return openLots(op, func(l lot, from int64) { op.Emit(raise{l.Category, from, l.Best}) }, func(lot) {})
		}).
		KeyBy(func(r raise) int64 { return r.Category }).
		Process("means", func(op *leat.Operator[int64, categoryPrice]) func(raise) error {
			means := op.Value[mean]("mean")
			return func(r raise) error {
				m := means.Get()
				if r.From == 0 {
					m.Count++
				}
				m.Sum += r.To - r.From
				means.Set(m)
				op.Emit(categoryPrice{r.Category, m.Sum / m.Count})
				return nil
			}
		})
}

// sellerPrice is what q6 tells: the mean price of a seller's last ten sales.
type sellerPrice struct{ Seller, Price int64 }

func (p sellerPrice) line() Line {
	return Line{number(p.Seller), line(number(p.Seller), number(p.Price))}
}

// saleCount is how many sales of a seller q6 looks back on.
const saleCount = 10

// sellerPrices is q6. Sales are in order of their end; those that end together, of their auctions' numbers.
func sellerPrices(s Streams) *leat.Stream[sellerPrice] {
	return s.Auctions().KeyBy(func(a Auction) int64 { return a.ID }).
		Connect(s.Bids().KeyBy(func(b Bid) int64 { return b.Auction })).
		Process("sales", func(op *leat.Operator[int64, sale]) (func(Auction) error, func(Bid) error) {
			return openLots(op, func(lot, int64) {}, func(l lot) {
				if l.Best > 0 {
					op.Emit(sale{l.ID, l.Seller, l.Best, l.To})
				}
			})
		}).
		KeyBy(func(s sale) int64 { return s.Seller }).
		Process("last-sales", func(op *leat.Operator[int64, sellerPrice]) func(sale) error {
			prices := op.Ordered[string, int64]("prices")
			kept := op.Value[int]("kept")
			return func(s sale) error {
				prices.Set(s.order(), s.Price)
				count := kept.Get() + 1
				if count > saleCount {
					oldest, _, _ := prices.First()
					prices.Delete(oldest)
					count = saleCount
				}
				kept.Set(count)
				sum := int64(0)
				for _, price := range prices.All() {
					sum += price
				}
				op.Emit(sellerPrice{s.Seller, sum / int64(count)})
				return nil
			}
		})
}

// order sorts sales as texts.
func (s sale) order() string { return fmt.Sprintf("%s %020d", moment(s.At), s.Auction) }
