package leattest_test

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/window"
)

// Rec is the record of all generated jobs: numbers, text, times, slices, maps and pointers.
type Rec struct {
	ID   int64
	Name string
	At   time.Time
	N    int64
	Tags []string
	Sums map[string]int64
	From *Rec
}

func (r Rec) when() time.Time { return r.At }

// tagged is a copy with one more tag, which shares nothing with the original.
func (r Rec) tagged(tag string) Rec {
	r.Tags = append(slices.Clone(r.Tags), tag)
	return r
}

// rank orders records of one key by event time, whatever way they came.
func (r Rec) rank(at time.Time) string {
	return fmt.Sprintf("%020d/%020d/%020d/%s", at.UnixNano(), r.ID, r.N, strings.Join(r.Tags, ","))
}

// Pair is a key of two fields.
type Pair struct {
	Name string
	Part uint8
}

func name(r Rec) string { return r.Name }
func part(r Rec) int64  { return r.ID % 5 }
func pair(r Rec) Pair   { return Pair{r.Name, uint8(r.ID % 3)} }

// order says for which keys the records of a stream come in the same order, however the job runs.
type order uint8

const (
	none   order = iota // for no key
	byName              // for those that the last keyed operator had
	byPart
	byPair
	source // for all, and in the same order with watermarks, as they come from one split
)

// flow is a stream on its way.
type flow struct {
	*leat.Stream[Rec]
	order order
	late  bool // records may be late
}

// generator makes a job at random. The same seed makes the same job.
type generator struct {
	*rand.Rand
	job   *leat.Job
	open  []flow // streams that nobody reads so far
	named int
	story []string
}

func (g *generator) name(kind string) string {
	g.named++
	name := fmt.Sprintf("%s-%d", kind, g.named)
	g.story = append(g.story, name)
	return name
}

// options are some that change nothing about the output.
func (g *generator) options() []leat.Option {
	var opts []leat.Option
	if g.IntN(5) == 0 {
		opts = append(opts, leat.Unchained())
	}
	if g.IntN(6) == 0 {
		opts = append(opts, leat.Parallelism(2+g.IntN(2)))
	}
	return opts
}

// generate makes the job of a seed.
func generate(seed uint64) (*leat.Job, []string) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), job: leat.NewJob(fmt.Sprintf("generated-%d", seed))}
	for i := range 1 + g.IntN(2) {
		g.source(i)
	}
	for range 3 + g.IntN(6) {
		g.step()
	}
	for _, f := range g.open {
		f.To(g.name("sink"), mem.Into(new([]Rec)))
	}
	return g.job, g.story
}

// disorder is how much later than others a generated record comes at most.
const disorder = 8 * time.Second

func (g *generator) source(i int) {
	delay, late := disorder, false
	if g.IntN(3) == 0 {
		delay, late = disorder/4, true
		g.story = append(g.story, "late")
	}
	s := g.job.From(fmt.Sprintf("in-%d", i), mem.From[Rec]())
	if g.IntN(2) == 0 {
		s = s.Map(func(r Rec) Rec { return r.tagged("read") })
	}
	g.open = append(g.open, flow{s.EventTime(Rec.when, delay), source, late})
}

// records are what a source is given.
func records(seed uint64, count int) []Rec {
	r := rand.New(rand.NewPCG(seed, 2))
	all := make([]Rec, count)
	for i := range all {
		back := time.Duration(r.Int64N(int64(disorder)))
		all[i] = Rec{
			ID: int64(i), Name: string(rune('a' + r.IntN(6))), N: r.Int64N(1000),
			At: noon.Add(time.Duration(i)*700*time.Millisecond - back).Truncate(100 * time.Millisecond),
		}
		if r.IntN(3) == 0 {
			all[i].Tags, all[i].Sums = []string{"given"}, map[string]int64{"given": all[i].N}
		}
	}
	return all
}

// step puts one more operator behind some stream.
func (g *generator) step() {
	i := g.IntN(len(g.open))
	f := g.open[i]
	if g.IntN(5) > 0 { // else the stream is read twice
		g.open = slices.Delete(g.open, i, i+1)
	}
	var next flow
	switch g.IntN(8) {
	case 0, 1:
		next = g.stateless(f)
	case 2:
		next = g.several(f)
	case 3, 4:
		next = g.windowed(f)
	default:
		next = g.keyed(f)
	}
	g.open = append(g.open, next)
}

func (g *generator) stateless(f flow) flow {
	switch g.IntN(6) {
	case 0:
		tag := g.name("map")
		f.Stream = f.Map(func(r Rec) Rec { r.N = r.N*3 + 1; return r.tagged(tag) }, g.options()...)
	case 1:
		g.name("filter")
		f.Stream = f.Filter(func(r Rec) bool { return (r.ID+r.N)%4 != 0 }, g.options()...)
	case 2:
		g.name("flat-map")
		f.Stream = f.FlatMap(twins)
	case 3:
		const bad leat.Output[leat.Rejected] = "bad"
		parsed := f.TryMap(g.name("try-map"), parse, append(g.options(), leat.Rejects(bad))...)
		parsed.Side(bad).To(g.name("rejects"), mem.Into(new([]leat.Rejected)))
		f.Stream = parsed
	case 4:
		g.name("rebalance")
		f.Stream, f.order = f.Rebalance().Map(func(r Rec) Rec { return r.tagged("rebalanced") }), none
	case 5:
		const odd leat.Output[Rec] = "odd"
		all := f.Process(g.name("process"), func(op *leat.Unkeyed[Rec]) func(Rec) error {
			toOdd := op.Side(odd)
			return func(r Rec) error {
				if r.ID%2 == 1 {
					toOdd(r)
				} else {
					op.Emit(r.tagged("even"))
				}
				return nil
			}
		}, g.options()...)
		g.open = append(g.open, flow{all.Side(odd), f.order, f.late})
		f.Stream = all
	}
	return f
}

func twins(r Rec) iter.Seq[Rec] {
	return func(yield func(Rec) bool) {
		for i := range r.N % 3 {
			twin := r.tagged(fmt.Sprint("twin ", i))
			twin.From = &r
			if !yield(twin) {
				return
			}
		}
	}
}

func parse(r Rec) (Rec, error) {
	if r.N%7 == 3 {
		return r, errors.New("three of seven")
	}
	return r.tagged("parsed"), nil
}

// several brings two streams together, or one with itself.
func (g *generator) several(f flow) flow {
	other := g.open
	second := f
	if len(other) > 0 {
		second = other[g.IntN(len(other))]
	}
	late := f.late || second.late
	if g.IntN(2) == 0 {
		g.name("union")
		return flow{f.Union(second.Stream), none, late}
	}
	if !late && g.IntN(2) == 0 {
		return g.joined(f, second)
	}
	s := f.KeyBy(pair).Connect(second.KeyBy(pair)).Process(g.name("connect"), pairUp, g.options()...)
	return flow{s, none, late}
}

// pairUp pairs the first record of each id on either side. What it emits does not depend on how the inputs mix: the
// first records do, as far as an id has several, so that only ids and sides are used, and the last timer.
func pairUp(op *leat.Operator[Pair, Rec]) (func(Rec) error, func(Rec) error) {
	left, right := op.Map[int64, int64]("left"), op.Map[int64, int64]("right")
	done := op.EventTimer("done", func(time.Time) error {
		var total int64
		for id, n := range left.All() {
			total += n*id + right.Get(id)
		}
		op.EmitAt(noon.Add(time.Hour), Rec{Name: op.Key().Name, ID: int64(op.Key().Part), At: noon.Add(time.Hour), N: total, Sums: map[string]int64{"total": total}})
		return nil
	})
	add := func(to interface {
		Get(int64) int64
		Set(int64, int64)
	},
	) func(Rec) error {
		return func(r Rec) error {
			to.Set(r.ID, to.Get(r.ID)+r.N)
			done.At(noon.Add(time.Hour))
			return nil
		}
	}
	return add(left), add(right)
}

// windows are some that fire on time.
func (g *generator) windows() window.Assigner {
	return []window.Assigner{
		window.Tumbling(10 * time.Second), window.Tumbling(time.Minute), window.Sliding(20*time.Second, 5*time.Second),
		window.Session(3 * time.Second), window.Session(time.Second), window.Cumulating(20*time.Second, 5*time.Second),
		window.Days(1, time.FixedZone("near noon", 12*3600-60)),
	}[g.IntN(7)]
}

// windowed puts windows behind a stream. Where records may be late, only the source's own order tells which.
func (g *generator) windowed(f flow) flow {
	if f.late && f.order != source {
		return g.stateless(f)
	}
	if g.IntN(3) == 0 {
		return g.general(f)
	}
	w := g.windows()
	const late leat.Output[Rec] = "late"
	lateness := time.Duration(g.IntN(2)) * 3 * time.Second
	if g.IntN(4) == 0 {
		s := f.Global().Window(w).AllowLateness(lateness).LateTo(late).
			Aggregate(g.name("global"), agg.Sum(func(r Rec) int64 { return r.N }))
		g.lateOf(s.Side(late), f)
		return flow{s.Map(func(p leat.Pane[struct{}, int64]) Rec {
			return Rec{Name: "all", At: p.End, N: p.Value, Tags: []string{p.Timing.String(), fmt.Sprint(p.Index)}}
		}), none, f.late}
	}
	if g.IntN(2) == 0 {
		s := f.KeyBy(name).Window(w).AllowLateness(lateness).LateTo(late).
			Aggregate(g.name("collect"), agg.Collect, g.options()...)
		g.lateOf(s.Side(late), f)
		return flow{s.Map(paneOfRecords), none, f.late}
	}
	s := f.KeyBy(part).Window(w).AllowLateness(lateness).LateTo(late).
		Process(g.name("panes"), agg.Top(3, func(r Rec) int64 { return r.N }), countPanes, g.options()...)
	g.lateOf(s.Side(late), f)
	return flow{s, none, f.late}
}

// lateOf gives late records a sink of their own.
func (g *generator) lateOf(s *leat.Stream[Rec], f flow) {
	if f.late {
		s.To(g.name("late"), mem.Into(new([]Rec)))
	}
}

func paneOfRecords(p leat.Pane[string, []Rec]) Rec {
	r := Rec{Name: p.Key, At: p.Start, N: int64(len(p.Value)), Tags: []string{p.Timing.String()}, Sums: map[string]int64{}}
	for _, v := range p.Value {
		r.Sums[v.Name] += v.N
		r.ID = max(r.ID, v.ID)
	}
	return r
}

// countPanes emits each pane with how many there were before.
func countPanes(op *leat.Operator[int64, Rec]) func(leat.Pane[int64, []Rec]) error {
	seen := op.Value[int64]("seen")
	return func(p leat.Pane[int64, []Rec]) error {
		seen.Set(seen.Get() + 1)
		r := Rec{ID: op.Key(), Name: "panes", At: p.End, N: seen.Get()}
		for _, v := range p.Value {
			r.N = r.N*31 + v.N
		}
		op.Emit(r)
		return nil
	}
}

// keyed puts an operator with state behind a stream, one that may look at the order of records only where there is one.
func (g *generator) keyed(f flow) flow {
	by := byName + order(g.IntN(3))
	if f.order == none || (f.order != source && f.order != by) {
		if f.late {
			return g.stateless(f)
		}
		switch by {
		case byName:
			return flow{unordered(g, f, name), by, false}
		case byPart:
			return flow{unordered(g, f, part), by, false}
		}
		return flow{unordered(g, f, pair), by, false}
	}
	withTimers := f.order == source
	switch by {
	case byName:
		return flow{ordered(g, f, name, withTimers), by, f.late}
	case byPart:
		return flow{ordered(g, f, part, withTimers), by, f.late}
	}
	return flow{ordered(g, f, pair, withTimers), by, f.late}
}

// unordered puts an operator behind a stream that gives records an order again.
func unordered[K comparable](g *generator, f flow, key func(Rec) K) *leat.Stream[Rec] {
	return f.KeyBy(key).Process(g.name("sort"), sorted[K], g.options()...)
}

// sorted holds records back until event time has passed them, and emits them in order of time.
func sorted[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	held := op.Ordered[string, []Rec]("held")
	last := op.Value[*Rec]("last")
	release := op.EventTimers("release", func(rank string, _ time.Time) error {
		for r, recs := range held.All() {
			if r > rank {
				break
			}
			for _, rec := range recs {
				if before := last.Get(); before != nil {
					rec.N += before.N % 1000
				}
				rec.From = nil
				last.Set(&rec)
				op.Emit(rec)
			}
			held.Delete(r)
		}
		return nil
	})
	return func(r Rec) error {
		rank := r.rank(op.Time())
		held.Set(rank, append(slices.Clone(held.Get(rank)), r))
		release.At(rank, op.Time())
		return nil
	}
}

// ordered puts an operator behind a stream whose records come in one order for each key.
func ordered[K comparable](g *generator, f flow, key func(Rec) K, withTimers bool) *leat.Stream[Rec] {
	kinds := []func(*leat.Operator[K, Rec]) func(Rec) error{inValue[K], inList[K], inMap[K], inRunning[K], inRef[K]}
	names := []string{"value", "list", "map", "running", "ref"}
	if withTimers {
		kinds, names = append(kinds, withTimer[K], withItemTimers[K]), append(names, "timer", "item-timers")
	}
	i := g.IntN(len(kinds))
	return f.KeyBy(key).Process(g.name(names[i]), kinds[i], g.options()...)
}

// Kept is a value that refers to others.
type Kept struct {
	Count int
	Tags  []string
	Sums  map[string]int64
	Last  *Rec
}

// inValue changes copies.
func inValue[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	kept := op.Value[Kept]("kept")
	return func(r Rec) error {
		k := kept.Get()
		k.Count++
		k.Tags = append(slices.Clone(k.Tags), r.Tags...)
		k.Tags = k.Tags[max(0, len(k.Tags)-4):]
		sums := map[string]int64{r.Name: r.N}
		for name, n := range k.Sums {
			sums[name] += n % 100
		}
		k.Sums = sums
		last := k.Last
		r.From = nil
		k.Last = &r
		if k.Count%7 == 0 {
			kept.Clear()
		} else {
			kept.Set(k)
		}
		out := r
		out.Tags, out.Sums, out.From, out.N = k.Tags, k.Sums, last, int64(k.Count)
		op.Emit(out)
		return nil
	}
}

// inRef changes in place, and emits copies.
func inRef[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	kept := op.Value[Kept]("kept")
	return func(r Rec) error {
		k := kept.Ref()
		k.Count++
		if k.Sums == nil {
			k.Sums = map[string]int64{}
		}
		k.Sums[r.Name] += r.N
		k.Tags = append(k.Tags, r.Name)
		if len(k.Tags) > 5 {
			k.Tags = k.Tags[:2]
		}
		if k.Last == nil {
			k.Last = &Rec{}
		}
		k.Last.N += r.N
		r.N = k.Last.N + int64(k.Count) + k.Sums[r.Name]
		r.Tags, r.From = slices.Clone(k.Tags), nil
		op.Emit(r)
		return nil
	}
}

func inList[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	list := op.List[Rec]("list")
	return func(r Rec) error {
		r.From = nil
		list.Append(r)
		if list.Len() > 9 {
			list.Clear()
		}
		for before := range list.All() {
			r.N = (r.N*7 + before.N) % 100_003
		}
		op.Emit(r)
		return nil
	}
}

func inMap[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	counts := op.Map[string, []int64]("counts")
	by := op.Ordered[int64, int64]("by")
	const large leat.Output[int64] = "large"
	toLarge := op.Side(large)
	return func(r Rec) error {
		item := fmt.Sprint(r.N % 4)
		counts.Set(item, append(slices.Clone(counts.Get(item)), r.N))
		if all := counts.Get(item); len(all) > 5 {
			counts.Delete(item)
			toLarge(all[0])
		}
		by.Set(r.N%13, r.ID)
		by.DeleteRange(0, r.N%3)
		for at, id := range by.All() {
			r.N = (r.N + at*id) % 100_003
		}
		for _, all := range counts.All() {
			r.N += int64(len(all))
		}
		op.Emit(r)
		return nil
	}
}

func inRunning[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	sum := op.Reducing("sum", func(a, b int64) int64 { return (a*3 + b) % 100_003 })
	top := op.Aggregating("top", agg.Top(2, func(r Rec) int64 { return r.N }))
	names := op.Aggregating("names", agg.Distinct(func(r Rec) string { return r.Name }))
	return func(r Rec) error {
		r.From = nil
		sum.Add(r.N)
		top.Add(r)
		names.Add(r)
		r.N = sum.Get()
		for _, v := range top.Get() {
			r.N += v.N
		}
		r.Sums = map[string]int64{"names": int64(cmp.Compare(names.Get(), 2))}
		if r.N%11 == 0 {
			sum.Clear()
		}
		op.Emit(r)
		return nil
	}
}

// withTimer forgets what is old, and says so.
func withTimer[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	recent := op.Value[Rec]("recent")
	forget := op.EventTimer("forget", func(at time.Time) error {
		op.Emit(recent.Get().tagged("forgotten"))
		recent.Clear()
		return nil
	})
	return func(r Rec) error {
		r.N += recent.Get().N
		r.From = nil
		recent.Set(r)
		if r.N%5 == 0 {
			forget.Stop()
		} else {
			forget.At(op.Time().Add(2 * time.Second))
		}
		op.Emit(r)
		return nil
	}
}

func withItemTimers[K comparable](op *leat.Operator[K, Rec]) func(Rec) error {
	open := op.Map[int64, Rec]("open")
	due := op.EventTimers("due", func(item int64, at time.Time) error {
		r := open.Get(item).tagged("due")
		open.Delete(item)
		op.Emit(r)
		return nil
	})
	last := op.Value[Rec]("last")
	atEnd := op.ProcessingTimer("at-end", func(time.Time) error {
		op.EmitAt(noon.Add(2*time.Hour), last.Get().tagged("end"))
		return nil
	})
	return func(r Rec) error {
		item := r.N % 6
		if _, ok := open.Lookup(item); ok && r.N%2 == 0 {
			due.Stop(item)
		} else {
			// No two items are due at the same time: which of them comes first is not promised.
			due.At(item, op.Time().Add(time.Duration(r.N%9)*time.Second+time.Duration(item)*time.Millisecond))
		}
		r.From = nil
		open.Set(item, r)
		last.Set(r)
		atEnd.At(op.Now().Add(time.Hour))
		return nil
	}
}
