package file

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/connector"
)

// prepared is a job whose first checkpoint is prepared and not committed.
func prepared(t *testing.T, kind string) *engine {
	e := newEngine(t, kind)
	output := e.sink(e.files)
	w, err := output.Open(t.Context(), e.subtask(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{0, 1, 2, 3, 4, 5}}); err != nil {
		t.Fatal(err)
	}
	c, err := w.(connector.Committer).Prepare(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	e.restored, e.carried, e.durable = true, [][]byte{c}, 6
	return e
}

// pending are the files that are not visible.
func (e *engine) pending() (all []string) {
	for _, name := range sorted(e.files.now) {
		if strings.HasSuffix(name, pendingExt) {
			all = append(all, name)
		}
	}
	return all
}

// What a checkpoint counts on and is no more is an error that names the file.
func TestCommitIsLoud(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(e *engine, pending string)
		want string
		// alsoCommit says that a Commit without a restore finds it too.
		alsoCommit bool
	}{
		"lost":       {func(e *engine, pending string) { delete(e.files.now, pending) }, "is lost: neither it nor .pending-job-sink-", true},
		"cut":        {func(e *engine, pending string) { e.files.now[pending].data = []byte("0\n") }, "is not what was prepared", true},
		"bit":        {func(e *engine, pending string) { e.files.now[pending].data[0] ^= 1 }, "is not what was prepared", false},
		"other part": {func(e *engine, pending string) { e.files.now[visibleOf(pending)] = &fakeFile{data: []byte("7\n")} }, "is not what was prepared", true},
	} {
		t.Run(name, func(t *testing.T) {
			e := prepared(t, "one folder")
			pending := e.pending()[0]
			c.harm(e, pending)
			output := e.sink(e.files)
			err := output.(connector.Transactional).Recover(t.Context(), e.subtask(0), e.carried)
			part := path.Base(visibleOf(pending))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), part) {
				t.Errorf("Recover: got %v", err)
			}
			w, err := output.Open(t.Context(), e.subtask(0))
			if err != nil {
				t.Fatal(err)
			}
			err = w.(connector.Committer).Commit(t.Context(), e.carried[0])
			if (err != nil) != c.alsoCommit || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("Commit: got %v", err)
			}
		})
	}
}

// visibleOf is the path of a pending part once it is visible.
func visibleOf(pending string) string {
	dir, name := path.Split(pending)
	return path.Join(path.Dir(path.Clean(dir)), strings.TrimSuffix(name[1:], pendingExt))
}

// A writer whose pending parts another process has removed says so before a checkpoint counts on them.
func TestPrepareIsLoud(t *testing.T) {
	e := newEngine(t, "one folder")
	output := e.sink(e.files)
	w, err := output.Open(t.Context(), e.subtask(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{0}}); err != nil {
		t.Fatal(err)
	}
	if err := output.(connector.Transactional).Recover(t.Context(), e.subtask(0), nil); err != nil {
		t.Fatal(err)
	}
	c, err := w.(connector.Committer).Prepare(t.Context(), 7)
	if err == nil || c != nil {
		t.Errorf("got %q, %v", c, err)
	}
}

// The folder was moved with its files, or the job was given another: both are found.
func TestCommitElsewhere(t *testing.T) {
	for name, dir := range map[string]string{"moved": "/moved", "another": "/another"} {
		t.Run(name, func(t *testing.T) {
			e := prepared(t, "one folder")
			if name == "moved" {
				moved := map[string]*fakeFile{}
				for path, file := range e.files.now {
					moved[strings.Replace(path, "/made/out", dir, 1)] = file
				}
				e.files.now = moved
			}
			e.sink = func(f *fakeFiles) connector.Output[int] {
				w := Write(dir)
				w.files = f
				return w.JSONLines[int]()
			}
			if err := e.sink(e.files).(connector.Transactional).Recover(t.Context(), e.subtask(0), e.carried); err != nil {
				t.Fatal(err)
			}
			e.seen("after Recover", 6)
		})
	}
}

// A writer that ends before its checkpoint leaves nothing, also of parts that are complete.
func TestCloseLeavesNothing(t *testing.T) {
	e := newEngine(t, "rolling")
	w, err := e.sink(e.files).Open(t.Context(), e.subtask(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{0, 1, 2, 3, 4}}); err != nil {
		t.Fatal(err)
	}
	if n := len(e.pending()); n != 2 {
		t.Errorf("%d parts are pending, want 2", n)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	e.left()
	e.seen("after Close", 0)
}

func TestHiddenFoldersDiffer(t *testing.T) {
	long := strings.Repeat("x", 100)
	taken := map[string]connector.Subtask{}
	for _, s := range []connector.Subtask{
		{},
		{Job: "a", Operator: "b-c"},
		{Job: "a-b", Operator: "c"},
		{Job: "a", Operator: "b_c"},
		{Job: "a", Operator: "b/c"},
		{Job: "a", Operator: "../b"},
		{Job: long, Operator: long},
		{Job: long, Operator: long + "x"},
		{Job: "ab"},
		{Operator: "ab"},
		{Job: "1:a"},
		{Job: "a", Operator: "Ünï"},
	} {
		name := hiddenFolder(s)
		if other, ok := taken[name]; ok || len(name) > 120 || checkFolder(name[1:]) != nil {
			t.Errorf("%q for %+v (and %+v)", name, s, other)
		}
		taken[name] = s
	}
}

// Parts are rolled by time, when records come and when none do.
func TestRollByTime(t *testing.T) {
	f := newFakeFiles()
	out := Write("/out").Roll(time.Minute, 0)
	now := time.Unix(0, 0)
	out.files, out.now = f, func() time.Time { return now }
	w, err := out.JSONLines[int]().Open(t.Context(), connector.Subtask{})
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []time.Duration{0, 30, 29, 1, 59, 1, 600} {
		now = now.Add(step * time.Second)
		if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{i}}); err != nil {
			t.Fatal(err)
		}
	}
	seen := func() (got []string) {
		for _, name := range sorted(f.now) {
			if !f.now[name].dir && !strings.Contains(name, "/.") {
				got = append(got, string(f.now[name].data))
			}
		}
		return got
	}
	if got, want := seen(), []string{"0\n1\n2\n", "3\n4\n", "5\n"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	s := w.(connector.Scheduled)
	at, ok := s.NextTick()
	if !ok || !at.Equal(now.Add(time.Minute)) {
		t.Errorf("the next tick is at %v, %v", at, ok)
	}
	if err := s.Tick(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if got := seen(); len(got) != 4 || got[3] != "6\n" {
		t.Errorf("got %q after the tick", got)
	}
	if at, ok := s.NextTick(); ok {
		t.Errorf("a tick at %v with nothing open", at)
	}
}

// A writer that has as many parts open as it may ends the one that has gone longest without a record.
func TestOpenPartsAreBounded(t *testing.T) {
	e := &engine{t: t, files: newFakeFiles()}
	by := WriteBy("/out", func(n int) string { return strconv.Itoa(n % 70) })
	by.to.files = e.files
	w, err := by.JSONLines().Open(t.Context(), e.subtask(0))
	if err != nil {
		t.Fatal(err)
	}
	batch := connector.Batch[int]{}
	for n := range 210 {
		batch.Values = append(batch.Values, n)
	}
	if err := w.Write(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	if open := len(w.(*partWriter[int]).open); open != maxOpenParts {
		t.Errorf("%d parts are open, want %d", open, maxOpenParts)
	}
	c, err := w.(connector.Committer).Prepare(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if parts := len(e.pending()); parts != 210 {
		t.Errorf("%d parts, want 210: records for 70 folders in turn never find theirs open", parts)
	}
	e.seen("before Commit", 0)
	if err := w.(connector.Committer).Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	e.seen("after Commit", 210)
}

// A folder of pending parts that another subtask takes away when it ends is made again.
func TestHiddenFolderReturns(t *testing.T) {
	e := newEngine(t, "one folder")
	output := e.sink(e.files)
	w, err := output.Open(t.Context(), e.subtask(0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{i}}); err != nil {
			t.Fatal(err)
		}
		c, err := w.(connector.Committer).Prepare(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.(connector.Committer).Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		other, err := output.Open(t.Context(), e.subtask(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := e.files.size("/made/out/" + hiddenFolder(e.subtask(0))); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	}
	e.seen("at the end", 3)
}
