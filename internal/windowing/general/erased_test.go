package general

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"leat.dev/leat/agg"
	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/backend/backendtest"
	"leat.dev/leat/window"
)

// everyState are settings that need all states with accumulators or records.
func everyState() settings {
	early := window.OnTime().Early(window.AtCount(2))
	return settings{windows: window.Tumbling(20), trigger: &early, evict: window.KeepLast(50), mode: window.Retracting}
}

// What is written, and what plans and snapshots say of it, are the types that the operator stands for.
func TestStatesAreOfTheirTypes(t *testing.T) {
	c, err := newCluster(everyState(), agg.Fold((*tally).add, (*tally).merge), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.states() {
		switch s.Name {
		case windowsState:
			isOf[open[tally]](t, s)
		case recordsState:
			isOf[[]stamped[rec]](t, s)
		case emittedState:
			isOf[[]emitted[tally]](t, s)
		}
	}
}

func isOf[V any](t *testing.T, s backend.State) {
	t.Helper()
	want := codec.Struct[V]().Schema()
	if s.Value != want {
		t.Errorf("%s: the schema is %+v, want %+v", s.Name, s.Value, want)
	}
	if of := "map[general.Window]" + reflect.TypeFor[V]().String(); s.Type != of {
		t.Errorf("%s: the type is %s, want %s", s.Name, s.Type, of)
	}
}

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

func (s *sumOld) add(r rec)                  { s.N += int32(r.V) }
func (s *sumOld) merge(o sumOld)             { s.N += o.N }
func (s sumOld) String() string              { return fmt.Sprint(s.N) }
func (s *sumNew) add(r rec)                  { s.Sum += r.V }
func (s *sumNew) merge(o sumNew)             { s.Sum += o.Sum }
func (s sumNew) String() string              { return fmt.Sprint(s.Sum) }
func sumsOld() agg.Func[rec, sumOld, sumOld] { return agg.Fold((*sumOld).add, (*sumOld).merge) }
func sumsNew() agg.Func[rec, sumNew, sumNew] { return agg.Fold((*sumNew).add, (*sumNew).merge) }

// An aggregator whose accumulator has changed goes on with what the old one had gathered and emitted, at another parallelism.
func TestAccumulatorsEvolve(t *testing.T) {
	for name, evict := range map[string]window.Evictor{"accumulators": {}, "records": window.KeepLast(50)} {
		t.Run(name, func(t *testing.T) {
			s := everyState()
			s.evict = evict
			old, err := newCluster(s, sumsOld(), 2)
			if err != nil {
				t.Fatal(err)
			}
			now, err := newCluster(s, sumsNew(), 1)
			if err != nil {
				t.Fatal(err)
			}
			give(t, old, 0)
			taken := old.snapshot()
			if err := taken.wait(); err != nil {
				t.Fatal(err)
			}
			if err := now.restore(taken, 3); err != nil {
				t.Fatal(err)
			}
			for _, c := range []cluster{old, now} {
				c.panes()
				give(t, c, 9)
				c.advance(-1, math.MaxInt64, math.MaxInt)
			}
			if got, want := byKey(now.panes()), byKey(old.panes()); !slices.Equal(got, want) || len(got) == 0 {
				t.Errorf("got\n%v\nwant\n%v", got, want)
			}
		})
	}
}

// Accumulators that can't be read are refused with the reason.
func TestAccumulatorsThatDoNotFit(t *testing.T) {
	numbers, err := newCluster(everyState(), agg.Sum(value), 1)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := newCluster(everyState(), agg.Fold((*values).add, (*values).merge), 1)
	if err != nil {
		t.Fatal(err)
	}
	err = texts.states()[0].CanRead(numbers.states()[0])
	if err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Errorf("error %v", err)
	}
	if texts.ops[0].Restore(numbers.states()[0], windowsState, 0, backendtest.Read()) == nil {
		t.Error("they are restored")
	}
}

// give gives a cluster ten records of three keys from a time on.
func give(t *testing.T, c cluster, from int64) {
	t.Helper()
	for i := range int64(10) {
		if _, err := c.receive([]event{{string(rune('a' + i%3)), from + i, rec{V: from + i}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// A snapshot in flight has windows as they were, also those that were dropped since and whose accumulators others use.
func TestSnapshotsKeepDroppedWindows(t *testing.T) {
	t.Run("numbers", func(t *testing.T) { keepsDropped(t, agg.Sum(value)) })
	t.Run("references", func(t *testing.T) { keepsDropped(t, agg.Fold((*tally).add, (*tally).merge)) })
}

func keepsDropped[A, V any](t *testing.T, f agg.Func[rec, A, V]) {
	early := window.OnTime().Early(window.AtCount(2))
	c, err := newCluster(settings{windows: window.Tumbling(10), trigger: &early}, f, 1)
	if err != nil {
		t.Fatal(err)
	}
	give(t, c, 0)
	at := written(t, c.ops[0].Snapshot(backend.Request{}))
	late := c.ops[0].Snapshot(backend.Request{})
	for from := int64(10); from < 50; from += 10 {
		c.advance(-1, from-1, math.MaxInt)
		give(t, c, from)
	}
	if got := written(t, late); got != at {
		t.Errorf("written later:\n%s\nat once:\n%s", got, at)
	}
	if got := written(t, c.ops[0].Snapshot(backend.Request{})); got == at {
		t.Error("nothing has changed meanwhile")
	}
}

// written is what a snapshot has of windows.
func written(t *testing.T, s backend.Snapshot) string {
	t.Helper()
	defer s.Release()
	m := backendtest.NewMemory()
	if err := s.Persist(m); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for g := range groups {
		for _, e := range m.Entries(windowsState, g) {
			lines = append(lines, fmt.Sprint(e))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
