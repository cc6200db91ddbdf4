package nexmark

import (
	"time"

	"leat.dev/leat/bench/kit"
)

// Person is somebody who sells and bids.
type Person struct {
	ID                      int64
	Name, Email, CreditCard string
	City, State             string
	At                      time.Time
	Extra                   string
}

// Auction is an offer, open for bids until it expires. Prices are in cents.
type Auction struct {
	ID                int64
	Item, Description string
	InitialBid        int64
	Reserve           int64 // at least what the item is to bring
	At, Expires       time.Time
	Seller, Category  int64
	Extra             string
}

// Bid is a price in cents that somebody would pay.
type Bid struct {
	Auction, Bidder, Price int64
	Channel, URL           string
	At                     time.Time
	Extra                  string
}

// Begin is when the first event happens if nothing else is said: a million events at the usual rate end after midnight, so that
// queries by day have two.
var Begin = time.Date(2026, 3, 28, 23, 52, 0, 0, time.UTC)

// Config is the parameters of a [Generator]. A zero field has the default that is given with it.
type Config struct {
	// PerSecond is the number of events per second of event time, all kinds together. Default 1,000.
	PerSecond int64
	// Begin is the time of the first event. Default [Begin].
	Begin time.Time
	// Seed makes other random numbers.
	Seed uint64
	// PersonShare, AuctionShare and BidShare are how many events of each kind follow one another. Defaults 1, 3 and 46.
	PersonShare, AuctionShare, BidShare int64
	// One of HotAuctionRatio bids (2), of HotBidderRatio bids (4), of HotSellerRatio auctions (4) and of HotChannelRatio bids (2) has
	// an auction, bidder, seller or channel of its own choice; all others have the hot one of the moment.
	HotAuctionRatio, HotBidderRatio, HotSellerRatio, HotChannelRatio int64
	// InFlightAuctions is how many auctions are open at a time (100), and ActivePeople how many people sell and bid (1,000).
	InFlightAuctions, ActivePeople int64
	// PersonBytes (200), AuctionBytes (500) and BidBytes (100) are about how large an event is.
	PersonBytes, AuctionBytes, BidBytes int64
	// GroupSize is the size of the groups within which events come out of order. Default 1: in order.
	GroupSize int64
}

const (
	firstID       = 1000 // of people and auctions
	firstCategory = 10
	categoryCount = 5
	hotSpan       = 100 // people and auctions in a row of which one is hot
	lead          = 10  // how far ahead of the last person or auction references may be: to what is yet to come
)

// withDefaults fills in what is not said.
func (c Config) withDefaults() Config {
	for field, value := range map[*int64]int64{
		&c.PerSecond: 1000, &c.PersonShare: 1, &c.AuctionShare: 3, &c.BidShare: 46,
		&c.HotAuctionRatio: 2, &c.HotBidderRatio: 4, &c.HotSellerRatio: 4, &c.HotChannelRatio: 2,
		&c.InFlightAuctions: 100, &c.ActivePeople: 1000, &c.PersonBytes: 200, &c.AuctionBytes: 500, &c.BidBytes: 100, &c.GroupSize: 1,
	} {
		if *field == 0 {
			*field = value
		}
	}
	if c.Begin.IsZero() {
		c.Begin = Begin
	}
	return c
}

// A Generator makes people, auctions and bids by their number, each counted from 0. It is safe for concurrent use.
type Generator struct {
	Config
	round int64 // events until the kinds repeat
}

// NewGenerator returns the generator of a configuration.
func NewGenerator(c Config) *Generator {
	c = c.withDefaults()
	return &Generator{c, c.PersonShare + c.AuctionShare + c.BidShare}
}

// PersonCount is how many of the first n events are people.
func (g *Generator) PersonCount(n int64) int64 { return g.among(n, 0, g.PersonShare) }

// AuctionCount is how many of the first n events are auctions.
func (g *Generator) AuctionCount(n int64) int64 { return g.among(n, g.PersonShare, g.AuctionShare) }

// BidCount is how many of the first n events are bids.
func (g *Generator) BidCount(n int64) int64 {
	return g.among(n, g.PersonShare+g.AuctionShare, g.BidShare)
}

// among counts those of the first n events whose place in the round is one of share from first on.
func (g *Generator) among(n, first, share int64) int64 {
	return n/g.round*share + min(max(n%g.round-first, 0), share)
}

// event is the number, among all events, of number i of a kind.
func (g *Generator) event(i, first, share int64) int64 { return i/share*g.round + first + i%share }

// at is when an event happens: within a group, another one's turn.
func (g *Generator) at(event int64) time.Time {
	turn := event/g.GroupSize*g.GroupSize + event%g.GroupSize*953%g.GroupSize
	return g.Begin.Add(time.Duration(turn*1000/g.PerSecond) * time.Millisecond)
}

// lastPerson and lastAuction are the newest when an event happens, counted from 0; -1 before the first.
func (g *Generator) lastPerson(event int64) int64 { return max(g.PersonCount(event+1)-1, 0) }

func (g *Generator) lastAuction(event int64) int64 { return g.AuctionCount(event+1) - 1 }

// person draws one of the active people, or one that is yet to come.
func (g *Generator) person(event int64, r *random) int64 {
	count := g.lastPerson(event) + 1
	active := min(count, g.ActivePeople)
	return count - active + r.below(active+lead)
}

// Person is person i.
func (g *Generator) Person(i int64) Person {
	event := g.event(i, 0, g.PersonShare)
	r := g.random(event)
	p := Person{
		ID: firstID + i, Name: r.of(firstNames) + " " + r.of(lastNames), Email: r.letters(3, 7) + "@" + r.letters(3, 5) + ".example",
		CreditCard: r.digits(4) + " " + r.digits(4) + " " + r.digits(4) + " " + r.digits(4), City: r.of(cities), State: r.of(states), At: g.at(event),
	}
	p.Extra = r.extra(g.PersonBytes - int64(8+len(p.Name)+len(p.Email)+len(p.CreditCard)+len(p.City)+len(p.State)))
	return p
}

// Auction is auction i.
func (g *Generator) Auction(i int64) Auction {
	event := g.event(i, g.PersonShare, g.AuctionShare)
	r := g.random(event)
	a := Auction{ID: firstID + i, At: g.at(event)}
	if r.below(g.HotSellerRatio) > 0 {
		a.Seller = firstID + g.lastPerson(event)/hotSpan*hotSpan
	} else {
		a.Seller = firstID + g.person(event, &r)
	}
	a.Category = firstCategory + r.below(categoryCount)
	a.InitialBid = r.price()
	a.Expires = a.At.Add(time.Duration(1+r.below(max(2*g.horizon(), 1))) * time.Millisecond)
	a.Item, a.Description = r.letters(3, 20), r.letters(3, 100)
	a.Reserve = a.InitialBid + r.price()
	a.Extra = r.extra(g.AuctionBytes - int64(48+len(a.Item)+len(a.Description)))
	return a
}

// horizon is after how many milliseconds as many auctions follow as are open at a time.
func (g *Generator) horizon() int64 {
	return g.InFlightAuctions * g.round / g.AuctionShare * 1000 / g.PerSecond
}

// Bid is bid i.
func (g *Generator) Bid(i int64) Bid {
	event := g.event(i, g.PersonShare+g.AuctionShare, g.BidShare)
	r := g.random(event)
	b := Bid{At: g.at(event)}
	if last := g.lastAuction(event); r.below(g.HotAuctionRatio) > 0 {
		b.Auction = firstID + last/hotSpan*hotSpan
	} else {
		oldest := max(last-g.InFlightAuctions, 0)
		b.Auction = firstID + oldest + r.below(last-oldest+1+lead)
	}
	if r.below(g.HotBidderRatio) > 0 { // the second of the span: the first is the hot seller
		b.Bidder = firstID + g.lastPerson(event)/hotSpan*hotSpan + 1
	} else {
		b.Bidder = firstID + g.person(event, &r)
	}
	b.Price = r.price()
	if r.below(g.HotChannelRatio) > 0 {
		n := r.below(int64(len(hotChannels)))
		b.Channel, b.URL = hotChannels[n], hotURLs[n]
	} else {
		n := r.below(channelCount)
		b.Channel, b.URL = channels[n], urls[n]
	}
	b.Extra = r.extra(g.BidBytes - 32)
	return b
}

// random is a sequence of random numbers: SplitMix64's.
type random struct{ state uint64 }

func (g *Generator) random(event int64) random {
	return random{kit.Mix(g.Seed+kit.Salt) ^ kit.Hash(uint64(event))}
}

func (r *random) next() uint64 {
	r.state += kit.Salt
	return kit.Mix(r.state)
}

// below is 0 to n-1.
func (r *random) below(n int64) int64 { return int64(kit.Scale(r.next(), uint64(n))) }
