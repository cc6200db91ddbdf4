package kit

import "math"

// The kinds of a NexmarkEvent.
const (
	Person = iota
	Auction
	Bid
)

const (
	firstID       = 1000
	inflightCount = 100 // auctions that are open at a time
	activeCount   = 1000
)

// A NexmarkEvent is a lean event of the Nexmark benchmark: proportions (1 person, 3 auctions, 46 bids), hot ratios and expiry
// follow the public generator's configuration; text is an index into a small pool, so that making it costs nothing.
type NexmarkEvent struct {
	// Kind is Person, Auction or Bid; Text is an index into the pool of 16 names or extras.
	Kind, Text int
	// ID is the person's or auction's own, or the auction that a bid is on.
	ID int64
	// Ref is an auction's seller or a bid's bidder.
	Ref int64
	// Number is an auction's category or a bid's price in cents.
	Number int64
	// Time and Expires are milliseconds since the first event; only an auction's Expires differs from Time.
	Time, Expires int64
}

func lastPerson(i int64) int64 { return i / 50 }

func lastAuction(i int64) int64 {
	epoch, off := i/50, i%50
	switch {
	case off < 1:
		epoch--
		off = 2
	case off >= 4:
		off = 2
	default:
		off--
	}
	return epoch*3 + off
}

func nextPerson(i int64, h uint64) int64 {
	n := lastPerson(i) + 1
	active := min(n, activeCount)
	return n - active + int64(Scale(h, uint64(active+10)))
}

// Fill makes e event i of a stream with eventsPerSecond events per second of event time.
func (e *NexmarkEvent) Fill(i int64, eventsPerSecond float64) {
	off := i % 50
	e.Time = int64(float64(i) * 1000 / eventsPerSecond)
	h := Hash(uint64(i))
	h2 := Mix(h)
	h3 := Mix(h2)
	e.Text = int(h3 & 15)
	switch {
	case off == 0:
		e.Kind, e.ID, e.Ref, e.Number, e.Expires = Person, firstID+lastPerson(i), 0, 0, e.Time
	case off < 4:
		e.auction(i, h, h2, h3, eventsPerSecond)
	default:
		e.bid(i, h, h2, h3)
	}
}

// auction: a hot seller has three auctions of four.
func (e *NexmarkEvent) auction(i int64, h, h2, h3 uint64, eventsPerSecond float64) {
	e.Kind, e.ID, e.Number = Auction, firstID+lastAuction(i), 10+int64(Scale(h3, 5))
	if Scale(h, 4) > 0 {
		e.Ref = firstID + lastPerson(i)/100*100
	} else {
		e.Ref = firstID + nextPerson(i, h2)
	}
	horizon := int64(float64(inflightCount*50/3) * 1000 / eventsPerSecond)
	e.Expires = e.Time + 1 + int64(Scale(Mix(h3), uint64(max(horizon*2, 1))))
}

// bid: every other one is on a hot auction, three of four come from a hot bidder; prices are log-uniform from 1 to 10^6.
func (e *NexmarkEvent) bid(i int64, h, h2, h3 uint64) {
	e.Kind, e.Expires = Bid, e.Time
	last := lastAuction(i)
	if Scale(h, 2) > 0 {
		e.ID = last / 100 * 100
	} else {
		oldest := max(last-inflightCount, 0)
		e.ID = oldest + int64(Scale(h2, uint64(last-oldest+1)))
	}
	e.ID += firstID
	if Scale(Mix(h+1), 4) > 0 {
		e.Ref = firstID + lastPerson(i)/100*100 + 1
	} else {
		e.Ref = firstID + nextPerson(i, Mix(h2+1))
	}
	e.Number = int64(math.Floor(float64(math.Pow(10, float64(h3>>11)*0x1p-53*6)*100) + 0.5))
}
