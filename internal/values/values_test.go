package values

import (
	"math"
	"reflect"
	"testing"
	"time"
)

type inner struct{ n int }

type outer struct {
	Name   string
	at     time.Time
	List   []int
	Map    map[string]*inner
	Any    any
	hidden map[string]time.Time
	Bytes  []byte
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestShow(t *testing.T) {
	v := outer{
		Name: "a", at: noon.In(time.FixedZone("east", 3600)), List: []int{1, 2},
		Map: map[string]*inner{"y": {2}, "x": {1}, "nil": nil}, Any: 1.5,
		hidden: map[string]time.Time{"then": noon}, Bytes: []byte("raw"),
	}
	want := `{Name:"a" at:2026-11-22T12:00:00Z List:[1 2] Map:map["nil":nil "x":&{n:1} "y":&{n:2}] Any:1.5 ` +
		`hidden:map["then":2026-11-22T12:00:00Z] Bytes:"raw"}`
	if got := Show(reflect.ValueOf(v)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestShowEnds(t *testing.T) {
	type ring struct{ Next *ring }
	r := &ring{}
	r.Next = r
	if got := Show(reflect.ValueOf(r)); len(got) > 10_000 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestCompare(t *testing.T) {
	east := time.FixedZone("east", 3600)
	for _, c := range []struct {
		name string
		a, b any
		want int
	}{
		{"numbers", 9, 10, -1},
		{"unsigned", uint8(9), uint8(3), 1},
		{"booleans", false, true, -1},
		{"text", "b", "a", 1},
		{"complex", complex(1, 2), complex(1, 3), -1},
		{"instants in two zones", noon, noon.In(east), 0},
		{"hidden instants", outer{at: noon}, outer{at: noon.In(east)}, 0},
		{"hidden instants in maps", outer{hidden: map[string]time.Time{"a": noon}}, outer{hidden: map[string]time.Time{"a": noon.Add(1)}}, -1},
		{"pointers to equal values", &inner{1}, &inner{1}, 0},
		{"pointers", &inner{1}, &inner{2}, -1},
		{"nil first", (*inner)(nil), &inner{}, -1},
		{"lists", []int{1, 2}, []int{1, 2, 3}, -1},
		{"no list and an empty one", []int(nil), []int{}, 0},
		{"maps", map[int]int{1: 2, 3: 4}, map[int]int{3: 4, 1: 2}, 0},
		{"maps of other keys", map[int]int{1: 2}, map[int]int{2: 2}, -1},
		{"any of two types", outer{Any: 1}, outer{Any: "1"}, -1},
		{"close floats", 1.0, 1 + 1e-12, -1},
		{"no number", math.NaN(), math.NaN(), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := reflect.ValueOf(c.a), reflect.ValueOf(c.b)
			if got := (Comparison{}).Compare(a, b); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			if got := (Comparison{}).Compare(b, a); got != -c.want {
				t.Errorf("the other way round: %d", got)
			}
		})
	}
}

func TestTolerance(t *testing.T) {
	near := Comparison{Tolerance: 1e-9}
	for b, want := range map[float64]int{1 + 1e-12: 0, 1 + 1e-6: -1, 0: 1, math.Inf(1): -1} {
		if got := near.Compare(reflect.ValueOf(1.0), reflect.ValueOf(b)); got != want {
			t.Errorf("1 and %v: %d, want %d", b, got, want)
		}
	}
}
