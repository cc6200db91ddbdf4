package windowing

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// counting is an operator with integer keys that counts its panes.
func counting[A, V any](t testing.TB, w window.Assigner, budget *heap.Budget, f agg.Func[int64, A, V]) (op Operator[int64, int64], panes *int) {
	t.Helper()
	keys, err := keygroup.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	panes = new(int)
	op, err = New(Config[int64, int64, A, V]{
		To: 128, Max: 128, Budget: budget, Keys: keys, Acc: codec.Struct[A](), Windows: w, Parts: f(),
		Emit: func(_, _ int64, all []Entry[int64, A], _ window.Timing, _ int) { *panes += len(all) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return op, panes
}

// source makes batches of records whose keys go round and whose times advance.
type source struct {
	batch flow.Keyed[int64, int64]
	keys  *keygroup.Keys[int64]
	every time.Duration
	count int64 // of keys
	n     int64
}

const batchSize = 512

func newSource(t testing.TB, keys int64, every time.Duration) *source {
	k, err := keygroup.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &source{keys: k, every: every, count: keys}
	s.batch.Hashes = make([]uint64, batchSize)
	return s
}

func (s *source) next() *flow.Keyed[int64, int64] {
	b := &s.batch
	b.Values, b.Times, b.Keys = b.Values[:0], b.Times[:0], b.Keys[:0]
	for range batchSize {
		b.Values, b.Keys = append(b.Values, s.n), append(b.Keys, s.n*0x9e3779b1%s.count)
		b.Times = append(b.Times, s.n*int64(s.every))
		s.n++
	}
	s.keys.HashAll(b.Keys, b.Hashes)
	return b
}

func (s *source) watermark() int64 { return (s.n-1)*int64(s.every) - 1 }

// drive sends batches, each followed by its watermark.
func drive(t testing.TB, op Operator[int64, int64], s *source, batches int) {
	for range batches {
		if err := op.Receive(s.next()); err != nil {
			t.Fatal(err)
		}
		for wm := s.watermark(); !op.Advance(wm, 1000); {
		}
	}
}

// In steady state, windows that open, fire and are dropped allocate a little each, and records nothing.
func TestRecordsAllocateNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	for name, make := range map[string]func() (Operator[int64, int64], *int){
		"tumbling": func() (Operator[int64, int64], *int) {
			return counting(t, window.Tumbling(100*time.Millisecond), nil, agg.Count)
		},
		"totals": func() (Operator[int64, int64], *int) {
			return counting(t, window.Sliding(time.Second, 100*time.Millisecond), nil, agg.Count)
		},
		"stacks": func() (Operator[int64, int64], *int) {
			return counting(t, window.Sliding(time.Second, 100*time.Millisecond), nil, agg.Max(identity))
		},
		"session": func() (Operator[int64, int64], *int) {
			return counting(t, window.Session(9*time.Millisecond), nil, agg.Count)
		},
	} {
		t.Run(name, func(t *testing.T) {
			op, panes := make()
			s := newSource(t, 500, 20*time.Microsecond) // 5,000 records in 100 ms
			drive(t, op, s, 300)
			before := *panes
			const batches = 100
			allocs := testing.AllocsPerRun(2, func() { drive(t, op, s, batches) })
			if perRecord := allocs / (batches * batchSize); perRecord > 0.01 {
				t.Errorf("%.4f allocations a record", perRecord)
			}
			if *panes == before {
				t.Error("no window has fired")
			}
		})
	}
}

func identity(v int64) int64 { return v }

// A budget is charged for what is kept, and gets it back.
func TestBudget(t *testing.T) {
	budget := heap.NewBudget(0)
	op, _ := counting(t, window.Tumbling(time.Hour), budget, agg.Count)
	drive(t, op, newSource(t, 10000, time.Millisecond), 40)
	if used := budget.UsedBytes(); used < 10000*16 {
		t.Errorf("%d bytes for 10000 keys", used)
	}
	op.Close()
	if used := budget.UsedBytes(); used != 0 {
		t.Errorf("%d bytes after Close", used)
	}
}

func TestRefusals(t *testing.T) {
	base := Config[int64, int64, int64, int64]{To: 1, Max: 1, Windows: window.Tumbling(time.Second), Parts: agg.Count[int64]()}
	for want, change := range map[string]func(c *Config[int64, int64, int64, int64]){
		"no windows":      func(c *Config[int64, int64, int64, int64]) { c.Windows = nil },
		"no Add":          func(c *Config[int64, int64, int64, int64]) { c.Parts.Add = nil },
		"not be negative": func(c *Config[int64, int64, int64, int64]) { c.Lateness = -1 },
		"key groups":      func(c *Config[int64, int64, int64, int64]) { c.Max = 0 },
	} {
		c := base
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Event times whose windows can't be reckoned with are refused, not taken for others.
func TestTimesOutOfRange(t *testing.T) {
	for _, w := range []window.Assigner{window.Tumbling(time.Hour), window.Sliding(time.Hour, time.Minute), window.Session(time.Hour)} {
		op, panes := counting(t, w, nil, agg.Count)
		s := newSource(t, 1, 1)
		for _, at := range []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64} {
			b := s.next()
			b.Times[7] = at
			if err := op.Receive(b); err == nil || !strings.Contains(err.Error(), "event time") {
				t.Errorf("%v: error %v", w, err)
			}
		}
		for !op.Advance(flow.EndTime, 1) {
		}
		if *panes == 0 {
			t.Errorf("%v: the records before did not count", w)
		}
	}
}

// Where floats are added does not depend on when an operator was restored.
func TestFloatsAreTheSameAfterRestore(t *testing.T) {
	third := func(r rec) float64 { return float64(r.V) / 3 }
	s := settings{window.Sliding(10, 1), 0, 8}
	straight := newCluster(t, s, agg.Sum(third), 1)
	restored := newCluster(t, s, agg.Sum(third), 1)
	for at := range int64(100) {
		for _, c := range []*operators[float64, float64]{straight, restored} {
			if _, err := c.receive([]event{{"a", at, rec{V: at * at}}, {"b", at / 2 * 2, rec{V: at}}}); err != nil {
				t.Fatal(err)
			}
			c.advance(-1, at-1, math.MaxInt)
		}
		saved, out := restored.snapshot(), restored.panes()
		if err := saved.wait(); err != nil {
			t.Fatal(err)
		}
		if err := restored.restore(saved, int(at)%3+1); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(sortedPanes(out)), fmt.Sprint(sortedPanes(straight.panes())); got != want {
			t.Fatalf("at %d:\ngot  %s\nwant %s", at, got, want)
		}
	}
}

// FuzzRestore gives operators arbitrary entries: they are refused or taken, and windows of them can fire.
func FuzzRestore(f *testing.F) {
	f.Add(uint8(0), []byte("a"), appendTime(nil, 0), []byte{2})
	f.Add(uint8(1), []byte("a"), appendTime(nil, 10), []byte{2})
	f.Add(uint8(2), []byte("b"), appendTime(nil, -5), []byte{10, 3, 4})
	f.Add(uint8(2), []byte("b"), appendTime(nil, math.MaxInt64), []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 3, 4})
	f.Add(uint8(0), []byte{}, []byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, kind uint8, key, item, text []byte) {
		at, w := 0, window.Assigner(window.Sliding(10, 5))
		switch kind % 3 {
		case 1:
			at = 1
		case 2:
			w = window.Session(10)
		}
		c := newCluster(t, settings{w, 7, 1}, agg.Max(value), 1)
		state := c.states()[at]
		if c.ops[0].Restore(state, state.Name, 0, backendtest.Read(backendtest.Entry{Key: key, Item: item, Value: text})) == nil {
			if _, err := c.receive([]event{{string(key), 3, rec{}}}); err != nil {
				t.Fatal(err)
			}
			c.advance(-1, 12, math.MaxInt)
			c.advance(-1, flow.EndTime, math.MaxInt)
		}
	})
}
