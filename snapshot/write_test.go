package snapshot_test

import (
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat.dev/leat"
	"leat.dev/leat/connector"
	"leat.dev/leat/connector/mem"
	"leat.dev/leat/internal/inspect"
	"leat.dev/leat/snapshot"
)

func shopIn(dir string) func(in held, out *output) *leat.Job {
	return func(in held, out *output) *leat.Job { return shop(dir, in, out) }
}

// whole checks that a snapshot is as it should be, to the last byte.
func whole(t testing.TB, place string) {
	t.Helper()
	s, err := inspect.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(t.Context())
	if err != nil || len(v.Damage) > 0 {
		t.Fatalf("%s is damaged: %v, %v", place, v, err)
	}
}

// rewritten is a copy of a savepoint with changes.
func rewritten(t testing.TB, place string, change func(w *snapshot.Writer)) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "rewritten")
	w, err := snapshot.Rewrite(to, open(t, place))
	if err != nil {
		t.Fatal(err)
	}
	change(w)
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	whole(t, to)
	return to
}

// undisturbed is what the shop emits when it runs from nothing to the end.
func undisturbed(t testing.TB, job func(in held, out *output) *leat.Job, records []sale) []string {
	t.Helper()
	var out output
	if err := job(held{records, len(records), nil}, &out).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.lines
}

// A savepoint that was rewritten with any number of key groups goes on as the job would have.
func TestMaxParallelism(t *testing.T) {
	records := sales(200)
	dir := t.TempDir()
	want := undisturbed(t, shopIn(t.TempDir()), records)
	place, before := savepoint(t, dir, shopIn(dir), records, 90)
	numbers := []int{1, 3, 127, 129, 32768}
	if testing.Short() {
		numbers = []int{3, 129}
	}
	for _, n := range numbers {
		to := rewritten(t, place, func(w *snapshot.Writer) { w.MaxParallelism(n) })
		if got := open(t, to).MaxParallelism(); got != n {
			t.Errorf("max parallelism %d, want %d", got, n)
		}
		after := finish(t, to, func(in held, out *output) *leat.Job {
			job := shop(dir, in, out)
			job.MaxParallelism, job.Parallelism = n, min(n, 3)
			return job
		}, records)
		if got := sorted(before, after); !slices.Equal(got, sorted(want)) {
			t.Errorf("max parallelism %d: %d outputs, want %d", n, len(got), len(want))
		}
	}
}

func TestMaxParallelismOutOfRange(t *testing.T) {
	for _, n := range []int{0, -1, 32769} {
		w, err := snapshot.Rewrite(filepath.Join(t.TempDir(), "x"), open(t, taken(t)))
		if err != nil {
			t.Fatal(err)
		}
		w.MaxParallelism(n)
		if err := w.Commit(); err == nil || !strings.Contains(err.Error(), "between 1 and 32768") {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// numbered is the shop with numbers as keys of detect: accounts without their letters.
func numbered(dir string) func(in held, out *output) *leat.Job {
	return func(in held, out *output) *leat.Job {
		job := leat.NewJob("numbered")
		job.Parallelism = 2
		job.Checkpoint = leat.Checkpoint{Store: filepath.Join(dir, "store"), Every: time.Hour}
		job.From("sales", func() connector.Input[sale] { return in }).EventTime(sale.when, 5*time.Second).
			KeyBy(func(s sale) uint16 { return uint16(s.Cents) }).
			Process("latest", func(op *leat.Operator[uint16, string]) func(sale) error {
				at := op.Value[time.Time]("at")
				names := op.List[string]("names")
				return func(s sale) error {
					at.Set(s.At)
					names.Append(s.Account)
					op.Emit(strings.Join(slices.Collect(names.All()), " "))
					return nil
				}
			}).To("out", mem.Each(out.add))
		return job
	}
}

// texted is numbered with text as keys.
func texted(dir string) func(in held, out *output) *leat.Job {
	return func(in held, out *output) *leat.Job {
		job := leat.NewJob("numbered")
		job.Parallelism = 3
		job.From("sales", func() connector.Input[sale] { return in }).EventTime(sale.when, 5*time.Second).
			KeyBy(func(s sale) string { return text(uint16(s.Cents)) }).
			Process("latest", func(op *leat.Operator[string, string]) func(sale) error {
				at := op.Value[time.Time]("at")
				names := op.List[string]("names")
				return func(s sale) error {
					at.Set(s.At)
					names.Append(s.Account)
					op.Emit(strings.Join(slices.Collect(names.All()), " "))
					return nil
				}
			}).To("out", mem.Each(out.add))
		return job
	}
}

func text(n uint16) string {
	return "number " + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n/676))
}

// A job whose keys are of another type goes on from a savepoint whose keys were rewritten.
func TestRewriteKeys(t *testing.T) {
	records := sales(300)
	dir := t.TempDir()
	want := undisturbed(t, numbered(t.TempDir()), records)
	place, before := savepoint(t, dir, numbered(dir), records, 150)
	to := rewritten(t, place, func(w *snapshot.Writer) { w.RewriteKeys("latest", text) })
	after := finish(t, to, texted(dir), records)
	if got := sorted(before, after); !slices.Equal(got, sorted(want)) {
		t.Errorf("%d outputs, want %d", len(got), len(want))
	}
}

func TestRewriteKeysThatCollide(t *testing.T) {
	dir := t.TempDir()
	place, _ := savepoint(t, dir, numbered(dir), sales(50), 50)
	to := filepath.Join(dir, "rewritten")
	w, err := snapshot.Rewrite(to, open(t, place))
	if err != nil {
		t.Fatal(err)
	}
	w.RewriteKeys("latest", func(n uint16) int64 { return int64(n) / 4 })
	err = w.Commit()
	if err == nil || !strings.Contains(err.Error(), "become one, ") {
		t.Fatalf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(to, "manifest.json")); err == nil {
		t.Error("there is a savepoint after an error")
	}
}

// A job that begins from a savepoint that was made of what another one has, state by state, goes on as that one would.
func TestCreate(t *testing.T) {
	records := sales(200)
	dir := t.TempDir()
	old := open(t, taken(t))
	to := filepath.Join(dir, "created")
	var none output
	w, err := snapshot.Create(to, shop(dir, held{records, 0, nil}, &none))
	if err != nil {
		t.Fatal(err)
	}
	w.SetValues("detect", "last", old.Values[string, time.Time]("detect", "last"))
	w.SetValues("detect", "profile", old.Values[string, profile]("detect", "profile"))
	w.SetValues("detect", "largest", old.Values[string, int64]("detect", "largest"))
	w.SetLists("detect", "cents", old.Lists[string, int64]("detect", "cents"))
	w.SetMaps("detect", "by-shop", old.Maps[string, int32, int64]("detect", "by-shop"))
	w.SetOrdered("detect", "history", backwards(old.Ordered[string, time.Time, int64]("detect", "history")))
	w.SetTimers("detect", "forget", old.Timers[string]("detect", "forget"))
	w.SetItemTimers("detect", "due", old.ItemTimers[string, int32]("detect", "due"))
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if old.Err() != nil {
		t.Fatal(old.Err())
	}
	whole(t, to)
	for _, path := range []string{"detect/last", "detect/profile", "detect/largest", "detect/cents", "detect/by-shop", "detect/history", "detect/forget", "detect/due"} {
		same(t, taken(t), to, path)
	}
	out := finish(t, to, shopIn(dir), nil)
	counts := map[string]int{}
	for _, line := range out {
		counts[strings.Fields(line)[0]]++
	}
	due := 0
	for _, timers := range old.ItemTimers[string, int32]("detect", "due") {
		due += len(timers)
	}
	if want := map[string]int{"forget": len(modelOf(sales(100))), "due": due}; !maps.Equal(counts, want) {
		t.Errorf("timers fired: %v, want %v", counts, want)
	}
}

// backwards gives the entries of each key in the wrong order.
func backwards[K comparable, A, V any](all iter.Seq2[K, iter.Seq2[A, V]]) iter.Seq2[K, iter.Seq2[A, V]] {
	return func(yield func(K, iter.Seq2[A, V]) bool) {
		for k, of := range all {
			var items []A
			var values []V
			for a, v := range of {
				items, values = append(items, a), append(values, v)
			}
			again := func(yield func(A, V) bool) {
				for i := range slices.Backward(items) {
					if !yield(items[i], values[i]) {
						return
					}
				}
			}
			if !yield(k, again) {
				return
			}
		}
	}
}

// same checks that two snapshots have the same of a state.
func same(t *testing.T, first, second, path string) {
	t.Helper()
	a, err := inspect.Open(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := inspect.Open(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := inspect.Diff(t.Context(), a, b, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if !c.Same() || c.Equal == 0 {
			t.Errorf("%s: %+v", path, c)
		}
	}
}

func TestCreateWrongly(t *testing.T) {
	one := func(yield func(string, int64) bool) { yield("a", 1) }
	for want, set := range map[string]func(w *snapshot.Writer){
		"state nobody/last: there is no operator nobody; there are detect, count, sums, visits": func(w *snapshot.Writer) {
			w.SetValues("nobody", "last", one)
		},
		"operator sales is a source and has no state by key": func(w *snapshot.Writer) { w.SetValues("sales", "last", one) },
		"the job has no such state; operator detect has last (value)": func(w *snapshot.Writer) {
			w.SetValues("detect", "lost", one)
		},
		"state detect/last: values: type int64 cannot read": func(w *snapshot.Writer) { w.SetValues("detect", "last", one) },
		"its keys are of type string, not int": func(w *snapshot.Writer) {
			w.SetValues("detect", "largest", maps.All(map[int]int64{1: 1}))
		},
		"it is of the kind list, and can't be set as a value": func(w *snapshot.Writer) { w.SetValues("detect", "cents", one) },
		"it is set twice": func(w *snapshot.Writer) {
			w.SetValues("detect", "largest", one)
			w.SetValues("detect", "largest", one)
		},
		"two entries were given for the key": func(w *snapshot.Writer) {
			w.SetValues("detect", "largest", func(yield func(string, int64) bool) { _ = yield("a", 1) && yield("a", 2) })
		},
		"but the job has 128": func(w *snapshot.Writer) { w.MaxParallelism(64) },
	} {
		var none output
		to := filepath.Join(t.TempDir(), "created")
		w, err := snapshot.Create(to, shop(t.TempDir(), held{nil, 0, nil}, &none))
		if err != nil {
			t.Fatal(err)
		}
		set(w)
		if err := w.Commit(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, err := os.Stat(filepath.Join(to, "manifest.json")); err == nil {
			t.Errorf("%s: there is a savepoint after an error", want)
		}
	}
}

func TestRewriteStates(t *testing.T) {
	place := taken(t)
	to := rewritten(t, place, func(w *snapshot.Writer) {
		w.Drop("detect/profile", "visits")
		w.Rename("count", "counts")
		w.Rename("detect/last", "detect/latest")
		w.SetValues("detect", "largest", maps.All(map[string]float64{"x": 1.5}))
		w.SetLists("detect", "words", maps.All(map[string][]string{"x": {"a", "b"}}))
	})
	s := open(t, to)
	var paths []string
	for _, st := range s.States() {
		paths = append(paths, st.Operator+"/"+st.Name)
	}
	for path, want := range map[string]bool{
		"detect/profile": false, "visits/sessions": false, "count/slices": false, "counts/slices": true,
		"detect/last": false, "detect/latest": true, "detect/words": true, "sales/splits": true,
	} {
		if slices.Contains(paths, path) != want {
			t.Errorf("%s: %v, want %v, among %q", path, !want, want, paths)
		}
	}
	if got := maps.Collect(s.Values[string, float64]("detect", "largest")); !maps.Equal(got, map[string]float64{"x": 1.5}) {
		t.Errorf("largest is %v", got)
	}
	if got := maps.Collect(s.Lists[string, string]("detect", "words")); !slices.Equal(got["x"], []string{"a", "b"}) {
		t.Errorf("words are %v", got)
	}
	if len(maps.Collect(s.Values[string, time.Time]("detect", "latest"))) != len(modelOf(sales(100))) || s.Err() != nil {
		t.Error("latest is not what last was", s.Err())
	}
}

func TestRewriteWrongly(t *testing.T) {
	old := open(t, taken(t))
	for want, change := range map[string]func(w *snapshot.Writer){
		"there is no operator and no state detect/lost": func(w *snapshot.Writer) { w.Drop("detect/lost") },
		"there is one of this name":                     func(w *snapshot.Writer) { w.Rename("detect", "count") },
		"states have been set already": func(w *snapshot.Writer) {
			w.SetValues("detect", "n", maps.All(map[string]int{"a": 1}))
			w.RewriteKeys("detect", func(s string) int { return len(s) })
		},
		"its keys are of type string, not int64": func(w *snapshot.Writer) { w.RewriteKeys("detect", func(n int64) string { return "" }) },
	} {
		w, err := snapshot.Rewrite(filepath.Join(t.TempDir(), "x"), old)
		if err != nil {
			t.Fatal(err)
		}
		change(w)
		if err := w.Commit(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestCommitToAFolderThatIsNotEmpty(t *testing.T) {
	place := taken(t)
	w, err := snapshot.Rewrite(place, open(t, place))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("error %v", err)
	}
	whole(t, place)
}
