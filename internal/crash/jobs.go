package main

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector/file"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/window"
)

// Case is one run of a job from its beginning to its end, however often it is killed.
type Case struct {
	Job     int // which of the generated jobs
	Dir     string
	Store   string // a place for checkpoints and savepoints; "": in Dir
	Seed    uint64 // of the records
	Records int64  // a source
	Splits  int    // 1, 2 or 4
}

// themes are what each generated job has in any case; the rest is chosen at random. Together they have every kind of block.
var themes = [][]block{
	{inValue, divided},
	{sorted, flushed},
	{tumbling, mapped},
	{sliding, minutes},
	{sessions, parsed},
	{late},
	{joined, filtered},
	{inRef, inCollections},
	{united, rebalanced, global},
	{inAggregates, totals},
	{beside(cumulating, days)},
	{beside(preaggregated, counts, sessionsBy)},
	{beside(triggered(window.Retracting), evicted)},
	{beside(spending, triggered(window.Accumulating), triggered(window.Discarding))},
	{lateTriggered},
	{beside(sessionGroups, windowJoined)},
	{beside(versioned, intervalJoined)},
	{antiJoined, sessionGroups},
}

// fillers are what may stand before the theme's blocks.
var fillers = []block{mapped, filtered, doubled, parsed, divided, united, rebalanced, sorted, inValue, inRef, inCollections, inAggregates}

// builder builds a job, the same one for the same number.
type builder struct {
	*rand.Rand
	job       *leat.Job
	c         Case
	perSecond float64
	open      []stream // that nobody reads so far
	outputs   []output
	named     int
	sources   int
}

// output is a sink and what the oracle says of it.
type output struct {
	folder string
	rows   bool   // CSV: each file begins with a header
	group  string // what is counted together; default the folder
	oracle func() []string
	// fold says what a line counts as; nil: as itself.
	fold func(Rec) (line string, copies int)
}

// build builds a job whose sources make so many records a second; 0: as many as they can.
func build(c Case, perSecond float64) *builder {
	b := &builder{
		Rand: rand.New(rand.NewPCG(uint64(c.Job), 1)), c: c, perSecond: perSecond, job: leat.NewJob(fmt.Sprintf("crash-%d", c.Job)),
	}
	s := b.source(disorder)
	for range b.IntN(3) {
		s = fillers[b.IntN(len(fillers))](b, s)
	}
	for _, block := range themes[c.Job] {
		before := s
		s = block(b, s)
		if b.IntN(2) == 0 {
			b.open = append(b.open, before) // it is read twice
		}
	}
	if s.Stream != nil {
		b.open = append(b.open, s)
	}
	for _, s := range b.open {
		b.sink(s)
	}
	return b
}

// source begins a stream whose records come out of order.
func (b *builder) source(delay time.Duration) stream {
	seed := b.c.Seed + uint64(b.sources)
	o := gen.Options{Count: b.c.Records, PerSecond: b.perSecond, Splits: b.c.Splits}
	s := b.job.From(fmt.Sprintf("in-%d", b.sources), gen.Func(o, func(i int64) Rec { return record(seed, i) })).EventTime(Rec.when, delay)
	b.sources++
	return stream{s, sync.OnceValue(func() []timed {
		all := make([]timed, b.c.Records)
		for i := range all {
			r := record(seed, int64(i))
			all[i] = timed{r.At, r}
		}
		return all
	}), true}
}

// other is a second stream: another source, or one that nobody reads.
func (b *builder) other(stream) stream {
	if n := len(b.open); n > 0 && b.IntN(2) == 0 {
		s := b.open[n-1]
		b.open = b.open[:n-1]
		return s
	}
	return b.source(disorder)
}

// inOrder is the stream with the records of each key in an order that does not depend on how the job runs.
func (b *builder) inOrder(s stream) stream {
	if s.ordered {
		return s
	}
	return sorted(b, s)
}

func (b *builder) name(kind string) string {
	b.named++
	return fmt.Sprintf("%s-%d", kind, b.named)
}

// options are some that change nothing about the output.
func (b *builder) options() []leat.Option {
	if b.IntN(4) == 0 {
		return []leat.Option{leat.Unchained()}
	}
	return nil
}

// sink has a stream written exactly once, in one of the ways of the file sink.
func (b *builder) sink(s stream) {
	if b.IntN(4) > 0 {
		b.into(s.Stream, output{oracle: func() []string { return linesOf(s.all(), Rec.line) }})
		return
	}
	o := output{folder: b.folder(), rows: true, oracle: func() []string {
		return linesOf(s.all(), func(r Rec) string { return r.flat().line() })
	}}
	s.Map(Rec.flat).To(o.folder, file.Write(b.out(o.folder)).CSV, leat.ExactlyOnce())
	b.outputs = append(b.outputs, o)
}

// into has a stream written as JSON: in one folder, in parts of some bytes, or in a folder for each key.
func (b *builder) into(s *leat.Stream[Rec], o output) {
	o.folder = b.folder()
	to := file.Write(b.out(o.folder))
	switch b.IntN(3) {
	case 0:
		s.To(o.folder, to.JSONLines, leat.ExactlyOnce())
	case 1:
		s.To(o.folder, to.Roll(0, 2000).JSONLines, leat.ExactlyOnce())
	case 2:
		by := file.WriteBy(b.out(o.folder), func(r Rec) string { return "key=" + strconv.FormatInt(r.Key%4, 10) })
		s.To(o.folder, by.JSONLines, leat.ExactlyOnce())
	}
	b.outputs = append(b.outputs, o)
}

func (b *builder) folder() string { return fmt.Sprintf("sink-%d", len(b.outputs)) }

func (b *builder) out(folder string) string { return filepath.Join(b.c.Dir, "out", folder) }

func linesOf(all []timed, line func(Rec) string) []string {
	lines := make([]string, len(all))
	for i, r := range all {
		lines[i] = line(r.Rec)
	}
	return lines
}

func compareText(a, b string) int { return cmp.Compare(a, b) }

func sortedKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }
