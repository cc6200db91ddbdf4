package nexmark

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// world is all events of a small world, each kind in order.
type world struct {
	people   []Person
	auctions []Auction
	bids     []Bid
}

func newWorld(g *Generator, n int64) *world {
	w := &world{}
	for i := range g.PersonCount(n) {
		w.people = append(w.people, g.Person(i))
	}
	for i := range g.AuctionCount(n) {
		w.auctions = append(w.auctions, g.Auction(i))
	}
	for i := range g.BidCount(n) {
		w.bids = append(w.bids, g.Bid(i))
	}
	return w
}

// oracles are the queries as plain loops over all events, as naive as can be.
var oracles = map[string]func(w *world) []string{
	"q0": func(w *world) []string { return each(w.bids, func(b Bid) string { return b.passed().Text }) },
	"q1": func(w *world) []string {
		return each(w.bids, func(b Bid) string {
			euros := fmt.Sprintf("%.3f", float64(b.Price)*0.908)
			return line(number(b.Auction), number(b.Bidder), euros, moment(b.At), b.Extra)
		})
	},
	"q2":  oracle2,
	"q3":  oracle3,
	"q4":  oracle4,
	"q5":  oracle5,
	"q6":  oracle6,
	"q7":  oracle7,
	"q8":  oracle8,
	"q11": oracle11,
	"q15": func(w *world) []string { return reports(w, func(b Bid) string { return day(b.At) }, false) },
	"q16": func(w *world) []string {
		return reports(w, func(b Bid) string { return b.Channel + "," + day(b.At) }, true)
	},
	"q17": oracle17,
	"q18": oracle18,
	"q19": oracle19,
}

func each[T any](all []T, text func(T) string) (lines []string) {
	for _, v := range all {
		lines = append(lines, text(v))
	}
	return lines
}

func oracle2(w *world) (lines []string) {
	for _, b := range w.bids {
		if b.Auction%123 == 0 {
			lines = append(lines, fmt.Sprintf("%d,%d", b.Auction, b.Price))
		}
	}
	return lines
}

func oracle3(w *world) (lines []string) {
	for _, a := range w.auctions {
		for _, p := range w.people {
			if a.Seller == p.ID && a.Category == 10 && strings.Contains("OR ID CA", p.State) {
				lines = append(lines, fmt.Sprintf("%s,%s,%s,%d", p.Name, p.City, p.State, a.ID))
			}
		}
	}
	return lines
}

// best is the highest bid on an auction while it was open; 0 is none.
func (w *world) best(a Auction) (price int64) {
	for _, b := range w.bids {
		if b.Auction == a.ID && !b.At.Before(a.At) && !b.At.After(a.Expires) {
			price = max(price, b.Price)
		}
	}
	return price
}

func oracle4(w *world) (lines []string) {
	prices := map[int64][]int64{}
	for _, a := range w.auctions {
		if price := w.best(a); price > 0 {
			prices[a.Category] = append(prices[a.Category], price)
		}
	}
	for category, all := range prices {
		lines = append(lines, fmt.Sprintf("%d,%d", category, sum(all)/int64(len(all))))
	}
	return lines
}

func sum(all []int64) (total int64) {
	for _, v := range all {
		total += v
	}
	return total
}

func oracle5(w *world) (lines []string) {
	for _, in := range windowed(w.bids, 10*time.Second, 2*time.Second) {
		counts := map[int64]int64{}
		most := int64(0)
		for _, b := range in {
			counts[b.Auction]++
			most = max(most, counts[b.Auction])
		}
		for auction, count := range counts {
			if count == most {
				lines = append(lines, fmt.Sprintf("%d,%d", auction, count))
			}
		}
	}
	return lines
}

// windowed are the bids of each window, by its start.
func windowed(bids []Bid, size, slide time.Duration) map[time.Time][]Bid {
	windows := map[time.Time][]Bid{}
	for _, b := range bids {
		for start := b.At.Truncate(slide); start.After(b.At.Add(-size)); start = start.Add(-slide) {
			windows[start] = append(windows[start], b)
		}
	}
	return windows
}

func oracle6(w *world) (lines []string) {
	sold := map[int64][]Auction{}
	for _, a := range w.auctions {
		if w.best(a) > 0 {
			sold[a.Seller] = append(sold[a.Seller], a)
		}
	}
	for seller, all := range sold {
		slices.SortFunc(all, func(a, b Auction) int { return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.ID, b.ID)) })
		all = all[max(0, len(all)-10):]
		total := int64(0)
		for _, a := range all {
			total += w.best(a)
		}
		lines = append(lines, fmt.Sprintf("%d,%d", seller, total/int64(len(all))))
	}
	return lines
}

func oracle7(w *world) (lines []string) {
	for _, in := range windowed(w.bids, 10*time.Second, 10*time.Second) {
		highest := slices.MaxFunc(in, func(a, b Bid) int { return cmp.Compare(a.Price, b.Price) })
		for _, b := range in {
			if b.Price == highest.Price {
				lines = append(lines, line(number(b.Auction), number(b.Price), number(b.Bidder), moment(b.At), b.Extra))
			}
		}
	}
	return lines
}

func oracle8(w *world) (lines []string) {
	for _, p := range w.people {
		start := p.At.Truncate(10 * time.Second)
		if slices.ContainsFunc(w.auctions, func(a Auction) bool {
			return a.Seller == p.ID && a.At.Truncate(10*time.Second).Equal(start)
		}) {
			lines = append(lines, line(number(p.ID), p.Name, moment(start)))
		}
	}
	return lines
}

func oracle11(w *world) (lines []string) {
	const gap = 10 * time.Second
	times := map[int64][]time.Time{}
	for _, b := range w.bids {
		times[b.Bidder] = append(times[b.Bidder], b.At)
	}
	for bidder, all := range times {
		for from := 0; from < len(all); {
			to := from + 1
			for to < len(all) && all[to].Sub(all[to-1]) <= gap {
				to++
			}
			lines = append(lines, line(number(bidder), number(int64(to-from)), moment(all[from]), moment(all[to-1].Add(gap))))
			from = to
		}
	}
	return lines
}

// reports are the lines of q15 and q16, by day and by channel and day.
func reports(w *world, group func(Bid) string, withMinute bool) (lines []string) {
	groups := map[string][]Bid{}
	for _, b := range w.bids {
		groups[group(b)] = append(groups[group(b)], b)
	}
	for name, bids := range groups {
		if withMinute {
			name += "," + bids[len(bids)-1].At.Format("15:04") // events are in order
		}
		var counts []string
		for _, who := range []func(i int) int64{func(i int) int64 { return int64(i) }, func(i int) int64 { return bids[i].Bidder }, func(i int) int64 { return bids[i].Auction }} {
			for _, r := range []func(price int64) bool{
				func(int64) bool { return true }, func(p int64) bool { return p < 10_000 },
				func(p int64) bool { return p >= 10_000 && p < 1_000_000 }, func(p int64) bool { return p >= 1_000_000 },
			} {
				different := map[int64]bool{}
				for i, b := range bids {
					if r(b.Price) {
						different[who(i)] = true
					}
				}
				counts = append(counts, fmt.Sprint(len(different)))
			}
		}
		lines = append(lines, name+","+strings.Join(counts, ","))
	}
	return lines
}

func oracle17(w *world) (lines []string) {
	prices := map[auctionKey][]int64{}
	for _, b := range w.bids {
		k := auctionKey{b.Auction, day(b.At)}
		prices[k] = append(prices[k], b.Price)
	}
	for k, all := range prices {
		slices.Sort(all)
		low, _ := slices.BinarySearch(all, 10_000)
		middle, _ := slices.BinarySearch(all, 1_000_000)
		n := len(all)
		lines = append(lines, fmt.Sprintf("%d,%s,%d,%d,%d,%d,%d,%d,%d,%d",
			k.Auction, k.Day, n, low, middle-low, n-middle, all[0], all[n-1], sum(all)/int64(n), sum(all)))
	}
	return lines
}

func oracle18(w *world) (lines []string) {
	last := map[bidding]Bid{}
	for _, b := range w.bids {
		last[bidding{b.Bidder, b.Auction}] = b
	}
	for _, b := range last {
		lines = append(lines, b.line())
	}
	return lines
}

func oracle19(w *world) (lines []string) {
	bids := map[int64][]Bid{}
	for _, b := range w.bids {
		bids[b.Auction] = append(bids[b.Auction], b)
	}
	for _, all := range bids {
		slices.SortStableFunc(all, func(a, b Bid) int { return cmp.Compare(b.Price, a.Price) })
		for i, b := range all[:min(10, len(all))] {
			lines = append(lines, fmt.Sprintf("%s,%d", b.line(), i+1))
		}
	}
	return lines
}
