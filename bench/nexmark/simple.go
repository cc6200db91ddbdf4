package nexmark

import (
	"fmt"

	"leat.dev/leat"
)

// bidsOf is all bids: q0 passes them on, and q1 changes the currency.
func bidsOf(s Streams) *leat.Stream[Bid] { return s.Bids() }

func (b Bid) passed() Line {
	return Line{Text: line(number(b.Auction), number(b.Bidder), number(b.Price), moment(b.At), b.Extra)}
}

// inEuros has the price in thousandths of a cent, at 0.908 euros a dollar.
func (b Bid) inEuros() Line {
	price := b.Price * 908
	return Line{Text: line(number(b.Auction), number(b.Bidder), fmt.Sprintf("%d.%03d", price/1000, price%1000), moment(b.At), b.Extra)}
}

// everyHundredTwentyThird is q2: the bids on one auction of 123.
func everyHundredTwentyThird(s Streams) *leat.Stream[Bid] {
	return s.Bids().Filter(func(b Bid) bool { return b.Auction%123 == 0 })
}

func (b Bid) priced() Line { return Line{Text: line(number(b.Auction), number(b.Price))} }

// localItem is what q3 tells: who, from where, offers an item.
type localItem struct {
	Name, City, State string
	Auction           int64
}

func (i localItem) line() Line { return Line{Text: line(i.Name, i.City, i.State, number(i.Auction))} }

// localItems is q3: the auctions of category 10 whose sellers are from Oregon, Idaho or California. People and auctions stay for
// ever, as the other of a pair may come at any time.
func localItems(s Streams) *leat.Stream[localItem] {
	near := s.People().Filter(func(p Person) bool { return p.State == "OR" || p.State == "ID" || p.State == "CA" })
	offers := s.Auctions().Filter(func(a Auction) bool { return a.Category == 10 }).Map(func(a Auction) offer { return offer{a.ID, a.Seller} })
	return near.KeyBy(func(p Person) int64 { return p.ID }).
		Connect(offers.KeyBy(func(o offer) int64 { return o.Seller })).
		Process("local-items", joinLocalItems)
}

// offer is an auction and who sells there.
type offer struct{ Auction, Seller int64 }

// seller is what q3 keeps of a person.
type seller struct{ Name, City, State string }

func joinLocalItems(op *leat.Operator[int64, localItem]) (func(Person) error, func(offer) error) {
	sellers, waiting := op.Value[seller]("seller"), op.List[int64]("auctions")
	emit := func(s seller, auction int64) { op.Emit(localItem{s.Name, s.City, s.State, auction}) }
	person := func(p Person) error {
		s := seller{p.Name, p.City, p.State}
		sellers.Set(s)
		for auction := range waiting.All() {
			emit(s, auction)
		}
		waiting.Clear()
		return nil
	}
	auction := func(o offer) error {
		if s, known := sellers.Lookup(); known {
			emit(s, o.Auction)
		} else {
			waiting.Append(o.Auction)
		}
		return nil
	}
	return person, auction
}
