package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/clock"
	"leat.dev/leat/internal/graph"
	"leat.dev/leat/internal/runtime"
	"leat.dev/leat/internal/store"
)

// frozen is a snapshot with given rows.
type frozen struct {
	rows     []rows
	err      error         // of Persist, after the rows
	panics   bool          // instead
	wait     chan struct{} // Persist waits for it; nil: for nothing
	released *atomic.Int32
}

func (f frozen) Persist(w backend.Writer) error {
	if f.wait != nil {
		<-f.wait
	}
	if f.panics {
		panic("a codec has slipped")
	}
	return errors.Join(writeRows(w, f.rows), f.err)
}

func (f frozen) Release() { f.released.Add(1) }

// faulty is a store that notes what is done, and fails where it is told to.
type faulty struct {
	*store.Memory
	fails string // an operation and a part of a name
	mu    sync.Mutex
	did   []string
}

func (f *faulty) do(what, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, what+" "+name)
	if operation, part, _ := strings.Cut(f.fails, " "); f.fails != "" && operation == what && strings.Contains(name, part) {
		return errFull
	}
	return nil
}

func (f *faulty) Put(ctx context.Context, name string, data []byte) error {
	if err := f.do("put", name); err != nil {
		return err
	}
	return f.Memory.Put(ctx, name, data)
}

func (f *faulty) Create(ctx context.Context, name string) (store.Writer, error) {
	if err := f.do("create", name); err != nil {
		return nil, err
	}
	w, err := f.Memory.Create(ctx, name)
	return &faultyWriter{w, f, name}, err
}

func (f *faulty) Open(ctx context.Context, name string) (store.Piece, error) {
	if err := f.do("open", name); err != nil {
		return nil, err
	}
	return f.Memory.Open(ctx, name)
}

type faultyWriter struct {
	store.Writer
	of   *faulty
	name string
}

func (w *faultyWriter) Write(b []byte) (int, error) {
	if err := w.of.do("write", w.name); err != nil {
		return 0, err
	}
	return w.Writer.Write(b)
}

func (w *faultyWriter) Close() error {
	if err := w.of.do("close", w.name); err != nil {
		return err
	}
	return w.Writer.Close()
}

// job is a coordinator of a job with a source, a keyed operator and a sink.
func job(s store.Store) *Coordinator {
	count := backend.State{Name: "count", Kind: backend.Value, Type: "int64", Value: codec.Opaque("int64")}
	deadlines := backend.State{Name: "deadlines", Kind: backend.Timers, Type: "string", Time: "event", Item: codec.Opaque("string"), Value: codec.Opaque("time/1")}
	taken := clock.NewManual(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	return &Coordinator{Job: "fraud", Store: s, MaxParallelism: 128, Clock: taken, Epoch: 1, Nodes: []*graph.Node{
		{Name: "payments", Kind: graph.Source},
		{Name: "detect", Kind: graph.Keyed, Key: "int64", KeySchema: codec.Struct[int64]().Schema(), States: []backend.State{count, deadlines}},
		{Name: "alerts", Kind: graph.Sink},
	}}
}

// parts are the parts of checkpoint 1, in the order of subtasks.
func parts(released *atomic.Int32) []*runtime.Capture {
	read := func(split string) []runtime.OperatorCapture {
		return []runtime.OperatorCapture{{Operator: "payments", Entries: []backend.Entry{{State: "splits", Key: split, Value: []byte{0, 1, 2}}}}}
	}
	keyed := func(from, to int, watermark int64, all ...rows) []runtime.OperatorCapture {
		return []runtime.OperatorCapture{{
			Operator: "detect", Keyed: []backend.Snapshot{frozen{rows: all, released: released}},
			Floors: []backend.Floor{{From: from, To: to, Watermark: watermark}},
		}}
	}
	all := golden()
	return []*runtime.Capture{
		{Checkpoint: 1, Subtask: 0, Operators: read("b.csv")},
		{Checkpoint: 1, Subtask: 1, Operators: read("a.csv")},
		{Checkpoint: 1, Task: 1, Subtask: 0, GroupFrom: 0, GroupTo: 64, Operators: keyed(0, 64, 1_700_000_000_000_000_000, all...)},
		{Checkpoint: 1, Task: 1, Subtask: 1, GroupFrom: 64, GroupTo: 128, Operators: keyed(64, 128, 1_700_000_000_000_000_001)},
		{Checkpoint: 1, Task: 2, Subtask: 0},
	}
}

// take hands over parts and waits for the checkpoint.
func take(t *testing.T, c *Coordinator, all []*runtime.Capture) (*Manifest, error) {
	t.Helper()
	id := c.Begin(len(all), nil)
	for _, p := range all {
		p.Checkpoint = id
		c.Frozen(p)
	}
	m, err := c.Wait(t.Context(), id)
	c.Close()
	return m, err
}

// The manifest is the same whichever subtask comes first, and reads as it was written.
func TestPartsInAnyOrder(t *testing.T) {
	file := filepath.Join("testdata", "manifest.json")
	for turn := range 5 {
		s := store.NewMemory()
		released := new(atomic.Int32)
		all := parts(released)
		all = slices.Concat(all[turn:], all[:turn])
		if turn%2 == 1 {
			slices.Reverse(all)
		}
		if _, err := take(t, job(s), all); err != nil {
			t.Fatal(err)
		}
		got := contentOf(t, s, "fraud/manifests/0000000001.json")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("turn %d: got %s", turn, got)
		}
		if segment := contentOf(t, s, "fraud/data/0000000001/0000000001/detect-0.seg"); !bytes.Equal(segment, segmentOf(t, golden()...)) {
			t.Errorf("turn %d: another segment", turn)
		}
		if n := released.Load(); n != 2 {
			t.Errorf("turn %d: %d snapshots released, not 2", turn, n)
		}
	}
}

func contentOf(t *testing.T, s store.Store, name string) []byte {
	t.Helper()
	p, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	b, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestManifestIsWrittenLast(t *testing.T) {
	s := &faulty{Memory: store.NewMemory()}
	if _, err := take(t, job(s), parts(new(atomic.Int32))); err != nil {
		t.Fatal(err)
	}
	written := slices.DeleteFunc(slices.Clone(s.did), func(did string) bool { return strings.HasPrefix(did, "open ") })
	if last := written[len(written)-1]; last != "put fraud/manifests/0000000001.json" {
		t.Errorf("last: %s", last)
	}
	for _, name := range []string{"detect-0.seg", "detect-1.seg"} {
		if !slices.Contains(s.did, "close fraud/data/0000000001/0000000001/"+name) {
			t.Errorf("%s was not closed", name)
		}
	}
}

// A store that fails fails the checkpoint, which leaves no manifest; what was frozen is given back.
func TestStoreFails(t *testing.T) {
	for _, c := range []struct{ fails, want string }{
		{"create detect-0", "checkpoint 1: operator detect, subtask 0: the disk is full"},
		{"write detect-1", "checkpoint 1: operator detect, subtask 1: the disk is full"},
		{"close detect-0", "checkpoint 1: operator detect, subtask 0: the disk is full"},
		{"put manifest", "checkpoint 1: the disk is full"},
	} {
		t.Run(c.fails, func(t *testing.T) {
			s, released := &faulty{Memory: store.NewMemory(), fails: c.fails}, new(atomic.Int32)
			_, err := take(t, job(s), parts(released))
			if err == nil || err.Error() != c.want || !errors.Is(err, errFull) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if _, err := Read(t.Context(), s, "fraud", 1); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("there is a manifest: %v", err)
			}
			if n := released.Load(); n != 2 {
				t.Errorf("%d snapshots released, not 2", n)
			}
		})
	}
}

// A checkpoint that fails does not keep the next one from succeeding.
func TestPartFails(t *testing.T) {
	for name, f := range map[string]frozen{
		"checkpoint 1: operator detect, subtask 0: no room":                    {err: errors.New("no room")},
		"checkpoint 1: operator detect, subtask 0: panic: a codec has slipped": {panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, released := store.NewMemory(), new(atomic.Int32)
			c := job(s)
			all := parts(released)
			good := all[2].Operators[0].Keyed[0]
			f.released = released
			all[2].Operators[0].Keyed[0] = f
			_, err := take(t, c, all)
			if err == nil {
				t.Fatal("no error")
			}
			if line, _, _ := strings.Cut(err.Error(), "\n"); line != name {
				t.Errorf("got %s", line)
			}
			c.closed = false
			all[2].Operators[0].Keyed[0] = good
			if m, err := take(t, c, all); err != nil || m.Checkpoint != 2 {
				t.Errorf("the next one: %v", err)
			}
		})
	}
}

func TestAbortedAtTheEnd(t *testing.T) {
	c := job(store.NewMemory())
	first := c.Begin(2, nil)
	c.Frozen(parts(new(atomic.Int32))[0])
	c.Close()
	second := c.Begin(1, nil)
	for _, id := range []int64{first, second} {
		if _, err := c.Wait(t.Context(), id); !errors.Is(err, ErrAborted) {
			t.Errorf("checkpoint %d: %v", id, err)
		}
	}
	c.Close()
}

// What all subtasks have had a part in is completed, also when the attempt ends meanwhile.
func TestCloseWaitsForWhatIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, wait := job(store.NewMemory()), make(chan struct{})
		all := parts(new(atomic.Int32))
		f := all[2].Operators[0].Keyed[0].(frozen)
		f.wait = wait
		all[2].Operators[0].Keyed[0] = f
		id := c.Begin(len(all), nil)
		for _, p := range all {
			c.Frozen(p)
		}
		go c.Close()
		synctest.Wait()
		close(wait)
		if _, err := c.Wait(t.Context(), id); err != nil {
			t.Error(err)
		}
	})
}

func TestWait(t *testing.T) {
	c := job(store.NewMemory())
	if _, err := c.Wait(t.Context(), 5); err == nil || err.Error() != "checkpoint 5: this attempt has not begun it" {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errFull)
	if _, err := c.Wait(ctx, c.Begin(1, nil)); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

func TestAfter(t *testing.T) {
	c := job(store.NewMemory())
	c.After(&Manifest{Checkpoint: 41, Sequence: 7})
	if id := c.Begin(1, nil); id != 42 {
		t.Errorf("checkpoint %d after 41", id)
	}
}

// A part of a checkpoint that has failed, or that nobody has begun, changes nothing.
func TestLatePart(t *testing.T) {
	c, released := job(store.NewMemory()), new(atomic.Int32)
	all := parts(released)
	all[2].Checkpoint = 77
	c.Frozen(all[2])
	c.Close()
	if n := released.Load(); n != 1 {
		t.Errorf("%d snapshots released, not 1", n)
	}
}

// A checkpoint that is complete after a newer one is given up: its manifest would be the newest, and older than what is committed.
// A savepoint that is overtaken is complete, and says that something newer was committed.
func TestOvertaken(t *testing.T) {
	s := store.NewMemory()
	c := job(s)
	c.After(&Manifest{Sequence: 1})
	to, err := NewTarget(t.Context(), "fraud", "mem:"+t.Name(), testTime)
	if err != nil {
		t.Fatal(err)
	}
	hand := func(id int64) (*Manifest, error) {
		for _, p := range parts(new(atomic.Int32)) {
			p.Checkpoint = id
			c.Frozen(p)
		}
		return c.Wait(t.Context(), id)
	}
	n := len(parts(new(atomic.Int32)))
	savepoint, older, newer := c.Begin(n, to), c.Begin(n, nil), c.Begin(n, nil)
	if _, err := hand(newer); err != nil {
		t.Fatal(err)
	}
	if _, err := hand(older); !errors.Is(err, ErrOvertaken) {
		t.Errorf("the older one: %v", err)
	}
	m, err := hand(savepoint)
	if err != nil || m.After == nil || *m.After != (Mark{Sequence: 1, Epoch: 1}) {
		t.Errorf("the savepoint: %+v, %v", m, err)
	}
	if newest, _, err := Newest(t.Context(), s, "fraud"); err != nil || newest.Manifest.Checkpoint != newer {
		t.Errorf("the newest: %+v, %v", newest, err)
	}
	c.Close()
}
