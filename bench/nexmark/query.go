package nexmark

import (
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/gen"
)

// Streams are the three kinds of the first Count events, in a job; a query asks once for each kind that it reads.
type Streams struct {
	Job       *leat.Job
	Generator *Generator
	Count     int64
}

// disorder is how late events may come.
const disorder = 4 * time.Second

// People are those who sell and bid.
func (s Streams) People() *leat.Stream[Person] {
	source := gen.Func(s.options(s.Generator.PersonCount(s.Count)), s.Generator.Person)
	return s.Job.From("people", source).EventTime(func(p Person) time.Time { return p.At }, disorder)
}

// Auctions are what they sell.
func (s Streams) Auctions() *leat.Stream[Auction] {
	source := gen.Func(s.options(s.Generator.AuctionCount(s.Count)), s.Generator.Auction)
	return s.Job.From("auctions", source).EventTime(func(a Auction) time.Time { return a.At }, disorder)
}

// Bids are what they would pay.
func (s Streams) Bids() *leat.Stream[Bid] {
	source := gen.Func(s.options(s.Generator.BidCount(s.Count)), s.Generator.Bid)
	return s.Job.From("bids", source).EventTime(func(b Bid) time.Time { return b.At }, disorder)
}

func (s Streams) options(count int64) gen.Options {
	return gen.Options{Count: count, Splits: s.Job.Parallelism}
}

// Line is a piece of a query's result. Without a key it is there for good; with one, it takes the place of an earlier line of that
// key.
type Line struct{ Key, Text string }

// Query is one of the benchmark's.
type Query struct {
	// Name is q and its number in the public benchmark.
	Name string
	// SQL says that Flink SQL can run the query, and always with the same results: the folder flink has it.
	SQL bool
	// Attach makes the query's operators, and has its results written to a sink.
	Attach func(s Streams, to connector.Sink[Line])
}

// Queries are all queries, in order of their numbers.
func Queries() []Query {
	return []Query{
		{"q0", true, ending(bidsOf, Bid.passed)},
		{"q1", true, ending(bidsOf, Bid.inEuros)},
		{"q2", true, ending(everyHundredTwentyThird, Bid.priced)},
		{"q3", true, ending(localItems, localItem.line)},
		{"q4", true, ending(categoryPrices, categoryPrice.line)},
		{"q5", true, ending(hotItems, hotItem.line)},
		{"q6", false, ending(sellerPrices, sellerPrice.line)},
		{"q7", true, ending(highestBids, Bid.highest)},
		{"q8", true, ending(newSellers, newSeller.line)},
		{"q11", true, ending(userSessions, countPane.line)},
		{"q12", false, ending(timedBids, countPane.line)},
		{"q15", true, ending(bidReport, report.line)},
		{"q16", true, ending(channelReport, report.line)},
		{"q17", true, ending(auctionReport, auctionDay.line)},
		{"q18", true, ending(lastBids, Bid.last)},
		{"q19", true, ending(topBids, ranked.line)},
	}
}

// ending is a query and the line of each of its results.
func ending[R any](query func(Streams) *leat.Stream[R], line func(R) Line) func(Streams, connector.Sink[Line]) {
	return func(s Streams, to connector.Sink[Line]) { query(s).Map(line).To("lines", to) }
}
