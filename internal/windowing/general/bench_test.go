package general

import (
	"fmt"
	"testing"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/flow"
	"leat.dev/leat/internal/keygroup"
	"leat.dev/leat/window"
)

// benched are the paths that must not allocate for each record.
var benched = []struct {
	name    string
	windows window.Assigner
	trigger window.Trigger
}{
	{"count", window.Count(10), window.OnTime()},
	{"sliding count", window.SlidingCount(100, 20), window.OnTime()},
	{"tumbling, early by count", window.Tumbling(time.Second), window.OnTime().Early(window.AtCount(10))},
	{"tumbling, early every 100ms", window.Tumbling(time.Second), window.Every(100 * time.Millisecond)},
	{"global, purging", window.Global(), window.AtCount(10).Purging()},
	{"session, early by count", window.Session(time.Second), window.OnTime().Early(window.AtCount(10))},
}

// benchBatch is how many records a batch has, which are 10 milliseconds of a thousand keys.
const benchBatch = 512

// feeder feeds an operator batches of records whose time moves on.
type feeder struct {
	op    *Operator[int64, int64, int64, int64]
	batch flow.Keyed[int64, int64]
	now   int64
	panes int
}

func newFeeder(t testing.TB, windows window.Assigner, trigger window.Trigger) *feeder {
	keys, err := keygroup.Derive[int64](nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &feeder{}
	firing := window.FiringOf(trigger)
	f.op, err = New(Config[int64, int64, int64, int64]{
		To: 128, Max: 128, Keys: keys, Codecs: new(codec.Set), Clock: clock.NewManual(time.Unix(0, 0)),
		Windows: window.SpecOf(windows), Parts: agg.Sum(func(v int64) int64 { return v })(), Trigger: firing, Triggered: !firing.Default(),
		Emit: func(Pane[int64, int64]) { f.panes++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range benchBatch {
		key := int64(i*7919) % 1000
		f.batch.Keys, f.batch.Hashes = append(f.batch.Keys, key), append(f.batch.Hashes, keys.Hash(key))
		f.batch.Values, f.batch.Times = append(f.batch.Values, 1), append(f.batch.Times, 0)
	}
	return f
}

func (f *feeder) feed(t testing.TB) {
	for i := range f.batch.Times {
		f.now += int64(10 * time.Millisecond / benchBatch)
		f.batch.Times[i] = f.now
	}
	if err := f.op.Receive(&f.batch); err != nil {
		t.Fatal(err)
	}
	for !f.op.Advance(f.now-1, 512) {
	}
}

func BenchmarkGeneral(b *testing.B) {
	for _, c := range benched {
		b.Run(c.name, func(b *testing.B) {
			f := newFeeder(b, c.windows, c.trigger)
			b.ReportAllocs()
			for b.Loop() {
				f.feed(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchBatch, "ns/record")
		})
	}
}

// Records allocate nothing: what a batch does is for the growing of tables, a few times in many batches.
func TestRecordsAllocateNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	for _, c := range benched {
		f := newFeeder(t, c.windows, c.trigger)
		for range 2000 {
			f.feed(t)
		}
		if n := testing.AllocsPerRun(300, func() { f.feed(t) }); n > 4 {
			t.Errorf("%s: %v allocations a batch of %d records", c.name, n, benchBatch)
		}
		if f.panes == 0 {
			t.Errorf("%s: no panes: %s", c.name, fmt.Sprint(f.now))
		}
	}
}
