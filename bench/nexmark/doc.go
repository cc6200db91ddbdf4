// Package nexmark is the Nexmark benchmark in leat's words: an auction house's people, auctions and bids, and queries over them.
//
// # Events
//
// A [Generator] makes the events, all columns of them, and the same ones each time and everywhere: event i depends on nothing but
// its number and the [Config]. Its parameters and their defaults are those of the public generator
// (https://github.com/nexmark/nexmark): of 50 events in a row, one is a person, three are auctions and 46 are bids; every other bid
// is on a hot auction, three of four come from a hot bidder, three of four auctions from a hot seller; prices are log-uniform from
// 1 to a million dollars, in cents; texts fill each event up to a size. The random numbers and the texts are its own, so that no
// event equals the public generator's.
//
// # Queries
//
// [Queries] lists q0 to q8, q11, q12 and q15 to q19, each as the SQL of the public benchmark means it, which is in the folder flink.
// What a query tells is a list of lines: a query whose results are final adds lines, and one whose results change replaces the line
// that it gave for the same key before.
//
// Each query is compared with a plain loop over the events, and all that Flink SQL can run (all but q6 and q12) with what Flink SQL
// makes of the same million events: testdata has the number of lines and a digest, and `make nexmark-golden` remakes it.
package nexmark
