// Package storetest is the suite that each store passes: in memory, in a local directory, in object storage.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"leat.dev/leat/internal/store"
)

// Test puts a store to the test. Fresh makes an empty one for each part of it.
func Test(t *testing.T, fresh func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		run  func(*suite)
	}{
		{"put and open", (*suite).testPut},
		{"a put name is taken", (*suite).testTaken},
		{"one of many wins", (*suite).testRace},
		{"create", (*suite).testCreate},
		{"a created piece is there when it is closed", (*suite).testInvisible},
		{"a piece that is not closed never is", (*suite).testAbandoned},
		{"a created name is taken", (*suite).testCreateTaken},
		{"a piece that is aborted never is", (*suite).testAborted},
		{"the end of a writer", (*suite).testWriterEnd},
		{"a context that is done", (*suite).testContext},
		{"list", (*suite).testList},
		{"delete", (*suite).testDelete},
		{"names", (*suite).testNames},
		{"names that no store takes", (*suite).testRefused},
		{"memory is the caller's again", (*suite).testMemory},
		{"readers at the same time", (*suite).testReaders},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(&suite{T: t, store: fresh(t)}) })
	}
}

type suite struct {
	*testing.T
	store store.Store
}

// put writes a piece.
func (s *suite) put(name, text string) {
	s.Helper()
	if err := s.store.Put(s.Context(), name, []byte(text)); err != nil {
		s.Fatalf("put %s: %v", name, err)
	}
}

// create begins a piece, and writes text to it in several pieces.
func (s *suite) create(name, text string) store.Writer {
	s.Helper()
	w, err := s.store.Create(s.Context(), name)
	if err != nil {
		s.Fatalf("create %s: %v", name, err)
	}
	for part := range slices.Chunk([]byte(text), 1000) {
		if n, err := w.Write(part); err != nil || n != len(part) {
			s.Fatalf("write to %s: %d of %d bytes, %v", name, n, len(part), err)
		}
	}
	return w
}

func (s *suite) close(what string, c io.Closer) {
	s.Helper()
	if err := c.Close(); err != nil {
		s.Fatalf("close %s: %v", what, err)
	}
}

// expect says what a piece has in it.
func (s *suite) expect(name, text string) {
	s.Helper()
	p, err := s.store.Open(s.Context(), name)
	if err != nil {
		s.Fatalf("open %s: %v", name, err)
	}
	defer s.close(name, p)
	got, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	if err != nil || string(got) != text || p.Size() != int64(len(text)) {
		s.Errorf("%s has %d bytes, %.40q, %v, not %d, %.40q", name, p.Size(), got, err, len(text), text)
	}
}

// expectNone says that there is nothing of a name.
func (s *suite) expectNone(name string) {
	s.Helper()
	if _, err := s.store.Open(s.Context(), name); !errors.Is(err, store.ErrNotFound) {
		s.Errorf("open %s: got %v, not that it does not exist", name, err)
	}
	s.expectList(name)
}

// expectList says what a prefix lists.
func (s *suite) expectList(prefix string, want ...string) {
	s.Helper()
	got, err := s.store.List(s.Context(), prefix)
	if err != nil || !slices.Equal(got, want) {
		s.Errorf("list %q: got %q, %v, want %q", prefix, got, err, want)
	}
}

func (s *suite) testPut() {
	s.expectNone("job/a")
	s.put("job/a", "some text")
	s.put("job/empty", "")
	s.expect("job/a", "some text")
	s.expect("job/a", "some text")
	s.expect("job/empty", "")
	p, err := s.store.Open(s.Context(), "job/a")
	if err != nil {
		s.Fatal(err)
	}
	defer s.close("job/a", p)
	to := make([]byte, 4)
	if n, err := p.ReadAt(to, 5); n != 4 || string(to) != "text" {
		s.Errorf("read at 5: %q, %v", to[:n], err)
	}
	if n, err := p.ReadAt(to, 7); n != 2 || err != io.EOF {
		s.Errorf("read beyond the end: %d bytes, %v", n, err)
	}
}

func (s *suite) testTaken() {
	s.put("job/a", "first")
	err := s.store.Put(s.Context(), "job/a", []byte("second"))
	if !errors.Is(err, store.ErrExists) {
		s.Errorf("a second put: %v", err)
	}
	s.expect("job/a", "first")
}

// racersCount is how many write one name at the same time.
const racersCount = 12

// testRace has many put and create one name: one of them has it, and all others are told.
func (s *suite) testRace() {
	results := make([]error, racersCount)
	text := func(i int) string { return fmt.Sprintf("racer %d %s", i, bytes.Repeat([]byte{'.'}, i*100)) }
	var racers sync.WaitGroup
	for i := range racersCount {
		racers.Go(func() {
			if i%3 > 0 {
				results[i] = s.store.Put(s.Context(), "job/manifest", []byte(text(i)))
				return
			}
			w, err := s.store.Create(s.Context(), "job/manifest")
			if err == nil {
				_, err = io.WriteString(w, text(i))
				err = errors.Join(err, w.Close())
			}
			results[i] = err
		})
	}
	racers.Wait()
	winner := -1
	for i, err := range results {
		switch {
		case err == nil && winner >= 0:
			s.Errorf("racers %d and %d have both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrExists):
			s.Errorf("racer %d: %v", i, err)
		}
	}
	if winner < 0 {
		s.Fatal("nobody has won")
	}
	s.expect("job/manifest", text(winner))
	s.expectList("", "job/manifest")
}

// largeBytes is more than any buffer on the way.
const largeBytes = 11 << 20

func (s *suite) testCreate() {
	large := string(bytes.Repeat([]byte("0123456789abcdef"), largeBytes/16))
	s.close("job/large", s.create("job/large", large))
	s.close("job/empty", s.create("job/empty", ""))
	s.expect("job/large", large)
	s.expect("job/empty", "")
}

func (s *suite) testInvisible() {
	w := s.create("job/a", "some text")
	s.expectNone("job/a")
	s.expectList("")
	s.close("job/a", w)
	s.expect("job/a", "some text")
	s.expectList("", "job/a")
}

func (s *suite) testAbandoned() {
	_ = s.create("job/a", "left")
	s.close("job/a", s.create("job/a", "whole"))
	s.expect("job/a", "whole")
	s.expectList("", "job/a")
}

func (s *suite) testAborted() {
	w := s.create("job/a", "left")
	for range 2 {
		if err := w.Abort(); err != nil {
			s.Errorf("abort: %v", err)
		}
	}
	s.expectNone("job/a")
	if _, err := w.Write([]byte("more")); err == nil {
		s.Error("a write after Abort was taken")
	}
	if err := w.Close(); err == nil {
		s.Error("a close after Abort was taken")
	}
	s.expectNone("job/a")
	s.expectList("")
}

func (s *suite) testWriterEnd() {
	w := s.create("job/a", "text")
	s.close("job/a", w)
	if err := w.Abort(); err != nil {
		s.Errorf("abort after close: %v", err)
	}
	if _, err := w.Write([]byte("more")); err == nil {
		s.Error("a write after Close was taken")
	}
	if err := w.Close(); err == nil {
		s.Error("a second Close was taken")
	}
	s.expect("job/a", "text")
}

// testContext: what is asked for under a context that is done is not done, and the error says why.
func (s *suite) testContext() {
	s.put("job/a", "text")
	why := errors.New("the lease is lost")
	ctx, cancel := context.WithCancelCause(s.Context())
	w, err := s.store.Create(ctx, "job/late")
	if err != nil {
		s.Fatal(err)
	}
	cancel(why)
	_, opened := s.store.Open(ctx, "job/a")
	_, created := s.store.Create(ctx, "job/c")
	_, listed := s.store.List(ctx, "job/")
	for what, err := range map[string]error{
		"close": w.Close(), "put": s.store.Put(ctx, "job/b", nil), "delete": s.store.Delete(ctx, "job/a"),
		"open": opened, "create": created, "list": listed,
	} {
		if !errors.Is(err, why) {
			s.Errorf("%s: %v", what, err)
		}
	}
	s.expectList("", "job/a")
}

func (s *suite) testCreateTaken() {
	s.put("job/a", "first")
	w, err := s.store.Create(s.Context(), "job/a")
	if err == nil {
		_, err = io.WriteString(w, "second")
		err = errors.Join(err, w.Close())
	}
	if !errors.Is(err, store.ErrExists) {
		s.Errorf("create and close: %v", err)
	}
	s.expect("job/a", "first")
}

// testList lists by prefixes of names, which need not end with a folder, in order of bytes.
func (s *suite) testList() {
	s.expectList("")
	names := []string{"job-2/a", "job/chk-1/a", "job/chk-1/b", "job/chk-10/a", "job0/a"}
	for _, i := range []int{3, 0, 4, 2, 1} {
		s.put(names[i], "")
	}
	s.expectList("", names...)
	s.expectList("job/", names[1:4]...)
	s.expectList("job/chk-1", names[1:4]...)
	s.expectList("job/chk-1/", names[1:3]...)
	s.expectList("job/chk-1/b", "job/chk-1/b")
	s.expectList("job/chk-2")
	s.expectList("ob")
}

func (s *suite) testDelete() {
	remove := func(name string) {
		s.Helper()
		if err := s.store.Delete(s.Context(), name); err != nil {
			s.Errorf("delete %s: %v", name, err)
		}
	}
	s.put("job/a", "first")
	s.put("job/ab", "other")
	remove("job/a")
	remove("job/a")
	remove("job/none")
	remove("none/none")
	s.expectList("", "job/ab")
	s.put("job/a", "second")
	s.expect("job/a", "second")
	s.expect("job/ab", "other")
}

// testNames has what jobs and operators may be called.
func (s *suite) testNames() {
	names := []string{"Zürich/chk-1/event time of payments-0.seg", "a/b (2)-0.seg", "a/→-0.seg", "deep/er/and/deeper", "x/%41?&=+#"}
	for i, name := range names {
		s.put(name, fmt.Sprint(i))
	}
	for i, name := range names {
		s.expect(name, fmt.Sprint(i))
		s.expectList(name, name)
	}
}

// testRefused: what can't be kept everywhere, or would leave a store's folder, is taken nowhere.
func (s *suite) testRefused() {
	for _, name := range []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "a/./b", "a/../b", "../a", "a/..", ".hidden", ".writing/a", "a\\b", "a\x00b", "a\xffb",
		"a/" + strings.Repeat("x", 256), strings.Repeat("x/", 512) + "x",
	} {
		_, created := s.store.Create(s.Context(), name)
		_, opened := s.store.Open(s.Context(), name)
		for what, err := range map[string]error{
			"put": s.store.Put(s.Context(), name, nil), "delete": s.store.Delete(s.Context(), name), "create": created, "open": opened,
		} {
			if !errors.Is(err, store.ErrName) {
				s.Errorf("%s %.20q: %v", what, name, err)
			}
		}
	}
	for _, prefix := range []string{"/", "..", "../", "a/../b", ".writing/"} {
		if _, err := s.store.List(s.Context(), prefix); !errors.Is(err, store.ErrName) {
			s.Errorf("list %q: %v", prefix, err)
		}
	}
	s.expectList("")
	longest := strings.Repeat("x", 255) + "/" + strings.Repeat("y", 255) + "/..hidden"
	s.put(longest, "text")
	s.expect(longest, "text")
}

func (s *suite) testMemory() {
	data := []byte("some text")
	if err := s.store.Put(s.Context(), "job/put", data); err != nil {
		s.Fatal(err)
	}
	w := s.create("job/created", "")
	if _, err := w.Write(data); err != nil {
		s.Fatal(err)
	}
	clear(data)
	s.close("job/created", w)
	s.expect("job/put", "some text")
	s.expect("job/created", "some text")
}

// testReaders reads one open piece from several goroutines.
func (s *suite) testReaders() {
	s.put("job/a", "0123456789")
	p, err := s.store.Open(s.Context(), "job/a")
	if err != nil {
		s.Fatal(err)
	}
	defer s.close("job/a", p)
	var readers sync.WaitGroup
	for i := range 10 {
		readers.Go(func() {
			to := make([]byte, 1)
			if _, err := p.ReadAt(to, int64(i)); err != nil && err != io.EOF || to[0] != byte('0'+i) {
				s.Errorf("read at %d: %q, %v", i, to, err)
			}
		})
	}
	readers.Wait()
}
