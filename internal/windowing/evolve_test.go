package windowing

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/agg"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/window"
)

// The accumulators of an older version, and of a newer one.
type (
	sumOld struct {
		N    int32
		Junk map[string]int
	}
	sumNew struct {
		Added *int
		Sum   int64 `leat:"sum,was=N"`
	}
)

func (s *sumOld) add(r rec)      { s.N += int32(r.V) }
func (s *sumOld) merge(o sumOld) { s.N += o.N }
func (s *sumNew) add(r rec)      { s.Sum += r.V }
func (s *sumNew) merge(o sumNew) { s.Sum += o.Sum }

// An aggregator whose accumulator has changed goes on with what the old one had gathered, at another parallelism, and once
// more from what it has then written itself.
func TestAccumulatorsEvolve(t *testing.T) {
	for name, w := range map[string]window.Assigner{
		"tumbling": window.Tumbling(20), "sliding": window.Sliding(20, 10), "session": window.Session(7),
	} {
		t.Run(name, func(t *testing.T) {
			s := settings{w, 5, 8}
			old := newCluster(t, s, agg.Fold((*sumOld).add, (*sumOld).merge), 2)
			now := newCluster(t, s, agg.Fold((*sumNew).add, (*sumNew).merge), 1)
			whole := newCluster(t, s, agg.Fold((*sumNew).add, (*sumNew).merge), 1)
			got := feed(t, old, 0)
			taken := old.snapshot()
			if err := taken.wait(); err != nil {
				t.Fatal(err)
			}
			want := feed(t, whole, 0)
			if err := now.restore(taken, 3); err != nil {
				t.Fatal(err)
			}
			if _, err := now.receive([]event{{"a", 41, rec{V: 3}}}); err != nil {
				t.Fatal(err)
			}
			if taken = now.snapshot(); taken.wait() != nil || now.restore(taken, 1) != nil {
				t.Fatal("what the new one wrote can't be read")
			}
			if _, err := whole.receive([]event{{"a", 41, rec{V: 3}}}); err != nil {
				t.Fatal(err)
			}
			got, want = append(got, feed(t, now, 42)...), append(want, feed(t, whole, 42)...)
			if a, b := sums(got), sums(want); a != b {
				t.Errorf("got\n%s\nwant\n%s", a, b)
			}
		})
	}
}

// feed gives a cluster records of some keys, from a time on for 40 ns, moves the watermark and returns the panes. The second
// time it is the end.
func feed(t *testing.T, c cluster, from int64) []pane {
	t.Helper()
	for i := range int64(40) {
		e := event{fmt.Sprint(string(rune('a' + i%5))), from + i, rec{V: i}}
		if _, err := c.receive([]event{e}); err != nil {
			t.Fatal(err)
		}
	}
	wm := from + 30
	if from > 0 {
		wm = math.MaxInt64
	}
	c.advance(-1, wm, math.MaxInt)
	return c.panes()
}

// sums is panes as text, whatever the type of their values: the sum is the last number in it.
func sums(all []pane) string {
	var lines []string
	for _, p := range sortedPanes(slices.Clone(all)) {
		var number string
		for _, f := range strings.FieldsFunc(p.v, func(r rune) bool { return !('0' <= r && r <= '9') }) {
			number = f
		}
		lines = append(lines, fmt.Sprint(p.key, " ", p.start, " ", p.end, " ", number, " ", p.index))
	}
	return strings.Join(lines, "\n")
}

// Other windows, and accumulators that can't be read, are refused by what describes them and by the restore itself.
func TestWindowsThatAreNotTheSame(t *testing.T) {
	sum := func(w window.Assigner) *operators[int64, int64] {
		return newCluster(t, settings{w, 0, 8}, agg.Sum(value), 1)
	}
	top := newCluster(t, settings{window.Tumbling(time.Minute), 0, 8}, agg.Top(2, value), 1)
	for want, c := range map[string][2]cluster{
		"the windows are others": {sum(window.Tumbling(time.Minute)), sum(window.Tumbling(time.Hour))},
		"values: does not fit":   {sum(window.Tumbling(time.Minute)), top},
		"its kind was slices":    {sum(window.Tumbling(time.Minute)), sum(window.Session(time.Minute))},
	} {
		was, is := c[0].states()[0], c[1].states()[0]
		if err := is.CanRead(was); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		var op interface {
			Restore(was backend.State, name string, group int, r backend.Reader) error
		}
		switch o := c[1].(type) {
		case *operators[int64, int64]:
			op = o.ops[0]
		default:
			op = top.ops[0]
		}
		if op.Restore(was, is.Name, 0, backendtest.Read()) == nil {
			t.Errorf("%s: it was restored", want)
		}
	}
}
