package nexmark

import (
	"time"

	"leat.dev/leat"
	"leat.dev/leat/state"
)

// ranks counts by price: all, and those below 100 dollars, below 10,000, and above.
type ranks struct{ All, Low, Middle, High int64 }

// rank is a price's place among the three.
func rank(price int64) int {
	switch {
	case price < 10_000:
		return 0
	case price < 1_000_000:
		return 1
	}
	return 2
}

func (r *ranks) add(rank int) {
	switch rank {
	case 0:
		r.Low++
	case 1:
		r.Middle++
	default:
		r.High++
	}
}

func (r ranks) fields() string {
	return line(number(r.All), number(r.Low), number(r.Middle), number(r.High))
}

// seen says which ranks a bidder or an auction has had: a bit each.
type seen uint8

// note counts whoever is met with a rank for the first time, or for the first time at all, and says whether that is so.
func (r *ranks) note(had seen, rank int) (now seen, isNew bool) {
	now = had | 1<<rank
	if now == had {
		return had, false
	}
	if had == 0 {
		r.All++
	}
	r.add(rank)
	return now, true
}

// day is the day of a time, in UTC.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// report is what q15 and q16 tell of a day and, in q16, a channel: bids, and different bidders and auctions, by price.
type report struct {
	Channel, Day, Minute    string // q15 has the day alone
	Bids, Bidders, Auctions ranks
}

func (r report) line() Line {
	counts := line(r.Bids.fields(), r.Bidders.fields(), r.Auctions.fields())
	if r.Channel == "" {
		return Line{r.Day, line(r.Day, counts)}
	}
	return Line{r.Channel + " " + r.Day, line(r.Channel, r.Day, r.Minute, counts)}
}

// channelDay is the key of q16.
type channelDay struct{ Channel, Day string }

// bidReport is q15: statistics of all bids of a day, brought up to date by each.
func bidReport(s Streams) *leat.Stream[report] {
	return s.Bids().KeyBy(func(b Bid) string { return day(b.At) }).
		Process("report", func(op *leat.Operator[string, report]) func(Bid) error {
			sofar := newReporter(op)
			return func(b Bid) error {
				r := sofar.add(b)
				r.Day = op.Key()
				op.Emit(r)
				return nil
			}
		})
}

// channelReport is q16: the same of each channel, with the minute of the last bid.
func channelReport(s Streams) *leat.Stream[report] {
	return s.Bids().KeyBy(func(b Bid) channelDay { return channelDay{b.Channel, day(b.At)} }).
		Process("report", func(op *leat.Operator[channelDay, report]) func(Bid) error {
			sofar := newReporter(op)
			return func(b Bid) error {
				r := sofar.add(b)
				r.Channel, r.Day = op.Key().Channel, op.Key().Day
				op.Emit(r)
				return nil
			}
		})
}

// reporter keeps a report, and who was counted in it.
type reporter struct {
	report            *state.Value[report]
	bidders, auctions *state.Map[int64, seen]
}

func newReporter[K comparable](op *leat.Operator[K, report]) reporter {
	return reporter{op.Value[report]("report"), op.Map[int64, seen]("bidders"), op.Map[int64, seen]("auctions")}
}

// add is the report with one more bid, without its key.
func (p reporter) add(b Bid) report {
	r, rank := p.report.Get(), rank(b.Price)
	r.Bids.All++
	r.Bids.add(rank)
	if now, isNew := r.Bidders.note(p.bidders.Get(b.Bidder), rank); isNew {
		p.bidders.Set(b.Bidder, now)
	}
	if now, isNew := r.Auctions.note(p.auctions.Get(b.Auction), rank); isNew {
		p.auctions.Set(b.Auction, now)
	}
	r.Minute = max(r.Minute, b.At.UTC().Format("15:04"))
	p.report.Set(r)
	return r
}

// auctionDay is what q17 tells of an auction and a day.
type auctionDay struct {
	Auction       int64
	Day           string
	Bids          ranks
	Min, Max, Sum int64
}

func (d auctionDay) line() Line {
	return Line{
		number(d.Auction) + " " + d.Day,
		line(number(d.Auction), d.Day, d.Bids.fields(), number(d.Min), number(d.Max), number(d.Sum/d.Bids.All), number(d.Sum)),
	}
}

// auctionKey is the key of q17.
type auctionKey struct {
	Auction int64
	Day     string
}

// auctionReport is q17: statistics of an auction's bids of a day, brought up to date by each.
func auctionReport(s Streams) *leat.Stream[auctionDay] {
	return s.Bids().KeyBy(func(b Bid) auctionKey { return auctionKey{b.Auction, day(b.At)} }).
		Process("report", func(op *leat.Operator[auctionKey, auctionDay]) func(Bid) error {
			days := op.Value[auctionDay]("day")
			return func(b Bid) error {
				d, known := days.Lookup()
				if !known {
					d = auctionDay{Auction: b.Auction, Day: op.Key().Day, Min: b.Price}
				}
				d.Bids.All++
				d.Bids.add(rank(b.Price))
				d.Min, d.Max, d.Sum = min(d.Min, b.Price), max(d.Max, b.Price), d.Sum+b.Price
				days.Set(d)
				op.Emit(d)
				return nil
			}
		})
}
