package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/runtime"
	"leat.dev/leat/internal/store"
)

// chainContent is what a subtask has: values by state, group, key and item.
type chainContent map[spot]map[[2]string]string

func (c chainContent) clone() chainContent {
	out := chainContent{}
	for at, all := range c {
		out[at] = maps.Clone(all)
	}
	return out
}

// change changes some of it.
func (c chainContent) change(r *rand.Rand, from, to int) {
	for range r.IntN(12) {
		at := spot{[]string{"a", "b"}[r.IntN(2)], from + r.IntN(to-from)}
		if c[at] == nil {
			c[at] = map[[2]string]string{}
		}
		key := fmt.Sprint(r.IntN(6))
		switch r.IntN(8) {
		case 0:
			clear(c[at])
		case 1:
			maps.DeleteFunc(c[at], func(of [2]string, _ string) bool { return of[0] == key })
		case 2:
			delete(c[at], [2]string{key, fmt.Sprint(r.IntN(3))})
		default:
			c[at][[2]string{key, fmt.Sprint(r.IntN(3))}] = fmt.Sprint(r.IntN(1000))
		}
	}
}

// differing is a snapshot of a content that is written as a difference to another, here and there as a whole.
type differing struct {
	r        *rand.Rand
	was, is  chainContent
	from, to int
}

func (d *differing) Release() {}

func (d *differing) Persist(w backend.Writer) error {
	to, _ := w.(backend.Differences)
	for _, state := range []string{"a", "b"} {
		for g := d.from; g < d.to; g++ {
			at := spot{state, g}
			var err error
			switch was := d.was[at]; {
			case to == nil || len(was) == 0 || d.r.IntN(4) == 0:
				err = d.whole(w, at)
			case !maps.Equal(was, d.is[at]):
				err = d.difference(to, at)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *differing) whole(w backend.Writer, at spot) error {
	if err := w.Begin(at.state, at.group); err != nil {
		return err
	}
	for of, v := range d.is[at] {
		if err := w.Entry([]byte(of[0]), []byte(of[1]), []byte(v)); err != nil {
			return err
		}
	}
	return nil
}

// difference writes what has changed, and some of what has not. Keys of which nothing is left are forgotten, before or after others.
func (d *differing) difference(w backend.Differences, at spot) error {
	err := w.BeginDifference(at.state, at.group)
	was, is := d.was[at], d.is[at]
	left := map[string]bool{}
	for of, v := range is {
		left[of[0]] = true
		if before, ok := was[of]; !ok || before != v || d.r.IntN(5) == 0 {
			err = errors.Join(err, w.Entry([]byte(of[0]), []byte(of[1]), []byte(v)))
		}
	}
	for of := range was {
		_, ok := is[of]
		switch {
		case ok:
		case !left[of[0]] && d.r.IntN(2) == 0:
			err = errors.Join(err, w.Forget([]byte(of[0])))
		default:
			err = errors.Join(err, w.Delete([]byte(of[0]), []byte(of[1])))
		}
	}
	return err
}

// chainRun takes checkpoints of random contents, several at a time, of which some come to nothing.
type chainRun struct {
	t       *testing.T
	r       *rand.Rand
	s       *faulty
	c       *Coordinator
	now     [2]chainContent
	then    map[int64][2]chainContent // by checkpoint
	flight  []*chainFlight
	chained int // manifests of more than one checkpoint's files
}

type chainFlight struct {
	id    int64
	parts []*runtime.Capture
}

func (x *chainRun) attempt(epoch int64, after *Manifest) {
	x.c = &Coordinator{Job: "job", Store: x.s, MaxParallelism: 8, Clock: job(x.s).Clock, Epoch: epoch, Nodes: job(x.s).Nodes[1:2]}
	if after != nil {
		x.c.After(after)
	}
	x.flight = nil
}

func (x *chainRun) begin() {
	f := &chainFlight{id: x.c.Begin(2, nil)}
	x.then[f.id] = [2]chainContent{x.now[0].clone(), x.now[1].clone()}
	to := x.c.Request(f.id)
	for i := range 2 {
		d := &differing{r: rand.New(rand.NewPCG(x.r.Uint64(), 0)), is: x.then[f.id][i], from: 4 * i, to: 4*i + 4}
		if to.Base != 0 {
			d.was = x.then[to.Base][i]
		}
		f.parts = append(f.parts, &runtime.Capture{
			Checkpoint: f.id, Task: 1, Subtask: i, GroupFrom: d.from, GroupTo: d.to,
			Operators: []runtime.OperatorCapture{{Operator: "detect", Keyed: []backend.Snapshot{d}}},
		})
	}
	x.flight = append(x.flight, f)
}

// land hands over what is left of one checkpoint, which then is complete, or has failed.
func (x *chainRun) land() {
	i := x.r.IntN(len(x.flight))
	f := x.flight[i]
	x.flight = slices.Delete(x.flight, i, i+1)
	if x.r.IntN(6) == 0 {
		x.c.Abort(f.id, errFull)
	}
	if x.s.fails = ""; x.r.IntN(6) == 0 {
		x.s.fails = []string{"put manifests", "close detect-1", "create detect-0"}[x.r.IntN(3)]
	}
	for _, p := range f.parts {
		x.c.Frozen(p)
	}
	m, err := x.c.Wait(x.t.Context(), f.id)
	x.c.writing.Wait()
	x.s.fails = ""
	if err != nil {
		return
	}
	if x.r.IntN(4) > 0 {
		if err := Tidy(x.t.Context(), x.s, m, 1+x.r.IntN(3), x.c.Bases()...); err != nil {
			x.t.Fatal(err)
		}
	}
	x.check()
}

// check reads all snapshots that there are, and compares them.
func (x *chainRun) check() {
	x.t.Helper()
	sequences, err := numbers(x.t.Context(), x.s, manifestFolder("job"), ".json")
	if err != nil {
		x.t.Fatal(err)
	}
	for _, sequence := range sequences {
		m, err := Read(x.t.Context(), x.s, "job", sequence)
		if err != nil {
			x.t.Fatal(err)
		}
		for i := range 2 {
			x.compare(m, i)
		}
		if slices.ContainsFunc(m.Operators[0].Files, func(f File) bool { return f.Checkpoint != 0 }) {
			x.chained++
		}
	}
}

func (x *chainRun) compare(m *Manifest, subtask int) {
	x.t.Helper()
	got := chainContent{}
	err := (&Snapshot{Manifest: m, Store: x.s}).Keyed(x.t.Context(), "detect", 4*subtask, 4*subtask+4, nil, func(state string, group int, r backend.Reader) error {
		at := spot{state, group}
		if got[at] != nil {
			return errors.New("it is there twice")
		}
		got[at] = map[[2]string]string{}
		for {
			key, item, value, err := r.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			of := [2]string{string(key), string(item)}
			if _, twice := got[at][of]; twice {
				return fmt.Errorf("%q is there twice", of)
			}
			got[at][of] = string(value)
		}
	})
	if err != nil {
		x.t.Fatalf("checkpoint %d: %v", m.Checkpoint, err)
	}
	want := x.then[m.Checkpoint][subtask]
	for at := range mergedKeys(got, want) {
		if len(got[at])+len(want[at]) > 0 && !maps.Equal(got[at], want[at]) {
			x.t.Fatalf("checkpoint %d, %v: got %v, want %v", m.Checkpoint, at, got[at], want[at])
		}
	}
}

func mergedKeys(a, b chainContent) map[spot]bool {
	all := map[spot]bool{}
	for at := range a {
		all[at] = true
	}
	for at := range b {
		all[at] = true
	}
	return all
}

// TestChains goes through random histories of checkpoints that are differences to one another: several are under way at a time,
// some fail, old ones are deleted, and attempts end. Every snapshot that is there reads as what it was taken of.
func TestChains(t *testing.T) {
	chained := 0
	for seed := range uint64(12) {
		x := &chainRun{t: t, r: rand.New(rand.NewPCG(seed, 7)), s: &faulty{Memory: store.NewMemory()}, then: map[int64][2]chainContent{}}
		x.now = [2]chainContent{{}, {}}
		var after *Manifest
		for epoch := int64(1); epoch <= 3; epoch++ {
			x.attempt(epoch, after)
			for range 30 {
				x.now[0].change(x.r, 0, 4)
				x.now[1].change(x.r, 4, 8)
				if len(x.flight) < 3 && x.r.IntN(2) == 0 {
					x.begin()
				} else if len(x.flight) > 0 {
					x.land()
				}
			}
			x.c.Close()
			found, damaged, err := Newest(t.Context(), x.s, "job")
			if err != nil || len(damaged) > 0 {
				t.Fatal(damaged, err)
			}
			if found == nil {
				continue
			}
			after = found.Manifest
			x.now = [2]chainContent{x.then[after.Checkpoint][0].clone(), x.then[after.Checkpoint][1].clone()}
		}
		chained += x.chained
	}
	if chained == 0 {
		t.Error("no manifest has named files of several checkpoints")
	}
}

// chainOf is a store with a chain of three files: the keys 1, 2 and 3, of which 2 is changed and then 1 is deleted.
func chainOf(t *testing.T) (*faulty, *Manifest) {
	t.Helper()
	s := &faulty{Memory: store.NewMemory()}
	x := &chainRun{t: t, r: rand.New(rand.NewPCG(1, 1)), s: s, then: map[int64][2]chainContent{}, now: [2]chainContent{{}, {}}}
	x.attempt(1, nil)
	at := spot{"a", 1}
	x.now[0][at] = map[[2]string]string{{"1", ""}: "one", {"2", ""}: "two", {"3", ""}: "three"}
	var newest *Manifest
	for _, step := range []func(){
		func() {},
		func() { x.now[0][at][[2]string{"2", ""}] = "zwei" },
		func() { delete(x.now[0][at], [2]string{"1", ""}) },
	} {
		step()
		x.begin()
		f := x.flight[0]
		x.flight = nil
		for _, p := range f.parts {
			p.Operators[0].Keyed[0].(*differing).r = rand.New(onlyDifferences{})
			x.c.Frozen(p)
		}
		m, err := x.c.Wait(t.Context(), f.id)
		if err != nil {
			t.Fatal(err)
		}
		x.c.writing.Wait()
		newest = m
	}
	return s, newest
}

// onlyDifferences never chooses the first of several.
type onlyDifferences struct{}

func (onlyDifferences) Uint64() uint64 { return math.MaxUint64 }

// A file in the middle of a chain that is missing or damaged is an error that names it, whichever state is wanted.
func TestDamagedChain(t *testing.T) {
	s, m := chainOf(t)
	snap := &Snapshot{Manifest: m, Store: s}
	if m.Format != FormatChained {
		t.Errorf("format %d", m.Format)
	}
	if got, err := keyedOf(t, snap, "detect", 0, 8); err != nil || got != "a/1:2" {
		t.Errorf("got %s, %v", got, err)
	}
	var files []File
	for _, f := range m.Operators[0].Files {
		if f.From == 0 {
			files = append(files, f)
		}
	}
	if len(files) != 3 {
		t.Fatalf("files %v", files)
	}
	if !slices.IsSortedFunc(files, func(a, b File) int { return cmp.Compare(m.writer(a), m.writer(b)) }) {
		t.Errorf("files are in no order: %v", files)
	}
	for _, f := range files {
		p, err := s.Memory.Open(t.Context(), f.Name)
		if err != nil {
			t.Fatal(err)
		}
		whole := make([]byte, p.Size())
		if _, err := p.ReadAt(whole, 0); err != nil {
			t.Fatal(err)
		}
		for what, b := range map[string][]byte{"changed": flipped(whole, 20), "truncated": whole[:len(whole)-1], "gone": nil} {
			if b != nil {
				replace(t, s, f.Name, b)
			} else if err := s.Delete(t.Context(), f.Name); err != nil {
				t.Fatal(err)
			}
			if _, err := keyedOf(t, snap, "detect", 0, 8); !errors.Is(err, ErrDamaged) || strings.Count(err.Error(), f.Name) != 1 {
				t.Errorf("%s: %v", what, err)
			}
			if b == nil {
				err = s.Put(t.Context(), f.Name, whole)
			} else {
				replace(t, s, f.Name, whole)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	m.Operators[0].Files = slices.DeleteFunc(m.Operators[0].Files, func(f File) bool { return f.Name == files[0].Name })
	if _, err := keyedOf(t, snap, "detect", 0, 8); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), files[1].Name) {
		t.Errorf("a difference to nothing: %v", err)
	}
}

func flipped(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1
	return b
}

// A savepoint is whole and in files of its own, and no checkpoint is a difference to it.
func TestSavepointInAChain(t *testing.T) {
	c := job(store.NewMemory())
	for range 2 {
		n := c.Begin(1, nil)
		c.Frozen(&runtime.Capture{Checkpoint: n})
		if _, err := c.Wait(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	to := &Target{Place: "there", ID: "1", Store: store.NewMemory()}
	savepoint := c.Begin(1, to)
	if r := c.Request(savepoint); r.Base != 0 {
		t.Errorf("a savepoint is a difference to checkpoint %d", r.Base)
	}
	c.Frozen(&runtime.Capture{Checkpoint: savepoint})
	if m, err := c.Wait(t.Context(), savepoint); err != nil || m.Format != FormatVersion {
		t.Errorf("%+v, %v", m, err)
	}
	if r := c.Request(c.Begin(1, nil)); r.Base != 2 {
		t.Errorf("the next checkpoint is a difference to %d", r.Base)
	}
	if err := c.Adopt(&Manifest{Format: FormatVersion, Job: "fraud", Checkpoint: savepoint, ID: "1"}, "there"); err != nil {
		t.Fatal(err)
	}
	if r := c.Request(c.Begin(1, nil)); r.Base != 0 {
		t.Errorf("a checkpoint is a difference to %d, where a savepoint is the newest snapshot", r.Base)
	}
}

// A checkpoint of the same content writes no file.
func TestNothingChanged(t *testing.T) {
	s := &faulty{Memory: store.NewMemory()}
	c := job(s)
	released := new(atomic.Int32)
	for turn := range 2 {
		n := c.Begin(1, nil)
		part := parts(released)[2]
		part.Checkpoint = n
		if turn > 0 {
			part.Operators[0].Keyed = []backend.Snapshot{frozen{released: released}}
		}
		c.Frozen(part)
		m, err := c.Wait(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if files := m.operator("detect").Files; len(files) != 1 || m.writer(files[0]) != 1 {
			t.Errorf("files %v", files)
		}
	}
	names, err := s.List(t.Context(), dataFolder("fraud"))
	if err != nil || len(names) != 1 {
		t.Errorf("files %v, %v", names, err)
	}
}
