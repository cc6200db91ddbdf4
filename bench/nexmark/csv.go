package nexmark

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes the people, auctions and bids among the first n events to persons.csv, auctions.csv and bids.csv in a folder, as
// the tables in flink/tables.sql read them: fields separated by commas, which no text has, and no header.
func WriteCSV(g *Generator, n int64, dir string) error {
	return errors.Join(
		writeLines(filepath.Join(dir, "persons.csv"), g.PersonCount(n), func(i int64) string { return g.Person(i).line() }),
		writeLines(filepath.Join(dir, "auctions.csv"), g.AuctionCount(n), func(i int64) string { return g.Auction(i).line() }),
		writeLines(filepath.Join(dir, "bids.csv"), g.BidCount(n), func(i int64) string { return g.Bid(i).line() }),
	)
}

func writeLines(path string, count int64, line func(i int64) string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for i := range count {
		io.WriteString(w, line(i)) // the writer keeps its first error for Flush
		w.WriteByte('\n')
	}
	return errors.Join(w.Flush(), f.Close())
}

func (p Person) line() string {
	return line(number(p.ID), p.Name, p.Email, p.CreditCard, p.City, p.State, moment(p.At), p.Extra)
}

func (a Auction) line() string {
	return line(number(a.ID), a.Item, a.Description, number(a.InitialBid), number(a.Reserve), moment(a.At), moment(a.Expires),
		number(a.Seller), number(a.Category), a.Extra)
}

func (b Bid) line() string {
	return line(number(b.Auction), number(b.Bidder), number(b.Price), b.Channel, b.URL, moment(b.At), b.Extra)
}

// line is fields as a line.
func line(fields ...string) string { return strings.Join(fields, ",") }

func number(n int64) string { return strconv.FormatInt(n, 10) }

// moment is a time as Flink SQL writes it, in UTC.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }
