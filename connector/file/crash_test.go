package file

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/connector"
)

// engine runs a job of two subtasks that writes the numbers 0, 1, 2 … exactly once, by processes that may end at each operation
// on the file system. Its own checkpoints are durable at once.
type engine struct {
	t     *testing.T
	files *fakeFiles
	sink  func(*fakeFiles) connector.Output[int]
	// durable is how many numbers the last checkpoint has; carried are its committables and those before that are not known
	// to be committed.
	durable  int
	restored bool
	carried  [][]byte
	writers  []connector.Writer[int]
}

// newEngine is a job that has not run. A sink that replaces finds a part of an earlier run.
func newEngine(t *testing.T, kind string) *engine {
	e := &engine{t: t, files: newFakeFiles(), sink: kinds[kind]}
	if kind == "replacing" {
		old := &fakeFile{data: []byte("99\n"), synced: 3}
		for _, to := range []map[string]*fakeFile{e.files.now, e.files.durable} {
			maps.Copy(to, map[string]*fakeFile{"/made": {dir: true}, "/made/out": {dir: true}, "/made/out/old": {dir: true}, "/made/out/old/part-0-00000.jsonl": old})
		}
	}
	return e
}

const (
	engineSteps   = 3
	engineNumbers = 12 // a step
)

func (e *engine) subtask(i int) connector.Subtask {
	return connector.Subtask{Job: "job", Operator: "sink", Index: i, Count: 2, ExactlyOnce: true, Restored: e.restored}
}

// attempt is one attempt, from the last checkpoint to the end or to the first error.
func (e *engine) attempt() error {
	output := e.sink(e.files)
	e.writers = nil
	if err := output.(connector.Transactional).Recover(e.t.Context(), e.subtask(0), e.carried); err != nil {
		return err
	}
	e.seen("after Recover", e.durable)
	e.carried = nil
	for i := range 2 {
		w, err := output.Open(e.t.Context(), e.subtask(i))
		if err != nil {
			return err
		}
		e.writers = append(e.writers, w)
	}
	for e.durable < engineSteps*engineNumbers {
		if err := e.checkpoint(); err != nil {
			return err
		}
	}
	return e.close()
}

// checkpoint writes a step's numbers, prepares and commits them.
func (e *engine) checkpoint() error {
	var prepared [][]byte
	for i, w := range e.writers {
		batch := connector.Batch[int]{}
		for n := range engineNumbers / 2 {
			batch.Values = append(batch.Values, e.durable+2*n+i)
		}
		if err := w.Write(e.t.Context(), &batch); err != nil {
			return err
		}
	}
	for _, w := range e.writers {
		c, err := w.(connector.Committer).Prepare(e.t.Context(), 1)
		if err != nil {
			return err
		}
		prepared = append(prepared, c)
	}
	e.durable, e.restored, e.carried = e.durable+engineNumbers, true, prepared
	for i, c := range prepared {
		if err := e.writers[1-i].(connector.Committer).Commit(e.t.Context(), c); err != nil {
			return err
		}
	}
	e.seen("after Commit", e.durable)
	e.carried = nil
	return nil
}

func (e *engine) close() (err error) {
	for _, w := range e.writers {
		err = errors.Join(err, w.Close())
	}
	return err
}

// visible are the numbers in all parts that can be seen, which have to be whole.
func (e *engine) visible() (all []int) {
	e.t.Helper()
	for _, name := range sorted(e.files.now) {
		if strings.Contains(name, "/.") || e.files.now[name].dir {
			continue
		}
		if _, _, ok := parsePart(path.Base(name)); !ok {
			continue
		}
		if path.Ext(name) == ".parquet" {
			all = append(all, e.numbersIn(name, e.files.now[name].data)...)
			continue
		}
		text, whole := bytes.CutSuffix(e.files.now[name].data, []byte("\n"))
		if !whole {
			e.t.Errorf("%s is torn: %q", name, text)
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			n, err := strconv.Atoi(line)
			if err != nil {
				e.t.Errorf("%s is torn: %v", name, err)
			}
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// seen checks that the numbers below n can be seen once, and no others.
func (e *engine) seen(when string, n int) {
	e.t.Helper()
	all := e.visible()
	for i := range max(n, len(all)) {
		if i >= n || i >= len(all) || all[i] != i {
			e.t.Fatalf("%s: the numbers below %d are to be seen, got %v", when, n, all)
		}
	}
}

// left checks that nothing but visible parts and their folders is left at the end.
func (e *engine) left() {
	e.t.Helper()
	for _, name := range sorted(e.files.now) {
		if strings.Contains(name, "/.") {
			e.t.Errorf("%s is left", name)
		}
	}
}

// kinds are the sinks that the tests are about.
var kinds = map[string]func(*fakeFiles) connector.Output[int]{
	"Parquet":          parquetNumbers,
	"Parquet, rolling": rollingParquetNumbers,
	"one folder": func(f *fakeFiles) connector.Output[int] {
		w := Write("/made/out")
		w.files = f
		return w.JSONLines[int]()
	},
	"replacing": func(f *fakeFiles) connector.Output[int] {
		w := WriteBy("/made/out", func(int) string { return "new" }).Replace()
		w.to.files = f
		return w.JSONLines()
	},
	"rolling": func(f *fakeFiles) connector.Output[int] {
		w := Write("/made/out").Roll(time.Hour, 5)
		w.files = f
		return w.JSONLines[int]()
	},
	"sub-folders": func(f *fakeFiles) connector.Output[int] {
		w := WriteBy("/out", func(n int) string { return fmt.Sprintf("%d/%d", n%2, n%3) })
		w.to.files = f
		return w.JSONLines()
	},
}

// faults are the ways in which an operation fails, and what the next process finds.
var faults = map[string]struct {
	after, forever bool
	err            error
	next           func(*fakeFiles, int) *fakeFiles
}{
	"machine, before": {false, true, errCrash, func(f *fakeFiles, _ int) *fakeFiles { return f.crash(nil) }},
	"machine, after":  {true, true, errCrash, func(f *fakeFiles, _ int) *fakeFiles { return f.crash(nil) }},
	"machine, with some of what was not synced": {true, true, errCrash, func(f *fakeFiles, at int) *fakeFiles {
		return f.crash(rand.New(rand.NewPCG(1, uint64(at))))
	}},
	"process, before": {false, true, errCrash, func(f *fakeFiles, _ int) *fakeFiles { return f.restart() }},
	"process, after":  {true, true, errCrash, func(f *fakeFiles, _ int) *fakeFiles { return f.restart() }},
	"one error":       {false, false, errFull, func(f *fakeFiles, _ int) *fakeFiles { return f.restart() }},
}

// TestCrash ends the job at each operation on the file system, and then goes on from its last checkpoint.
func TestCrash(t *testing.T) {
	eachKindAndFault(t, func(t *testing.T, kind, fault string) {
		for at := 1; ; at += stride() {
			e := newEngine(t, kind)
			if !e.fails(fault, at) {
				e.seen("at the end", engineSteps*engineNumbers)
				return
			}
			e.finish(fmt.Sprintf("after a failure at operation %d", at))
		}
	})
}

// TestCrashTwice ends the next process too, in its Recover or a little beyond, and sometimes the one after. With -short it
// does so at fewer places.
func TestCrashTwice(t *testing.T) {
	stride := stride()
	eachKindAndFault(t, func(t *testing.T, kind, fault string) {
		for at := 1; ; at += stride + at/3 {
			for again := 1; again < 25; again += 2*stride + at%3 {
				e := newEngine(t, kind)
				if !e.fails(fault, at) {
					return
				}
				if e.fails(fault, again) {
					e.fails(fault, (at+again)%20)
				}
				e.finish(fmt.Sprintf("after failures at operations %d and %d", at, again))
			}
		}
	})
}

// stride is the step from one place of failure to the next: with -short, as the race detector makes these tests slow, some
// are left out.
func stride() int {
	if testing.Short() {
		return 10
	}
	return 1
}

func eachKindAndFault(t *testing.T, test func(t *testing.T, kind, fault string)) {
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, fault := range slices.Sorted(maps.Keys(faults)) {
			t.Run(kind+"/"+fault, func(t *testing.T) {
				t.Parallel()
				test(t, kind, fault)
			})
		}
	}
}

// fails says whether an attempt that is to fail at an operation came so far.
func (e *engine) fails(fault string, at int) bool {
	e.t.Helper()
	f := faults[fault]
	e.files.ops, e.files.failAt, e.files.after, e.files.forever, e.files.err = 0, at, f.after, f.forever, f.err
	err := e.attempt()
	if !e.files.failed {
		if err != nil {
			e.t.Fatalf("operation %d is not reached: %v", at, err)
		}
		return false
	}
	if err != nil && !errors.Is(err, f.err) {
		e.t.Fatalf("failed at operation %d with %v", at, err)
	}
	_ = e.close() // as after any failure
	e.files = f.next(e.files, at)
	return true
}

func (e *engine) finish(when string) {
	e.t.Helper()
	e.files.failAt = 0
	if err := e.attempt(); err != nil {
		e.t.Fatalf("%s: %v", when, err)
	}
	e.seen(when, engineSteps*engineNumbers)
	e.left()
	e.files = e.files.crash(nil)
	e.seen(when+", and the machine's end after the job's", engineSteps*engineNumbers)
}
