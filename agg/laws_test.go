package agg

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/codec"
)

type rec struct {
	V    int64
	Name string
}

func value(r rec) int64 { return r.V }

// law says that an aggregator gives the same however its records are cut into parts and these are put together, also
// where parts went through a snapshot; that Merge and Result share no memory that changes later; and that Subtract undoes
// Merge.
func law[A, V any](t *testing.T, name string, f Func[rec, A, V]) {
	t.Run(name, func(t *testing.T) {
		p := f()
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			all := rapid.SliceOfN(rapid.Custom(drawRec), 0, 20).Draw(t, "records")
			cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
			again := rapid.IntRange(cut, len(all)).Draw(t, "cut again")
			var whole A
			fill(&p, &whole, all, 0)
			want := show(p.Result(&whole))
			parts := [3]A{}
			fill(&p, &parts[0], all[:cut], 0)
			fill(&p, &parts[1], all[cut:again], cut)
			fill(&p, &parts[2], all[again:], again)
			parts[1] = throughCodec(t, parts[1])
			lawOfMerging(t, &p, parts, want)
			lawOfSubtracting(t, &p, parts)
			lawOfMemory(t, &p, parts, all)
		})
	})
}

// lawOfMerging: the parts may be put together from the left or from the right, and go through a snapshot meanwhile.
func lawOfMerging[A, V any](t *rapid.T, p *Parts[rec, A, V], parts [3]A, want string) {
	left := throughCodec(t, merged(p, parts[0], parts[1]))
	right := merged(p, parts[1], parts[2])
	p.Merge(&left, parts[2])
	if got := show(p.Result(&left)); got != want {
		t.Fatalf("from the left %s, at one go %s", got, want)
	}
	right = merged(p, parts[0], right)
	if got := show(p.Result(&right)); got != want {
		t.Fatalf("from the right %s, at one go %s", got, want)
	}
}

func lawOfSubtracting[A, V any](t *rapid.T, p *Parts[rec, A, V], parts [3]A) {
	if p.Subtract == nil {
		return
	}
	sum := merged(p, parts[0], parts[1])
	p.Subtract(&sum, parts[1])
	if got, want := show(p.Result(&sum)), show(p.Result(&parts[0])); got != want {
		t.Fatalf("after Subtract %s, want %s", got, want)
	}
}

// lawOfMemory: what happens to an accumulator changes neither what it was merged from, nor what it was merged into, nor a
// result.
func lawOfMemory[A, V any](t *rapid.T, p *Parts[rec, A, V], parts [3]A, more []rec) {
	sum := merged(p, parts[0], parts[1])
	kept := p.Result(&sum)
	text, source := show(kept), show(p.Result(&parts[1]))
	scribble(reflect.ValueOf(&parts[0]).Elem())
	if show(p.Result(&sum)) != text {
		t.Fatal("the accumulator changes with what it was merged from")
	}
	fill(p, &sum, more, len(more))
	scribble(reflect.ValueOf(&sum).Elem())
	if show(kept) != text && !growing(p) {
		t.Fatal("a result changes with its accumulator")
	}
	if show(p.Result(&parts[1])) != source {
		t.Fatal("what was merged changes with the accumulator")
	}
}

// growing says whether results may share what is only ever added to: [Collect] hands out its records.
func growing[A, V any](p *Parts[rec, A, V]) bool { return p.Grows }

// merged is a new accumulator with all that the parts have gathered.
func merged[A, V any](p *Parts[rec, A, V], parts ...A) (sum A) {
	for _, part := range parts {
		p.Merge(&sum, part)
	}
	return sum
}

// scribble overwrites what slices and maps hold.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			v.Index(i).SetZero()
		}
	case reflect.Map:
		v.Clear()
	}
}

func drawRec(t *rapid.T) rec {
	return rec{rapid.Int64Range(-5, 5).Draw(t, "v"), rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "name")}
}

func fill[A, V any](p *Parts[rec, A, V], acc *A, in []rec, from int) {
	for i, r := range in {
		if p.Add != nil {
			p.Add(acc, r)
		} else {
			p.AddAt(acc, r, int64((from+i)/3)) // some have equal times
		}
	}
}

func throughCodec[A any](t *rapid.T, acc A) (back A) {
	c, err := codec.Derive[A](nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Append(nil, acc)
	if err != nil {
		t.Fatal(err)
	}
	if back, err = c.Decode(b); err != nil {
		t.Fatal(err)
	}
	return back
}

// show is a result, its floats rounded: merging rounds in another order.
func show(v any) string {
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.9g", math.Round(f*1e9)/1e9+0)
	}
	return fmt.Sprint(v)
}

func TestLaws(t *testing.T) {
	law(t, "Count", Count[rec])
	law(t, "Collect", Collect[rec])
	law(t, "First", First[rec])
	law(t, "Last", Last[rec])
	law(t, "Sum", Sum(value))
	law(t, "Sum of floats", Sum(func(r rec) float64 { return float64(r.V) / 2 }))
	law(t, "Mean", Mean(value))
	law(t, "Variance", Variance(value))
	law(t, "Min", Min(value))
	law(t, "Max", Max(value))
	law(t, "Lowest", Lowest(value))
	law(t, "Highest", Highest(value))
	law(t, "Top", Top(3, value))
	law(t, "Bottom", Bottom(3, value))
	law(t, "Distinct", Distinct(value))
	law(t, "RoughlyDistinct", RoughlyDistinct(value))
	law(t, "RoughlyDistinct of structs", RoughlyDistinct(func(r rec) rec { return r }))
	law(t, "Quantiles", Quantiles(value, 0, 0.5, 0.99, 1))
	law(t, "Fold", Fold((*tally).add, (*tally).merge))
	law(t, "Histogram", Histogram(value, -2, 0, 3))
	law(t, "Reduce", Reduce(func(a, b rec) rec { return rec{a.V + b.V, a.Name + b.Name} }))
	law(t, "Where", Where(func(r rec) bool { return r.V > 0 }, First[rec]))
	law(t, "Combine2", Combine2(Count[rec], Sum(value), func(n, s int64) int64 { return n*1000 + s }))
	law(t, "Combine3", Combine3(Count[rec], First[rec], Top(2, value), func(n int64, r rec, top []rec) string { return fmt.Sprint(n, r, top) }))
	law(t, "Combine4", Combine4(Count[rec], Min(value), Max(value), Last[rec], func(n, lo, hi int64, r rec) string { return fmt.Sprint(n, lo, hi, r) }))
}

// tally is an aggregate as a user writes it.
type tally struct{ N, V int64 }

func (a *tally) add(r rec)     { a.N++; a.V += r.V }
func (a *tally) merge(b tally) { a.N += b.N; a.V += b.V }

// Whichever of two records with equal values comes first, the same wins.
func TestTies(t *testing.T) {
	type pane struct {
		Key   string
		Value int64
	}
	a, b := pane{"a", 1}, pane{"b", 1}
	for _, order := range [][]pane{{a, b}, {b, a}} {
		var top []pane
		p := Top(1, func(p pane) int64 { return p.Value })()
		for _, r := range order {
			p.Add(&top, r)
		}
		if top[0] != a {
			t.Errorf("of %v, %v is on top", order, top)
		}
	}
}

func TestContentOrder(t *testing.T) {
	type inner struct {
		at  time.Time
		ptr *int
	}
	type all struct {
		B  bool
		I  int8
		U  uint
		F  float64
		C  complex128
		S  string
		T  time.Time
		L  []string
		Y  []byte
		M  map[string]int
		A  any
		in inner
	}
	one, two := 1, 2
	zone := time.FixedZone("", 3600)
	at := time.Unix(1000, 0)
	ascending := []all{
		{},
		{in: inner{ptr: &one}},
		{in: inner{ptr: &two}},
		{in: inner{at: at}},
		{in: inner{at: at.Add(1)}},
		{A: 1},
		{A: 2},
		{A: "a"},
		{A: "b"},
		{M: map[string]int{"a": 1}},
		{M: map[string]int{"a": 2}},
		{M: map[string]int{"b": 1}},
		{M: map[string]int{"a": 0, "b": 0}},
		{Y: []byte{1}},
		{Y: []byte{1, 2}},
		{L: []string{"a"}},
		{L: []string{"a", "b"}},
		{L: []string{"b"}},
		{T: at.In(zone)},
		{T: at.Add(1)},
		{S: "a"},
		{S: "b"},
		{C: 1i},
		{C: 1},
		{F: 1},
		{U: 1},
		{I: 1},
		{B: true},
	}
	order := contentOrder[all]()
	for i := range ascending {
		for j := range ascending {
			if got, want := order(&ascending[i], &ascending[j]), cmp.Compare(i, j); got != want {
				t.Errorf("%+v against %+v: %d, want %d", ascending[i], ascending[j], got, want)
			}
		}
	}
	if a, b := (all{T: at}), (all{T: at.In(zone)}); order(&a, &b) != 0 {
		t.Error("the same instant in two places differs")
	}
}

// A list may hold itself.
func TestContentOrderOfRecursiveTypes(t *testing.T) {
	type node struct {
		V    int
		Next *node
	}
	order := contentOrder[node]()
	a, b := node{1, &node{2, nil}}, node{1, &node{3, nil}}
	if order(&a, &b) >= 0 || order(&b, &a) <= 0 || order(&a, &a) != 0 {
		t.Error("lists are not ordered by their contents")
	}
}

func TestRefusals(t *testing.T) {
	for want, err := range map[string]error{
		"at least 1":       validate(Top(0, value)),
		"must ascend":      validate(Histogram(value, 2, 1)),
		"NaN is no bound":  validate(Histogram(func(rec) float64 { return 0 }, math.NaN())),
		"no quantiles":     validate(Quantiles(value)),
		"quantile 1.5":     validate(Quantiles(value, 0.5, 1.5)),
		"quantile NaN":     validate(Quantiles(value, math.NaN())),
		"0 and -0 are":     validate(RoughlyDistinct(func(rec) [2]float64 { return [2]float64{} })),
		"has a complex128": validate(RoughlyDistinct(func(rec) complex128 { return 0 })),
		"RoughlyDistinct: time.Time has a time.Time": validate(RoughlyDistinct(func(rec) time.Time { return time.Time{} })),
		"Distinct: struct { *int }":                  validate(Distinct(func(rec) struct{ *int } { return struct{ *int }{} })),
		"interface {}, which can't":                  validate(Distinct(func(rec) any { return 0 })),
		"no Add":                                     validate(func() (p Parts[rec, int, int]) { return p }),
		"no Merge":                                   validate(func() Parts[rec, int, int] { return Parts[rec, int, int]{Add: func(*int, rec) {}} }),
		"Top: n is -1":                               validate(Combine2(Count[rec], Top(-1, value), func(int64, []rec) int { return 0 })),
		"agg.Bottom: n is":                           validate(Where(func(rec) bool { return true }, Bottom(0, value))),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func validate[A, V any](f Func[rec, A, V]) error {
	p := f()
	return p.Validate()
}

func TestAddingAllocatesNothing(t *testing.T) {
	var (
		n   int64
		m   Maybe[int64]
		l   Timed[rec]
		top []rec
	)
	count, most, last, best := Count[rec](), Max(value)(), Last[rec](), Top(3, value)()
	for i := range 3 {
		best.Add(&top, rec{V: int64(i)})
	}
	allocs := testing.AllocsPerRun(100, func() {
		count.Add(&n, rec{V: 1})
		most.Add(&m, rec{V: n})
		last.AddAt(&l, rec{V: 1}, n)
		best.Add(&top, rec{V: n})
		best.Add(&top, rec{V: n}) // a tie
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
