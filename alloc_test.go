package leat_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/agg"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/gen"
	"leat.dev/leat/window"
)

// allocationsPerRecord bounds what a record may cost in steady state. It is not zero: the runtime's own work, such as a
// collection of garbage, is counted too.
const allocationsPerRecord = 0.001

// gauge reads the count of allocations when the source makes one record, and again when it makes a later one.
type gauge struct {
	from, to      int64
	before, after runtime.MemStats
}

// see is called for each record that the source makes.
func (g *gauge) see(i int64) {
	switch i {
	case g.from:
		runtime.ReadMemStats(&g.before)
	case g.to:
		runtime.ReadMemStats(&g.after)
	}
}

// perRecord is how many allocations the process made for each record between the two readings.
func (g *gauge) perRecord() float64 {
	return float64(g.after.Mallocs-g.before.Mallocs) / float64(g.to-g.from)
}

// check fails the test if a record has cost an allocation between the two readings.
func (g *gauge) check(t *testing.T, job *leat.Job) {
	t.Helper()
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := g.perRecord(); got > allocationsPerRecord {
		t.Errorf("a record costs %.4f allocations in steady state; want none", got)
	}
}

const (
	warmRecords     = 200_000
	measuredRecords = 200_000
	allocKeys       = 1000
)

func newGauge() *gauge { return &gauge{from: warmRecords, to: warmRecords + measuredRecords} }

// options are of the generator that a gauge watches. It has one split, as nothing keeps two of them in step: one might
// still warm up while the other is measured. Some records come behind, so that the second reading is not of the end.
func (g *gauge) options() gen.Options { return gen.Options{Count: g.to + 20_000} }

// reading is a record of the measured jobs.
type reading struct {
	Sensor int64
	Name   string
	Value  int64
	At     time.Time
}

func (r reading) When() time.Time { return r.At }

// sensorNames are made beforehand: the text of a key belongs to the record, which the source makes.
var sensorNames = func() [allocKeys]string {
	var names [allocKeys]string
	for i := range names {
		names[i] = "sensor-" + strconv.Itoa(i)
	}
	return names
}()

var allocStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// readings has a millisecond between records.
func (g *gauge) readings() connector.Source[reading] {
	return gen.Func(g.options(), func(i int64) reading {
		g.see(i)
		n := i * 7919 % allocKeys
		return reading{n, sensorNames[n], i, allocStart.Add(time.Duration(i) * time.Millisecond)}
	})
}

// nowhere is a sink that drops records.
func nowhere[T any]() connector.Output[T] { return dropping[T]{} }

type dropping[T any] struct{}

func (dropping[T]) Guarantee() connector.Guarantee { return connector.AtLeastOnce }

func (d dropping[T]) Open(context.Context, connector.Subtask) (connector.Writer[T], error) {
	return d, nil
}

func (dropping[T]) Write(context.Context, *connector.Batch[T]) error { return nil }

func (dropping[T]) Flush(context.Context) error { return nil }

func (dropping[T]) Close() error { return nil }

// measured is a shape of job: what comes behind a source of readings.
type measured struct {
	name  string
	build func(s *leat.Stream[reading])
}

func TestRecordsCostNoAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	shapes := []measured{
		{"integer keys", countBySensor},
		{"string keys", countByName},
		{"moved timer", movedTimer},
		{"processing timer", movedProcessingTimer},
		{"timers with items", movedItemTimer},
		{"list append", listAppend},
		{"map, ordered, reducing, aggregating", allKinds},
		{"side output", sideOutput},
		{"union, rebalance", reshaped},
		{"unkeyed process", unkeyed},
		{"global", global},
		{"tumbling window", tumbling},
		{"connect", connected},
	}
	for _, shape := range shapes {
		for _, parallelism := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s at %d", shape.name, parallelism), func(t *testing.T) {
				g := newGauge()
				job := leat.NewJob("allocations")
				job.Parallelism = parallelism
				shape.build(job.From("readings", g.readings()).EventTime(reading.When, time.Second))
				g.check(t, job)
			})
		}
	}
}

// Were the gauge blind, the test above would hold anything.
func TestGaugeSeesAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("make invariants counts allocations, without the race detector")
	}
	g := newGauge()
	job := leat.NewJob("allocations")
	job.From("readings", g.readings()).
		Map(func(r reading) *int64 { return new(r.Value) }).
		To("nowhere", nowhere)
	if err := job.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := g.perRecord(); got < 0.9 {
		t.Errorf("a record that costs an allocation is measured as %.4f", got)
	}
}

// halved is source → map → filter, which each shape begins with.
func halved(s *leat.Stream[reading]) *leat.Stream[reading] {
	return s.
		Map(func(r reading) reading { r.Value++; return r }).
		Filter(func(r reading) bool { return r.Value%2 == 0 })
}

func sensor(r reading) int64 { return r.Sensor }

func sensorName(r reading) string { return r.Name }

func countBySensor(s *leat.Stream[reading]) { counted(halved(s).KeyBy(sensor)) }

func countByName(s *leat.Stream[reading]) { counted(halved(s).KeyBy(sensorName)) }

func counted[K comparable](s *leat.Keyed[K, reading]) {
	s.Process("count", func(op *leat.Operator[K, int64]) func(reading) error {
		n := op.Value[int64]("n")
		return func(reading) error {
			x := n.Get() + 1
			n.Set(x)
			op.Emit(x)
			return nil
		}
	}).To("nowhere", nowhere)
}

// movedTimer sets a timer anew with each record; now and then one fires.
func movedTimer(s *leat.Stream[reading]) {
	halved(s).KeyBy(sensorName).Process("silent", func(op *leat.Operator[string, string]) func(reading) error {
		silent := op.EventTimer("silent", func(time.Time) error { op.Emit(op.Key()); return nil })
		return func(r reading) error {
			silent.At(r.At.Add(10*time.Second - time.Duration(r.Value%20)*time.Second/2))
			return nil
		}
	}).To("nowhere", nowhere)
}

func movedProcessingTimer(s *leat.Stream[reading]) {
	halved(s).KeyBy(sensorName).Process("silent", func(op *leat.Operator[string, string]) func(reading) error {
		silent := op.ProcessingTimer("silent", func(time.Time) error { op.Emit(op.Key()); return nil })
		return func(reading) error {
			silent.At(op.Now().Add(time.Hour))
			return nil
		}
	}).To("nowhere", nowhere)
}

func movedItemTimer(s *leat.Stream[reading]) {
	halved(s).KeyBy(sensorName).Process("orders", func(op *leat.Operator[string, int64]) func(reading) error {
		due := op.EventTimers("due", func(item int64, _ time.Time) error { op.Emit(item); return nil })
		return func(r reading) error {
			due.At(r.Value%8, r.At.Add(3*time.Second))
			return nil
		}
	}).To("nowhere", nowhere)
}

func listAppend(s *leat.Stream[reading]) {
	halved(s).KeyBy(sensorName).Process("gather", func(op *leat.Operator[string, int]) func(reading) error {
		last := op.List[int64]("last")
		return func(r reading) error {
			if last.Len() == 16 {
				op.Emit(last.Len())
				last.Clear()
			}
			last.Append(r.Value)
			return nil
		}
	}).To("nowhere", nowhere)
}

func allKinds(s *leat.Stream[reading]) {
	halved(s).KeyBy(sensor).Process("kinds", func(op *leat.Operator[int64, int64]) func(reading) error {
		byDigit := op.Map[int64, int64]("by-digit")
		recent := op.Ordered[int64, int64]("recent")
		highest := op.Reducing("highest", func(a, b int64) int64 { return max(a, b) })
		sum := op.Aggregating("sum", agg.Sum(func(r reading) int64 { return r.Value }))
		return func(r reading) error {
			byDigit.Set(r.Value%10, byDigit.Get(r.Value%10)+1)
			recent.Set(r.Value, r.Value)
			recent.DeleteRange(0, r.Value-20_000)
			highest.Add(r.Value)
			sum.Add(r)
			op.Emit(highest.Get() + sum.Get())
			return nil
		}
	}).To("nowhere", nowhere)
}

const odd leat.Output[reading] = "odd"

func sideOutput(s *leat.Stream[reading]) {
	even := s.KeyBy(sensor).Process("sort", func(op *leat.Operator[int64, reading]) func(reading) error {
		toOdd := op.Side(odd)
		return func(r reading) error {
			if r.Value%2 == 1 {
				toOdd(r)
			} else {
				op.Emit(r)
			}
			return nil
		}
	})
	even.To("even", nowhere)
	even.Side(odd).To("odd", nowhere)
}

func reshaped(s *leat.Stream[reading]) {
	values := halved(s).Map(func(r reading) int64 { return r.Value })
	values.Rebalance().Map(func(v int64) int64 { return v + 1 }).
		Union(values.Filter(func(v int64) bool { return v%3 == 0 })).
		To("nowhere", nowhere)
}

func unkeyed(s *leat.Stream[reading]) {
	halved(s).Process("differences", func(op *leat.Unkeyed[int64]) func(reading) error {
		last := int64(0)
		return func(r reading) error {
			op.Emit(r.Value - last)
			last = r.Value
			return nil
		}
	}).To("nowhere", nowhere)
}

func global(s *leat.Stream[reading]) { counted(halved(s).Global()) }

// tumbling has many records a window, so that what a pane costs does not count.
func tumbling(s *leat.Stream[reading]) {
	halved(s).KeyBy(sensorName).Window(window.Tumbling(time.Minute)).Aggregate("count", agg.Count).To("nowhere", nowhere)
}

func connected(s *leat.Stream[reading]) {
	values := halved(s).Map(func(r reading) int64 { return r.Sensor }).KeyBy(func(n int64) int64 { return n })
	s.KeyBy(sensor).Connect(values).Process("both", func(op *leat.Operator[int64, int64]) (func(reading) error, func(int64) error) {
		n := op.Value[int64]("n")
		first := func(reading) error { n.Set(n.Get() + 1); return nil }
		second := func(int64) error { op.Emit(n.Get()); return nil }
		return first, second
	}).To("nowhere", nowhere)
}
