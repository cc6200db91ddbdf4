package sim

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/internal/backend/heap"
	"leat.dev/leat/internal/bridge"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/window"
)

// generator makes a job of a seed, and works out beside it what each stream carries, with plain loops over slices.
type generator struct {
	random  *rand.Rand // decides what the job is: the same for each process
	width   *rand.Rand // decides how wide it is: another one for each process
	p       *Process
	job     *leat.Job
	names   int
	streams []stream
	sinks   int
}

// stream is a stream of the job, with what it carries.
type stream struct {
	s    *leat.Stream[Record]
	want []Record // of each key in order, if it is ordered
	// ordered: the records of each key come in one order, whatever happens. timed: they have event times, and none is late.
	ordered, timed bool
}

// generate makes the job of a world's seed.
func generate(w *World, p *Process) (*graph.Plan, *heap.Budget, error) {
	g := &generator{
		random: rand.New(rand.NewPCG(w.seed, 2)), width: rand.New(rand.NewPCG(w.seed, uint64(100+p.number))),
		p: p, job: leat.NewJob(jobName),
	}
	g.job.MaxParallelism = []int{4, 8, 16}[g.random.IntN(3)]
	g.job.Parallelism = 1 + g.width.IntN(4)
	g.job.Checkpoint.Store = "the one of the world" // it is not opened: the plan alone asks for it
	for range 1 + g.random.IntN(2) {
		g.streams = append(g.streams, g.source())
	}
	for range 1 + g.random.IntN(5) {
		g.grow()
	}
	for _, s := range g.streams {
		g.sink(s)
	}
	inside := bridge.Of(g.job)
	plan, err := graph.New(inside.Graph, inside.Settings)
	return plan, inside.Budget, err
}

func (g *generator) name(what string) string {
	g.names++
	return fmt.Sprintf("%s-%d", what, g.names)
}

// own is sometimes a parallelism of an operator's own.
func (g *generator) own() []leat.Option {
	if g.width.IntN(3) == 0 {
		return []leat.Option{leat.Parallelism(1 + g.width.IntN(4))}
	}
	return nil
}

// mix makes a number that depends on others.
func mix(numbers ...uint64) uint64 {
	h := uint64(0x9E3779B97F4A7C15)
	for _, n := range numbers {
		h ^= n
		h *= 0xBF58476D1CE4E5B9
		h ^= h >> 29
	}
	return h
}

const epoch = int64(1_767_225_600_000_000_000) // event time begins here

// source makes splits whose keys are their own, with times in no strict order.
func (g *generator) source() stream {
	r, number := g.random, uint64(g.names+1)
	jitter := int64(r.IntN(4)) * int64(40*time.Millisecond)
	splits := make([][]Record, 1+r.IntN(4))
	keys := 1 + r.IntN(6)
	var all []Record
	for i := range splits {
		for n := range 1 + r.IntN(60) {
			at := epoch + int64(n)*int64(10*time.Millisecond)
			if jitter > 0 {
				at += r.Int64N(jitter)
			}
			splits[i] = append(splits[i], Record{
				ID: mix(number, uint64(i), uint64(n)), Key: uint32(i + len(splits)*r.IntN(keys)), N: r.Int64N(100), At: at,
			})
		}
		all = append(all, splits[i]...)
	}
	name := g.name("source")
	src := &Source{Name: name, Splits: splits, Waits: r.IntN(3) == 0}
	out := stream{want: all, ordered: true, timed: r.IntN(6) > 0}
	out.s = g.job.From(name, src.Of(g.p), g.own()...)
	if out.timed {
		out.s = out.s.EventTime(func(r Record) time.Time { return time.Unix(0, r.At) }, time.Duration(jitter))
	}
	return out
}

// take takes a stream to go on from.
func (g *generator) take() stream {
	i := g.random.IntN(len(g.streams))
	s := g.streams[i]
	g.streams = slices.Delete(g.streams, i, i+1)
	return s
}

// grow adds a stage to a stream.
func (g *generator) grow() {
	stages := []func(stream) []stream{
		g.mapped, g.filtered, g.flat, g.tried, g.rebalanced, g.united, g.running, g.running, g.seen, g.seen, g.sided,
		g.buckets, g.buckets, g.total, g.delayed, g.delayed, g.windows, g.windows, g.windows, g.cogroup, g.cogroup,
		g.general, g.general, g.counts, g.stepped, g.stepped, g.joins, g.joins, g.joins,
	}
	g.streams = append(g.streams, stages[g.random.IntN(len(stages))](g.take())...)
}

func (g *generator) mapped(in stream) []stream {
	f := func(r Record) Record { r.N = 2*r.N + 1; return r }
	in.s = in.s.Map(f, g.unchained()...)
	in.want = each(in.want, func(r Record) []Record { return []Record{f(r)} })
	return []stream{in}
}

func (g *generator) unchained() []leat.Option {
	if g.width.IntN(3) == 0 {
		return []leat.Option{leat.Unchained()}
	}
	return nil
}

// each is all that f makes of records.
func each(records []Record, f func(Record) []Record) []Record {
	var all []Record
	for _, r := range records {
		all = append(all, f(r)...)
	}
	return all
}

func (g *generator) filtered(in stream) []stream {
	keep := func(r Record) bool { return r.ID%5 != 0 }
	in.s = in.s.Filter(keep)
	in.want = slices.DeleteFunc(slices.Clone(in.want), func(r Record) bool { return !keep(r) })
	return []stream{in}
}

func (g *generator) flat(in stream) []stream {
	f := func(r Record) []Record {
		var all []Record
		for i := range r.ID % 3 {
			all = append(all, Record{mix(r.ID, i), r.Key, r.N + int64(i), r.At})
		}
		return all
	}
	in.s = in.s.FlatMap(func(r Record) iter.Seq[Record] { return slices.Values(f(r)) })
	in.want = each(in.want, f)
	return []stream{in}
}

func (g *generator) tried(in stream) []stream {
	in.s = in.s.TryMap(g.name("try"), func(r Record) (Record, error) {
		r.N++
		return r, g.p.Fault()
	})
	in.want = each(in.want, func(r Record) []Record { r.N++; return []Record{r} })
	return []stream{in}
}

func (g *generator) rebalanced(in stream) []stream {
	in.s = in.s.Rebalance().Map(func(r Record) Record { return r }, g.own()...)
	in.ordered = false
	return []stream{in}
}

func (g *generator) united(in stream) []stream {
	if len(g.streams) == 0 {
		return g.rebalanced(in)
	}
	other := g.take()
	tag := func(r Record) Record { r.ID = mix(r.ID, 7); return r }
	return []stream{{
		s: in.s.Union(other.s.Map(tag)), want: append(slices.Clone(in.want), each(other.want, func(r Record) []Record { return []Record{tag(r)} })...),
		timed: in.timed && other.timed,
	}}
}

// sided divides a stream by a side output.
func (g *generator) sided(in stream) []stream {
	side := leat.Output[Record](g.name("side"))
	toSide := func(r Record) bool { return r.ID%2 == 0 }
	s := in.s.Process(g.name("divide"), func(op *leat.Unkeyed[Record]) func(Record) error {
		emit := op.Side(side)
		return func(r Record) error {
			if toSide(r) {
				emit(r)
			} else {
				op.Emit(r)
			}
			return nil
		}
	})
	first, second := in, in
	first.s, second.s = s, s.Side(side)
	first.want = slices.DeleteFunc(slices.Clone(in.want), toSide)
	second.want = slices.DeleteFunc(slices.Clone(in.want), func(r Record) bool { return !toSide(r) })
	return []stream{first, second}
}

func (g *generator) sink(in stream) {
	g.sinks++
	w := g.p.world
	if len(w.sinks) < g.sinks {
		w.sinks = append(w.sinks, w.Sink(fmt.Sprintf("sink-%d", g.sinks), g.random.IntN(8) > 0, in.want))
	} else {
		g.random.IntN(8)
	}
	s := w.sinks[g.sinks-1]
	opts := g.own()
	if s.exactly {
		opts = append(opts, leat.ExactlyOnce())
	}
	in.s.To(s.name, s.Of(g.p), opts...)
}

// byKey is records by key, and the keys in order.
func byKey[K cmp.Ordered](records []Record, key func(Record) K) ([]K, map[K][]Record) {
	all := map[K][]Record{}
	var keys []K
	for _, r := range records {
		k := key(r)
		if all[k] == nil {
			keys = append(keys, k)
		}
		all[k] = append(all[k], r)
	}
	slices.Sort(keys)
	return keys, all
}

func keyOf(r Record) uint32 { return r.Key }

// sums is what windows make of records.
type sums struct {
	N, Count int64
	IDs      uint64
}

func (s *sums) add(r Record) { s.N += r.N; s.Count++; s.IDs ^= r.ID }

func (s *sums) merge(o sums) { s.N += o.N; s.Count += o.Count; s.IDs ^= o.IDs }

func (s sums) record(key uint32, begin, end int64) Record { return s.recordAt(key, begin, end, end-1) }

func (s sums) recordAt(key uint32, begin, end, at int64) Record {
	return Record{mix(s.IDs, uint64(key), uint64(begin), uint64(end)), key, s.N<<16 | s.Count, at}
}

// session is the record of a session's pane, whose time is the session's end.
func (s sums) session(key uint32, begin, end int64) Record { return s.recordAt(key, begin, end, end) }

// windows aggregates by tumbling, sliding or session windows.
func (g *generator) windows(in stream) []stream {
	if !in.timed {
		return g.seen(in)
	}
	size := time.Duration(1+g.random.IntN(20)) * 10 * time.Millisecond
	var w window.Assigner
	var want []Record
	record := sums.record
	switch g.random.IntN(3) {
	case 0:
		w, want = window.Tumbling(size), aligned(in.want, int64(size), int64(size))
	case 1:
		times := int64(1 + g.random.IntN(4))
		w, want = window.Sliding(time.Duration(times)*size, size), aligned(in.want, times*int64(size), int64(size))
	default:
		w, want, record = window.Session(size/4), sessions(in.want, int64(size/4)), sums.session
	}
	windowed := in.s.KeyBy(keyOf).Window(w)
	if g.random.IntN(3) == 0 {
		windowed = windowed.AllowLateness(size)
	}
	s := windowed.Aggregate(g.name("window"), agg.Fold((*sums).add, (*sums).merge), g.own()...).
		Map(func(p leat.Pane[uint32, sums]) Record {
			return record(p.Value, p.Key, p.Start.UnixNano(), p.End.UnixNano())
		})
	return []stream{{s: s, want: want, timed: true}}
}

// aligned is the panes of tumbling and sliding windows.
func aligned(records []Record, size, slide int64) []Record {
	type pane struct {
		key   uint32
		begin int64
	}
	all := map[pane]*sums{}
	for _, r := range records {
		for begin := r.At - r.At%slide; begin > r.At-size; begin -= slide {
			p := pane{r.Key, begin}
			if all[p] == nil {
				all[p] = &sums{}
			}
			all[p].add(r)
		}
	}
	var out []Record
	for p, s := range all {
		out = append(out, s.record(p.key, p.begin, p.begin+size))
	}
	return sorted(out)
}

// sorted brings records into an order that does not depend on a map's.
func sorted(records []Record) []Record {
	slices.SortFunc(records, func(a, b Record) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	return records
}

// sessions is the panes of session windows.
func sessions(records []Record, gap int64) []Record {
	var out []Record
	keys, all := byKey(records, keyOf)
	for _, key := range keys {
		of := sorted(slices.Clone(all[key]))
		for from := 0; from < len(of); {
			s, to := sums{}, from
			for to < len(of) && (to == from || of[to].At <= of[to-1].At+gap) {
				s.add(of[to])
				to++
			}
			out = append(out, s.session(key, of[from].At, of[to-1].At+gap))
			from = to
		}
	}
	return out
}
