package snapshot_test

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/window"
)

// noon is when the records of these tests begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// sale is a record.
type sale struct {
	Account string
	Shop    int32
	Cents   int64
	At      time.Time
}

func (s sale) account() string { return s.Account }
func (s sale) shop() int32     { return s.Shop }
func (s sale) cents() int64    { return s.Cents }
func (s sale) when() time.Time { return s.At }
func (s sale) route() route    { return route{s.Account[:1], int16(s.Shop)} }

// route is a key with parts.
type route struct {
	Letter string
	Shop   int16
}

// profile is a value with parts.
type profile struct {
	Name  string
	Seen  []time.Time
	Score float64
	Notes map[string]int32
}

// sales makes n records, a second apart.
func sales(n int) []sale {
	all := make([]sale, n)
	for i := range all {
		all[i] = sale{fmt.Sprintf("%c-%d", 'a'+i%5, i%11), int32(i % 7), int64(i*i%1000 - 100), noon.Add(time.Duration(i) * time.Second)}
	}
	return all
}

// held reads records up to one, and then waits: until the job is stopped, or is begun anew with more.
type held struct {
	records []sale
	to      int
	reached chan struct{} // closed when the job waits; nil: the input ends there
}

func (h held) Splits(context.Context) ([]connector.Split, error) {
	return []connector.Split{{Name: "all"}}, nil
}

func (h held) Open(_ context.Context, _ connector.Split, position []byte) (connector.Reader[sale], error) {
	var at uint64
	if position != nil {
		if err := connector.DecodePosition(position, &at); err != nil {
			return nil, err
		}
	}
	return &heldReader{held: h, at: int(at)}, nil
}

type heldReader struct {
	held
	at    int
	empty int // reads that brought nothing, at the end
}

// aheadReads is more than a source reads ahead: when so many more were asked for, the job has taken all that was read before.
const aheadReads = 16

func (r *heldReader) Read(ctx context.Context, into *connector.Batch[sale]) error {
	if r.at >= r.to && r.reached == nil {
		return io.EOF
	}
	if r.at >= r.to && r.empty < aheadReads {
		r.empty++
		return nil
	}
	if r.at >= r.to {
		select {
		case <-r.reached:
		default:
			close(r.reached)
		}
		<-ctx.Done()
		return ctx.Err()
	}
	n := min(into.Room(), r.to-r.at)
	into.Values = append(into.Values, r.records[r.at:r.at+n]...)
	r.at += n
	return nil
}

func (r *heldReader) Position() []byte { return connector.EncodePosition(uint64(r.at)) }
func (r *heldReader) Close() error     { return nil }

// output is what a job has emitted.
type output struct {
	mu    sync.Mutex // guards all below
	lines []string
	first chan struct{} // closed with the first line; may be nil
}

func (o *output) add(_ context.Context, line string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.lines) == 0 && o.first != nil {
		close(o.first)
	}
	o.lines = append(o.lines, line)
	return nil
}

// shop is a job with state of all kinds. What it emits goes to out.
func shop(dir string, in held, out *output) *leat.Job {
	job := leat.NewJob("shop")
	job.Parallelism = 2
	job.Checkpoint = leat.Checkpoint{Store: filepath.Join(dir, "store"), Every: time.Hour}
	all := job.From("sales", func() connector.Input[sale] { return in }).EventTime(sale.when, 5*time.Second)
	lines := all.KeyBy(sale.account).Process("detect", detect)
	counts := all.KeyBy(sale.shop).Window(window.Tumbling(time.Minute)).Aggregate("count", agg.Count)
	sums := all.KeyBy(sale.route).Window(window.Sliding(time.Minute, 15*time.Second)).AllowLateness(30*time.Second).
		Aggregate("sums", agg.Sum(sale.cents))
	visits := all.KeyBy(sale.account).Window(window.Session(8*time.Second)).Aggregate("visits", agg.Collect)
	lines.Union(
		counts.Map(func(p leat.Pane[int32, int64]) string { return fmt.Sprint("count ", p.Key, p.End.Unix(), " ", p.Value) }),
		sums.Map(func(p leat.Pane[route, int64]) string { return fmt.Sprint("sum ", p.Key, p.End.Unix(), " ", p.Value) }),
		visits.Map(func(p leat.Pane[string, []sale]) string {
			return fmt.Sprint("visit ", p.Key, p.Start.Unix(), " ", len(p.Value))
		}),
	).To("out", mem.Each(out.add))
	return job
}

// detect has state of each kind.
func detect(op *leat.Operator[string, string]) func(sale) error {
	last := op.Value[time.Time]("last")
	who := op.Value[profile]("profile")
	cents := op.List[int64]("cents")
	byShop := op.Map[int32, int64]("by-shop")
	history := op.Ordered[time.Time, int64]("history")
	largest := op.Reducing[int64]("largest", func(a, b int64) int64 { return max(a, b) })
	mean := op.Aggregating("mean", agg.Mean(sale.cents))
	forget := op.EventTimer("forget", func(at time.Time) error {
		op.Emit(fmt.Sprint("forget ", op.Key(), at.Unix(), " ", cents.Len(), " ", largest.Get()))
		return nil
	})
	due := op.EventTimers[int32]("due", func(shop int32, at time.Time) error {
		op.Emit(fmt.Sprint("due ", op.Key(), shop, at.Unix(), " ", byShop.Get(shop)))
		byShop.Delete(shop)
		return nil
	})
	return func(s sale) error {
		last.Set(s.At)
		p := who.Get()
		p.Name, p.Score = "Name of "+op.Key(), p.Score+0.5
		p.Seen = append(slices.Clip(p.Seen), s.At)
		p.Notes = map[string]int32{"shop": s.Shop}
		who.Set(p)
		cents.Append(s.Cents)
		byShop.Set(s.Shop, byShop.Get(s.Shop)+s.Cents)
		history.Set(s.At, s.Cents)
		largest.Add(s.Cents)
		mean.Add(s)
		forget.At(s.At.Add(50 * time.Second))
		due.At(s.Shop, s.At.Add(20*time.Second))
		return nil
	}
}

// savepoint runs the job over the first records, stops it with a savepoint and returns its place, and what the job has emitted. It
// waits until the job has emitted something: the watermark behind the last record has then set out.
func savepoint(t testing.TB, dir string, job func(in held, out *output) *leat.Job, records []sale, to int) (place string, out []string) {
	t.Helper()
	reached, emitted := make(chan struct{}), &output{first: make(chan struct{})}
	running, err := job(held{records, to, reached}, emitted).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []chan struct{}{reached, emitted.first} {
		select {
		case <-c:
		case <-t.Context().Done():
			t.Fatal("it never came so far")
		}
	}
	place, err = running.StopWithSavepoint(t.Context(), filepath.Join(dir, "savepoints"), false)
	if err != nil {
		t.Fatal(err)
	}
	return place, emitted.lines
}

// finish runs a job from a place to the end of its input and returns what it emits.
func finish(t testing.TB, place string, job func(in held, out *output) *leat.Job, records []sale) []string {
	t.Helper()
	var out output
	j := job(held{records, len(records), nil}, &out)
	j.Checkpoint.Store = t.TempDir()
	j.Restore.From = place
	if err := j.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.lines
}

func sorted(out ...[]string) []string { return slices.Sorted(slices.Values(slices.Concat(out...))) }
