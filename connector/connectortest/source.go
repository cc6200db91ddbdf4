// Package connectortest is the suite that every source and sink passes. A connector's tests call [TestSource],
// [TestIdle] and [TestSink] with a source or sink of their own making, and test apart what is the connector's alone:
//
//	func TestSlice(t *testing.T) {
//		connectortest.TestSource(t, mem.From(1, 2, 3), connectortest.Expect[int]{Records: []int{1, 2, 3}})
//	}
package connectortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"leat.dev/leat/connector"
)

// Expect says what a source under test has, and what it can't do.
type Expect[T any] struct {
	// Records are all records: those of the first split, then those of the second, and so on.
	Records []T
	// Rejected are what can't be read, in the order of the splits, too.
	Rejected []connector.Rejected
	// Once says that what was read can't be read again, as from standard input or a channel: no positions are tested,
	// and the source is called anew, and must have all records anew, for each test.
	Once bool
	// Equal compares two records. The default is reflect.DeepEqual.
	Equal func(a, b T) bool
}

// TestSource reads a bounded source in many ways: whole and in batches of random sizes, its splits one by one and at the same time,
// and, unless it is read once, stopped at random points and opened again at its positions. Nothing may be
// lost, repeated or in another order.
func TestSource[T any](t *testing.T, source connector.Source[T], want Expect[T]) {
	if want.Equal == nil {
		want.Equal = func(a, b T) bool { return reflect.DeepEqual(a, b) }
	}
	s := sourceSuite[T]{source, want}
	t.Run("splits", s.testSplits)
	t.Run("whole", s.testWhole)
	t.Run("random batches", s.testRandomBatches)
	t.Run("splits at the same time", s.testConcurrent)
	if !want.Once {
		t.Run("restarts", s.testRestarts)
		t.Run("at the end", s.testAtEnd)
	}
	t.Run("damaged position", s.testDamagedPosition)
	t.Run("unknown split", s.testUnknownSplit)
}

type sourceSuite[T any] struct {
	source connector.Source[T]
	want   Expect[T]
}

// testSplits checks that the names are there, unique, and the same each time.
func (s sourceSuite[T]) testSplits(t *testing.T) {
	first, again := splits(t, s.source()), splits(t, s.source())
	if !reflect.DeepEqual(first, again) {
		t.Errorf("splits were %v, and then %v", first, again)
	}
	seen := map[string]bool{}
	for _, split := range first {
		if split.Name == "" || seen[split.Name] {
			t.Errorf("name %q is empty or not unique", split.Name)
		}
		seen[split.Name] = true
	}
}

func (s sourceSuite[T]) testWhole(t *testing.T) {
	in := s.source()
	got := &connector.Batch[T]{}
	for _, split := range splits(t, in) {
		r := open(t, in, split, nil)
		s.readToEnd(t, r, got, func() int { return 512 })
		closeReader(t, r)
	}
	s.compare(t, got)
}

func (s sourceSuite[T]) testRandomBatches(t *testing.T) {
	random := seeded()
	in := s.source()
	got := &connector.Batch[T]{}
	for _, split := range splits(t, in) {
		r := open(t, in, split, nil)
		s.readToEnd(t, r, got, func() int { return 1 + random.IntN(7) })
		closeReader(t, r)
	}
	s.compare(t, got)
}

func (s sourceSuite[T]) testConcurrent(t *testing.T) {
	in := s.source()
	all := splits(t, in)
	parts := make([]connector.Batch[T], len(all))
	var done sync.WaitGroup
	for i, split := range all {
		r := open(t, in, split, nil)
		done.Go(func() {
			s.readToEnd(t, r, &parts[i], func() int { return 10 })
			closeReader(t, r)
		})
	}
	done.Wait()
	got := &connector.Batch[T]{}
	for i := range parts {
		got.Values = append(got.Values, parts[i].Values...)
		got.Rejected = append(got.Rejected, parts[i].Rejected...)
	}
	s.compare(t, got)
}

// testRestarts gives up readers after a few batches, and goes on where they were with others, at times of a new input.
func (s sourceSuite[T]) testRestarts(t *testing.T) {
	random := seeded()
	for range 5 {
		in := s.source()
		got := &connector.Batch[T]{}
		for _, split := range splits(t, in) {
			var position []byte
			for ended := false; !ended; {
				if random.IntN(2) == 0 {
					in = s.source()
				}
				r := open(t, in, split, position)
				for n := random.IntN(6); n >= 0 && !ended; n-- {
					ended = s.read(t, r, got, 1+random.IntN(20))
				}
				position = takePosition(t, r)
				closeReader(t, r)
			}
		}
		s.compare(t, got)
	}
}

// takePosition is the reader's position. The bytes are the caller's, who may change them.
func takePosition[T any](t *testing.T, r connector.Reader[T]) []byte {
	t.Helper()
	position := r.Position()
	if position == nil {
		t.Fatal("the position is nil, which means the beginning")
	}
	kept := bytes.Clone(position)
	for i := range position {
		position[i] ^= 0xff
	}
	if again := r.Position(); !bytes.Equal(again, kept) {
		t.Fatalf("position was %x, and %x after the caller changed the bytes: they are shared", kept, again)
	}
	return kept
}

// testAtEnd opens a split at its end.
func (s sourceSuite[T]) testAtEnd(t *testing.T) {
	in := s.source()
	for _, split := range splits(t, in) {
		r := open(t, in, split, nil)
		s.readToEnd(t, r, &connector.Batch[T]{}, func() int { return 100 })
		position := r.Position()
		closeReader(t, r)
		r = open(t, in, split, position)
		got := &connector.Batch[T]{}
		s.readToEnd(t, r, got, func() int { return 100 })
		closeReader(t, r)
		if len(got.Values)+len(got.Rejected) > 0 {
			t.Errorf("split %s: %d records after the end", split.Name, len(got.Values)+len(got.Rejected))
		}
	}
}

func (s sourceSuite[T]) testDamagedPosition(t *testing.T) {
	in := s.source()
	for _, split := range splits(t, in) {
		r, err := in.Open(t.Context(), split, bytes.Repeat([]byte{0xff}, 40))
		if err == nil {
			closeReader(t, r)
			t.Errorf("split %s opens at a position that is none", split.Name)
		}
	}
}

func (s sourceSuite[T]) testUnknownSplit(t *testing.T) {
	r, err := s.source().Open(t.Context(), connector.Split{Name: "no such split"}, nil)
	if err == nil {
		closeReader(t, r)
		t.Error("a split opens that does not exist")
	}
}

// readToEnd reads a split in batches of the given sizes.
func (s sourceSuite[T]) readToEnd(t *testing.T, r connector.Reader[T], to *connector.Batch[T], size func() int) {
	limit := 100 + 100*(len(s.want.Records)+len(s.want.Rejected))
	for range limit {
		if s.read(t, r, to, size()) {
			return
		}
	}
	t.Errorf("no end after %d reads", limit)
}

// read reads once, behind the records that are there, and says whether that was the end.
func (s sourceSuite[T]) read(t *testing.T, r connector.Reader[T], to *connector.Batch[T], room int) (ended bool) {
	values, rejected := len(to.Values), len(to.Rejected)
	to.Max = values + rejected + room
	err := r.Read(t.Context(), to)
	if err != nil && err != io.EOF {
		t.Errorf("read: %v", err)
		return true
	}
	if to.Room() < 0 {
		t.Errorf("read brought %d records, more than the room of %d", room-to.Room(), room)
	}
	if len(to.Values) < values || len(to.Rejected) < rejected {
		t.Errorf("read did not append: there were %d records and %d rejects, now %d and %d",
			values, rejected, len(to.Values), len(to.Rejected))
	}
	if len(to.Times) != 0 && len(to.Times) != len(to.Values) {
		t.Errorf("%d event times for %d records", len(to.Times), len(to.Values))
	}
	_, prompt := r.(connector.Prompt)
	if !prompt && err == nil && len(to.Values)+len(to.Rejected) == values+rejected {
		t.Error("read brought nothing; a reader that is not Prompt waits")
	}
	return err == io.EOF
}

func (s sourceSuite[T]) compare(t *testing.T, got *connector.Batch[T]) {
	t.Helper()
	if len(got.Values) != len(s.want.Records) {
		t.Errorf("got %d records, want %d", len(got.Values), len(s.want.Records))
	}
	for i := range min(len(got.Values), len(s.want.Records)) {
		if !s.want.Equal(got.Values[i], s.want.Records[i]) {
			t.Errorf("record %d: got %+v, want %+v", i, got.Values[i], s.want.Records[i])
			break
		}
	}
	if len(got.Rejected)+len(s.want.Rejected) > 0 && !reflect.DeepEqual(got.Rejected, s.want.Rejected) {
		t.Errorf("rejected: got %q, want %q", got.Rejected, s.want.Rejected)
	}
}

// TestIdle checks that readers of a source that has nothing to read just now wait until the context is done, and no longer.
func TestIdle[T any](t *testing.T, source connector.Source[T]) {
	in := source()
	for _, split := range splits(t, in) {
		r := open(t, in, split, nil)
		if _, ok := r.(connector.Prompt); ok {
			t.Errorf("split %s: the reader is Prompt, and may wait", split.Name)
		}
		ctx, cancel := context.WithCancel(t.Context())
		batch := connector.Batch[T]{Max: 10}
		result := make(chan error)
		go func() { result <- r.Read(ctx, &batch) }()
		select {
		case err := <-result:
			t.Errorf("split %s: read %d records and %v of an idle source", split.Name, len(batch.Values), err)
			cancel()
		default:
			cancel()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("split %s: got %v when the context was done, want its error", split.Name, err)
			}
		}
		closeReader(t, r)
	}
}

func splits[T any](t *testing.T, in connector.Input[T]) []connector.Split {
	t.Helper()
	all, err := in.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func open[T any](t *testing.T, in connector.Input[T], s connector.Split, position []byte) connector.Reader[T] {
	t.Helper()
	r, err := in.Open(t.Context(), s, position)
	if err != nil {
		t.Fatalf("open split %s at %x: %v", s.Name, position, err)
	}
	return r
}

func closeReader[T any](t *testing.T, r connector.Reader[T]) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// seeded makes the same random numbers for each test.
func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
