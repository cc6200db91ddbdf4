package gen_test

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/gen"
)

func same(i int64) int64 { return i }

// dealt are the numbers below count, split by split.
func dealt(count int64, splits int) (all []int64) {
	for s := range int64(splits) {
		for i := s; i < count; i += int64(splits) {
			all = append(all, i)
		}
	}
	return all
}

func TestFunc(t *testing.T) {
	for _, splits := range []int{1, 3, 7} {
		for _, count := range []int64{1, 5, 300} {
			source := gen.Func(gen.Options{Count: count, Splits: splits}, same)
			connectortest.TestSource(t, source, connectortest.Expect[int64]{Records: dealt(count, splits)})
		}
	}
}

func TestPacedConforms(t *testing.T) {
	source := gen.Func(gen.Options{Count: 300, Splits: 2, PerSecond: 1e9}, same)
	connectortest.TestSource(t, source, connectortest.Expect[int64]{Records: dealt(300, 2)})
}

func TestBatches(t *testing.T) {
	source := gen.Batches(gen.Options{Count: 100, Splits: 3}, func(from, stride int64, into []int64) {
		for n := range into {
			into[n] = from + int64(n)*stride
		}
	})
	connectortest.TestSource(t, source, connectortest.Expect[int64]{Records: dealt(100, 3)})
}

type draw struct {
	I    int64
	A, B uint64
}

func randomDraw(i int64, r *rand.Rand) draw { return draw{i, r.Uint64(), r.Uint64()} }

// Record i is the same whatever the number of splits.
func TestRecordsSameForSeed(t *testing.T) {
	one := readAll(t, gen.Records(gen.Options{Count: 200, Seed: 5}, randomDraw))
	three := readAll(t, gen.Records(gen.Options{Count: 200, Seed: 5, Splits: 3}, randomDraw))
	slices.SortFunc(three, func(a, b draw) int { return int(a.I - b.I) })
	if !slices.Equal(one, three) {
		t.Error("records differ with the number of splits")
	}
	connectortest.TestSource(t, gen.Records(gen.Options{Count: 200, Seed: 5}, randomDraw), connectortest.Expect[draw]{Records: one})
	if other := readAll(t, gen.Records(gen.Options{Count: 200, Seed: 6}, randomDraw)); other[0].A == one[0].A {
		t.Error("another seed makes the same numbers")
	}
}

// The random numbers of neighbouring records have nothing in common: each bit is set in about half of them.
func TestRecordsAreSpread(t *testing.T) {
	const count = 4000
	var set [64]int
	for _, d := range readAll(t, gen.Records(gen.Options{Count: count}, randomDraw)) {
		for bit := range set {
			set[bit] += int(d.A >> bit & 1)
		}
	}
	for bit, n := range set {
		if math.Abs(float64(n)-count/2) > 5*math.Sqrt(count)/2 {
			t.Errorf("bit %d is set in %d of %d records", bit, n, count)
		}
	}
}

func TestUnlimitedIsPrompt(t *testing.T) {
	for _, c := range []struct {
		perSecond float64
		want      bool
	}{{0, true}, {5, false}} {
		_, prompt := open(t, gen.Func(gen.Options{PerSecond: c.perSecond}, same), nil).(connector.Prompt)
		if prompt != c.want {
			t.Errorf("at %v a second: prompt is %v", c.perSecond, prompt)
		}
	}
}

// Records come at their times; those that come due while nobody reads come together.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, gen.Func(gen.Options{PerSecond: 4}, same), nil)
		start := time.Now()
		for _, c := range []struct {
			pause time.Duration
			at    time.Duration
			want  []int64
		}{
			{0, 0, []int64{0}},
			{0, 250 * time.Millisecond, []int64{1}},
			{0, 500 * time.Millisecond, []int64{2}},
			{2 * time.Second, 2500 * time.Millisecond, []int64{3, 4, 5, 6}},
			{0, 2500 * time.Millisecond, []int64{7, 8, 9, 10}},
			{0, 2750 * time.Millisecond, []int64{11}},
		} {
			<-time.After(c.pause)
			batch := connector.Batch[int64]{Max: 4}
			if err := r.Read(t.Context(), &batch); err != nil {
				t.Fatal(err)
			}
			at := time.Since(start)
			if late := at - c.at; !slices.Equal(batch.Values, c.want) || late < 0 || late > time.Microsecond {
				t.Errorf("got %v at %v, want %v at %v", batch.Values, at, c.want, c.at)
			}
		}
	})
}

// A restored reader begins with its next record at once.
func TestPaceRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, gen.Func(gen.Options{PerSecond: 0.001}, same), connector.EncodePosition(1000))
		start := time.Now()
		for i := range int64(2) {
			batch := connector.Batch[int64]{Max: 10}
			if err := r.Read(t.Context(), &batch); err != nil || !slices.Equal(batch.Values, []int64{1000 + i}) {
				t.Errorf("got %v, %v", batch.Values, err)
			}
		}
		if took := time.Since(start).Round(time.Second); took != 1000*time.Second {
			t.Errorf("the second record came after %v, want 1000 s", took)
		}
	})
}

func TestPaceCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, gen.Func(gen.Options{PerSecond: 1}, same), nil)
		batch := connector.Batch[int64]{Max: 10}
		if err := r.Read(t.Context(), &batch); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := r.Read(ctx, &batch); !errors.Is(err, context.DeadlineExceeded) || len(batch.Values) != 1 {
			t.Errorf("got %v, %v", batch.Values, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoEnd(t *testing.T) {
	r := open(t, gen.Func(gen.Options{}, same), connector.EncodePosition(math.MaxInt64-2))
	batch := connector.Batch[int64]{Max: 10}
	if err := r.Read(t.Context(), &batch); err != io.EOF || len(batch.Values) != 2 {
		t.Errorf("got %v, %v near the end of numbers", batch.Values, err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		options  gen.Options
		split    string
		position []byte
		want     string
	}{
		{gen.Options{Count: -1}, "", nil, "gen: Count is -1: want a number of records, or 0 for no end"},
		{gen.Options{Splits: -2}, "", nil, "gen: Splits is -2: want at least 1, or 0 for 1"},
		{gen.Options{PerSecond: -3}, "", nil, "gen: PerSecond is -3: want a rate, or 0 for no limit"},
		{gen.Options{PerSecond: math.NaN()}, "", nil, "gen: PerSecond is NaN: want a rate, or 0 for no limit"},
		{gen.Options{Splits: 2}, "0 of 3", nil, `gen: split "0 of 3": there is no such split, there are "0 of 2" to "1 of 2"`},
		{gen.Options{Splits: 2}, "2 of 2", nil, `gen: split "2 of 2": there is no such split, there are "0 of 2" to "1 of 2"`},
		{gen.Options{Splits: 2}, "1 of 2", connector.EncodePosition(4), `gen: split "1 of 2": position says record 4, which belongs to another split`},
		{gen.Options{}, "0 of 1", []byte{0x80}, `gen: split "0 of 1": position 80 is damaged: want 1 numbers`},
	} {
		in := gen.Func(c.options, same)()
		_, err := in.Splits(t.Context())
		if c.split != "" {
			_, err = in.Open(t.Context(), connector.Split{Name: c.split}, c.position)
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	r := open(t, gen.Records(gen.Options{Seed: 1}, func(i int64, r *rand.Rand) uint64 { return r.Uint64() }), nil)
	batch := connector.Batch[uint64]{Max: 100}
	allocs := testing.AllocsPerRun(100, func() {
		batch.Clear()
		if err := r.Read(context.Background(), &batch); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a batch of 100", allocs)
	}
}

func open[T any](t *testing.T, source connector.Source[T], position []byte) connector.Reader[T] {
	t.Helper()
	in := source()
	splits, err := in.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.Open(t.Context(), splits[0], position)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readAll[T any](t *testing.T, source connector.Source[T]) []T {
	t.Helper()
	in := source()
	splits, err := in.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch := connector.Batch[T]{Max: 1 << 20}
	for _, s := range splits {
		r, err := in.Open(t.Context(), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = r.Read(t.Context(), &batch)
		}
		if err != io.EOF {
			t.Fatal(err)
		}
	}
	return batch.Values
}
