package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"leat.dev/leat"
)

// Rec is the record of all generated jobs: numbers, a slice, a map and a pointer.
type Rec struct {
	ID   int64
	Key  int64
	N    int64
	At   int64            // nanoseconds since 1970: the record's event time when it was read
	Tags []string         `json:",omitempty"`
	Sums map[string]int64 `json:",omitempty"`
	Prev *Rec             `json:",omitempty"`
}

const (
	keys = 16 // a power of two, so that all records of a key are in one split
	// pace is the event time between two records, disorder how much later than others one comes at most.
	pace     = 50 * time.Millisecond
	disorder = 4 * time.Second
)

// begin is when the first record was, end is after all windows and timers.
var (
	begin = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	end   = begin.Add(1000 * time.Hour)
)

// record is the i-th record of a source. No two have the same time, and all times are even.
func record(seed uint64, i int64) Rec {
	h := mix(seed + uint64(i)*0x9e3779b97f4a7c15)
	at := begin.Add(time.Duration(i)*pace - time.Duration(h%uint64(disorder/time.Millisecond))*time.Millisecond)
	r := Rec{ID: i, Key: i % keys, N: int64(h >> 32 % 1000), At: at.UnixNano() + 10*i%int64(time.Millisecond)}
	if h>>48%3 == 0 {
		r.Tags, r.Sums = []string{"read"}, map[string]int64{"read": r.N}
	}
	return r
}

// mix spreads each bit over all bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (r Rec) when() time.Time { return time.Unix(0, r.At).UTC() }

// alone is a copy that shares nothing with the original, and leads to no other record.
func (r Rec) alone() Rec {
	r.Tags = slices.Clone(r.Tags)
	sums := map[string]int64{}
	for name, n := range r.Sums {
		sums[name] = n
	}
	r.Sums, r.Prev = sums, nil
	return r
}

// tagged is a copy with one more tag.
func (r Rec) tagged(tag string) Rec {
	prev := r.Prev
	r = r.alone()
	r.Tags, r.Prev = append(r.Tags, tag), prev
	return r
}

// line is the record as a sink of JSON writes it.
func (r Rec) line() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and texts only
	}
	return string(text)
}

// rank orders records by event time, and those of one time by what they hold.
func rank(at int64, r Rec) string { return fmt.Sprintf("%020d%s", at, r.line()) }

// Flat is a record as a row.
type Flat struct {
	ID, Key, N, At int64
	Tags           string
}

func (r Rec) flat() Flat { return Flat{r.ID, r.Key, r.N, r.At, strings.Join(r.Tags, "+")} }

func (f Flat) line() string { return fmt.Sprintf("%d,%d,%d,%d,%s", f.ID, f.Key, f.N, f.At, f.Tags) }

// Slot is a key of two fields.
type Slot struct {
	Key int64
	Odd bool
}

func slot(r Rec) Slot { return Slot{r.Key, r.ID%2 == 1} }

func key(r Rec) int64 { return r.Key }

// timed is a record with its event time, in the oracle.
type timed struct {
	at int64
	Rec
}

// stream is a stream of a job and what the oracle says of it.
type stream struct {
	*leat.Stream[Rec]
	// all are the stream's records; if it is ordered, those of each key in the order in which the job sees them.
	all     func() []timed
	ordered bool
}

// byKey deals records out by key, in their order.
func byKey[K comparable](all []timed, key func(Rec) K) map[K][]timed {
	keyed := map[K][]timed{}
	for _, r := range all {
		keyed[key(r.Rec)] = append(keyed[key(r.Rec)], r)
	}
	return keyed
}

// each is what a function makes of each record, at the same time.
func each(all []timed, f func(Rec) []Rec) []timed {
	var out []timed
	for _, r := range all {
		for _, o := range f(r.Rec) {
			out = append(out, timed{r.at, o})
		}
	}
	return out
}

// slotStart is the beginning of the window of a size that a time belongs to.
func slotStart(at int64, size, offset time.Duration) int64 {
	since := (at - int64(offset)) % int64(size)
	if since < 0 {
		since += int64(size)
	}
	return at - since
}
