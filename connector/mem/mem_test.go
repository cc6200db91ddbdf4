package mem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/mem"
)

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestFrom(t *testing.T) {
	for _, n := range []int{0, 1, 500} {
		connectortest.TestSource(t, mem.From(numbers(n)...), connectortest.Expect[int]{Records: numbers(n)})
	}
}

func TestSeq(t *testing.T) {
	for _, n := range []int{0, 1, 500} {
		connectortest.TestSource(t, mem.Seq(slices.Values(numbers(n))), connectortest.Expect[int]{Records: numbers(n)})
	}
}

func TestChan(t *testing.T) {
	source := func() connector.Input[int] {
		c := make(chan int, 500)
		for _, n := range numbers(500) {
			c <- n
		}
		close(c)
		return mem.Chan(c)()
	}
	connectortest.TestSource(t, source, connectortest.Expect[int]{Records: numbers(500), Once: true})
}

func TestChanIdle(t *testing.T) {
	connectortest.TestIdle(t, mem.Chan(make(chan int)))
}

// A reader takes what is there and does not wait for more.
func TestChanDry(t *testing.T) {
	c := make(chan int, 10)
	r := open(t, mem.Chan(c), nil)
	c <- 1
	c <- 2
	batch := connector.Batch[int]{Max: 10}
	if err := r.Read(t.Context(), &batch); err != nil || !slices.Equal(batch.Values, []int{1, 2}) {
		t.Errorf("got %v, %v", batch.Values, err)
	}
	close(c)
	if err := r.Read(t.Context(), &batch); err != io.EOF || len(batch.Values) != 2 {
		t.Errorf("got %v, %v at the end", batch.Values, err)
	}
}

// A channel goes on counting where the position says, and reads what comes.
func TestChanReopened(t *testing.T) {
	c := make(chan int, 1)
	c <- 7
	r := open(t, mem.Chan(c), connector.EncodePosition(3))
	batch := connector.Batch[int]{Max: 1}
	if err := r.Read(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	var done uint64
	if err := connector.DecodePosition(r.Position(), &done); err != nil || done != 4 {
		t.Errorf("got position %d, %v, want 4", done, err)
	}
}

func TestSeqStops(t *testing.T) {
	stopped := false
	var endless iter.Seq[int] = func(yield func(int) bool) {
		defer func() { stopped = true }()
		for yield(1) {
		}
	}
	r := open(t, mem.Seq(endless), nil)
	batch := connector.Batch[int]{Max: 10}
	if err := r.Read(t.Context(), &batch); err != nil || len(batch.Values) != 10 {
		t.Fatalf("got %v, %v", batch.Values, err)
	}
	if err := r.Close(); err != nil || !stopped {
		t.Errorf("closed with %v, and the sequence has ended: %v", err, stopped)
	}
}

func TestSeqSkipCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := mem.Seq(slices.Values(numbers(10)))().Open(ctx, connector.Split{Name: "sequence"}, connector.EncodePosition(5))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	for _, c := range []struct {
		source   connector.Source[int]
		split    string
		position []byte
		want     string
	}{
		{mem.From(1, 2), "slice", connector.EncodePosition(3), "mem: slice: position is 3, and there are only 2 records"},
		{mem.From(1, 2), "other", nil, `mem: there is no split "other", the only one is "slice"`},
		{mem.From(1, 2), "slice", []byte{}, "mem: slice: position  is damaged: want 1 numbers"},
		{
			mem.Seq(slices.Values([]int{1})), "sequence", connector.EncodePosition(5),
			"mem: sequence: position is 5, and the sequence ends after 1 records",
		},
	} {
		_, err := c.source().Open(t.Context(), connector.Split{Name: c.split}, c.position)
		if err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func open(t *testing.T, source connector.Source[int], position []byte) connector.Reader[int] {
	t.Helper()
	in := source()
	splits, err := in.Splits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := in.Open(t.Context(), splits[0], position)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestInto(t *testing.T) {
	connectortest.TestSink(t, func(*testing.T) (connector.Sink[int], func() []int) {
		var to []int
		return mem.Into(&to), func() []int { return to }
	}, numbers(300))
}

func TestEach(t *testing.T) {
	connectortest.TestSink(t, func(*testing.T) (connector.Sink[int], func() []int) {
		var mu sync.Mutex // guards to
		var to []int
		each := func(_ context.Context, n int) error {
			mu.Lock()
			defer mu.Unlock()
			to = append(to, n)
			return nil
		}
		return mem.Each(each), func() []int { return to }
	}, numbers(300))
}

func TestEachFails(t *testing.T) {
	want := errors.New("no more")
	w, err := mem.Each(func(_ context.Context, n int) error {
		if n == 2 {
			return want
		}
		return nil
	})().Open(t.Context(), connector.Subtask{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &connector.Batch[int]{Values: []int{1, 2, 3}}); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
}

// Waiting on a channel ends with the context, in virtual time.
func TestChanCanceledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, mem.Chan(make(chan int)), nil)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { result <- r.Read(ctx, &connector.Batch[int]{Max: 1}) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func Example() {
	var to []string
	w, _ := mem.Into(&to)().Open(context.Background(), connector.Subtask{Count: 1})
	_ = w.Write(context.Background(), &connector.Batch[string]{Values: []string{"to", "be"}})
	fmt.Println(to)
	// Output: [to be]
}
