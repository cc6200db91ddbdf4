package main

import (
	"github.com/dolthub/swiss"

	"leat.dev/leat/bench/kit"
)

// runningCount (W1, W7) emits, for each event, how many its key has had.
func runningCount[C counters](c C, g *kit.Gen, n, warm uint64, m *kit.Meter, s *sink) {
	for i := uint64(0); i < n; i++ {
		if i == warm {
			m.Start()
		}
		s.emit(c.inc(g.Key(i)))
	}
}

// counters adds one to a key's count and returns it.
type counters interface{ inc(k uint64) int64 }

type builtin map[uint64]int64

func (b builtin) inc(k uint64) int64 { c := b[k] + 1; b[k] = c; return c }

type dolthub struct{ m *swiss.Map[uint64, int64] }

func newDolthub() dolthub { return dolthub{swiss.NewMap[uint64, int64](1 << 10)} }

func (d dolthub) inc(k uint64) int64 {
	c, _ := d.m.Get(k)
	d.m.Put(k, c+1)
	return c + 1
}

// open is a linear-probing table of 16-byte slots, at most three quarters full (the key 0 is not used by the generator's data).
type open struct {
	slots []slot
	n     int
}

type slot struct {
	k uint64
	v int64
}

// newOpen makes a table of size slots, a power of two.
func newOpen(size int) *open { return &open{slots: make([]slot, size)} }

func (o *open) inc(k uint64) int64 {
	mask := uint64(len(o.slots) - 1)
	for i := (k * kit.Salt) >> 20 & mask; ; i = (i + 1) & mask {
		s := &o.slots[i]
		if s.k == k {
			s.v++
			return s.v
		}
		if s.k == 0 {
			if o.n*4 >= len(o.slots)*3 {
				o.grow()
				return o.inc(k)
			}
			o.n++
			s.k, s.v = k, 1
			return 1
		}
	}
}

func (o *open) grow() {
	old := o.slots
	o.slots = make([]slot, 2*len(old))
	mask := uint64(len(o.slots) - 1)
	for _, s := range old {
		if s.k != 0 {
			i := (s.k * kit.Salt) >> 20 & mask
			for o.slots[i].k != 0 {
				i = (i + 1) & mask
			}
			o.slots[i] = s
		}
	}
}
