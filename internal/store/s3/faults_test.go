package s3

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/s3/s3test"
)

// failing has the first so many requests of a kind go wrong, once armed.
type failing struct {
	kind  string
	fault s3test.Fault
	left  atomic.Int64
}

func (f *failing) of(r *http.Request) s3test.Fault {
	if s3test.Kind(r) == f.kind && f.left.Add(-1) >= 0 {
		return f.fault
	}
	return s3test.Fault{}
}

// fail arms a fault.
func fail(server *s3test.Server, times int64, kind string, fault s3test.Fault) {
	f := &failing{kind: kind, fault: fault}
	f.left.Store(times)
	server.Fail(f.of)
}

// ready is a store whose server has been checked.
func ready(t *testing.T, query string) (*s3test.Server, *Store, *[]time.Duration) {
	t.Helper()
	server, place := serve(t)
	s, pauses := at(t, place+query)
	for _, what := range []check{checkPut, checkComplete} {
		if err := s.ready(t.Context(), what); err != nil {
			t.Fatal(err)
		}
	}
	server.Asked()
	return server, s, pauses
}

// whole is two parts and a bit.
var whole = bytes.Repeat([]byte("0123456789abcdef"), 11<<10)

func create(t *testing.T, s *Store, name string, data []byte) error {
	t.Helper()
	w, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := range slices.Chunk(data, 10_000) {
		if _, err := w.Write(chunk); err != nil {
			return errors.Join(err, w.Abort())
		}
	}
	return w.Close()
}

func read(t *testing.T, s *Store, name string) []byte {
	t.Helper()
	p, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	b := make([]byte, p.Size())
	if _, err := p.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever goes wrong with a request that may go well the next time, a write is done, and once.
func TestFaultsThatPass(t *testing.T) {
	faults := map[string]s3test.Fault{
		"500": {Status: 500, Code: "InternalError"}, "503": {Status: 503, Code: "ServiceUnavailable"}, "slow down": {Status: 503, Code: "SlowDown"},
		"502 of a proxy": {Status: 502}, "conflict": {Status: 409, Code: "ConditionalRequestConflict"},
		"cut before": {Cut: true}, "cut after": {Cut: true, Done: true}, "short answer": {Short: 1},
	}
	for what, fault := range faults {
		for _, kind := range []string{"PUT", "BEGIN", "PART", "COMPLETE", "GET", "LIST", "DELETE", "HEAD"} {
			t.Run(what+" "+kind, func(t *testing.T) {
				server, s, pauses := ready(t, "")
				fail(server, 2, kind, fault)
				if err := errors.Join(s.Put(t.Context(), "job/small", []byte("text")), create(t, s, "job/large", whole)); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(read(t, s, "job/large"), whole) || string(read(t, s, "job/small")) != "text" {
					t.Error("what was written is not what is read")
				}
				names, err := s.List(t.Context(), "")
				if err != nil || !slices.Equal(names, []string{"job/large", "job/small"}) {
					t.Errorf("list: %v, %v", names, err)
				}
				if err := s.Put(t.Context(), "job/small", []byte("other")); !errors.Is(err, store.ErrExists) {
					t.Errorf("another's put: %v", err)
				}
				if err := create(t, s, "job/large", whole); !errors.Is(err, store.ErrExists) {
					t.Errorf("another's create: %v", err)
				}
				if err := s.Delete(t.Context(), "job/small"); err != nil {
					t.Error(err)
				}
				if left := server.Uploads(); left > 0 && kind != "BEGIN" {
					t.Errorf("%d uploads are left", left)
				}
				if sleeps := len(*pauses); kind != "HEAD" && fault.Short == 0 && sleeps != 2 && (sleeps != 1 || !fault.Cut) {
					t.Errorf("%d pauses", sleeps) // of what is cut, the HTTP client tries some again by itself
				}
			})
		}
	}
}

// What is taken is said at once, and what can't be mended too, with what to do.
func TestFaultsThatStay(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   []string
	}{
		{404, "NoSuchBucket", []string{"make the bucket"}},
		{403, "AccessDenied", []string{"s3:PutObject"}},
		{403, "SignatureDoesNotMatch", []string{"AWS_SECRET_ACCESS_KEY"}},
		{403, "RequestTimeTooSkewed", []string{"clock"}},
		{403, "", []string{"s3:PutObject"}},
		{507, "InsufficientStorage", []string{"make room"}},
		{400, "AuthorizationHeaderMalformed", []string{"region"}},
	} {
		server, s, pauses := ready(t, "")
		server.Fail(func(*http.Request) s3test.Fault { return s3test.Fault{Status: c.status, Code: c.code} })
		_, opened := s.Open(t.Context(), "job/a")
		_, listed := s.List(t.Context(), "")
		for what, err := range map[string]error{
			"put": s.Put(t.Context(), "job/a", nil), "open": opened, "list": listed, "delete": s.Delete(t.Context(), "job/a"),
		} {
			if err == nil {
				t.Fatalf("%s: %d %s is no error", what, c.status, c.code)
			}
			if what != "put" && c.code == "" { // the answer has no body to a HEAD only
				continue
			}
			for _, want := range append(c.want, "store s3://bucket/some/place at http://127.0.0.1:", what) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %d %s: %v, without %q", what, c.status, c.code, err, want)
				}
			}
			if strings.Contains(err.Error(), "testtest") {
				t.Errorf("%v has the secret", err)
			}
		}
		if len(*pauses) > 0 {
			t.Errorf("%s was tried again", c.code)
		}
	}
}

// What does not pass is given up when its time is over, which the error says; pauses grow up to a bound.
func TestPatience(t *testing.T) {
	server, s, pauses := ready(t, "&retry=20s")
	server.Fail(func(*http.Request) s3test.Fault { return s3test.Fault{Status: 503, Code: "SlowDown"} })
	err := s.Put(t.Context(), "job/a", nil)
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "times in ") || !strings.Contains(err.Error(), "SlowDown") {
		t.Errorf("got %v", err)
	}
	var all time.Duration
	for i, d := range *pauses {
		if all += d; i > 0 && d < (*pauses)[i-1] || d > longestPause {
			t.Errorf("pauses %v", *pauses)
		}
	}
	if all > 20*time.Second || all < 10*time.Second {
		t.Errorf("pauses of %v in all", all)
	}
}

// A context that ends while something is tried again ends that, with its cause.
func TestContextEndsTries(t *testing.T) {
	server, s, _ := ready(t, "")
	server.Fail(func(*http.Request) s3test.Fault { return s3test.Fault{Cut: true} })
	why := errors.New("the lease is lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	s.client.sleep = func(ctx context.Context, _ time.Duration) error { cancel(why); return context.Cause(ctx) }
	if err := s.Put(ctx, "job/a", nil); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// A request in which nothing moves is given up, and tried again.
func TestStall(t *testing.T) {
	server, s, pauses := ready(t, "")
	wait := make(chan struct{})
	t.Cleanup(func() { close(wait) })
	fail(server, 1, "PUT", s3test.Fault{Wait: wait})
	s.client.stall = 50 * time.Millisecond
	if err := s.Put(t.Context(), "job/a", []byte("text")); err != nil || len(*pauses) == 0 {
		t.Errorf("%v after pauses %v", err, *pauses)
	}
}

// The memory of a put that was given up is the caller's again, whatever the connection does with it.
func TestMemoryOfAGivenUpPut(t *testing.T) {
	server, s, _ := ready(t, "")
	s.client.part = 1 << 20
	fail(server, 1, "PUT", s3test.Fault{Cut: true})
	data := slices.Clone(whole)
	if err := s.Put(t.Context(), "job/a", data); err != nil {
		t.Fatal(err)
	}
	clear(data) // the race detector looks
	if !bytes.Equal(read(t, s, "job/a"), whole) {
		t.Error("something else was written")
	}
}

// A server that ignores conditions is refused before anything is written, and nothing of the check is left.
func TestUnconditionalServer(t *testing.T) {
	server, place := serve(t)
	server.Set(func(s *s3test.Server) { s.Unconditional = true })
	s, _ := at(t, place)
	if err := s.Put(t.Context(), "job/a", nil); err == nil || !strings.Contains(err.Error(), "writes over what is there") {
		t.Errorf("got %v", err)
	}
	server.Set(func(s *s3test.Server) { s.Unconditional, s.Late = false, true })
	if err := s.Put(t.Context(), "job/a", nil); err != nil {
		t.Error(err)
	}
	if err := create(t, s, "job/b", whole); err == nil || !strings.Contains(err.Error(), "writes over what is there") {
		t.Errorf("got %v", err)
	}
	if keys := server.Keys(); !slices.Equal(keys, []string{"some/place/job/a"}) || server.Uploads() > 0 {
		t.Errorf("there is %v, %d uploads", keys, server.Uploads())
	}
	server.Fail(func(r *http.Request) s3test.Fault {
		if r.Header.Get("If-None-Match") != "" {
			return s3test.Fault{Status: 501, Code: "NotImplemented"}
		}
		return s3test.Fault{}
	})
	other, _ := at(t, place)
	if err := other.Put(t.Context(), "job/c", nil); err == nil || !strings.Contains(err.Error(), "no conditional writes") {
		t.Errorf("got %v", err)
	}
}

// An answer that was lost is not found out about any more when the piece has been deleted meanwhile: neither success nor ErrExists.
func TestLostAndDeleted(t *testing.T) {
	server, s, _ := ready(t, "")
	lost := &failing{kind: "PUT", fault: s3test.Fault{Cut: true, Done: true}}
	lost.left.Store(1)
	server.Fail(func(r *http.Request) s3test.Fault {
		if s3test.Kind(r) == "HEAD" {
			return s3test.Fault{Status: 404}
		}
		return lost.of(r)
	})
	if err := s.Put(t.Context(), "job/a", nil); err == nil || errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), "deleted since") {
		t.Errorf("got %v", err)
	}
}

// An upload that has vanished is not complete, whatever the server says: who has the name decides.
func TestUploadThatVanishes(t *testing.T) {
	for what, c := range map[string]struct {
		agreeable, taken bool
		want             error
	}{
		"there is nothing": {false, false, errFinal}, "another has the name": {false, true, store.ErrExists},
		"nothing, and the server says it is complete": {true, false, store.ErrUnavailable}, "another, and it says so": {true, true, store.ErrExists},
	} {
		server, s, _ := ready(t, "")
		server.Set(func(s *s3test.Server) { s.Agreeable = c.agreeable })
		var cut atomic.Bool
		server.Fail(func(r *http.Request) s3test.Fault {
			if s3test.Kind(r) != "COMPLETE" || cut.Swap(true) {
				return s3test.Fault{}
			}
			server.DropUploads()
			if c.taken {
				server.Replace("some/place/job/a", nil)
			}
			return s3test.Fault{Cut: true}
		})
		if err := create(t, s, "job/a", whole); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSweep(t *testing.T) {
	server, s, _ := ready(t, "")
	var hours atomic.Int64
	noon := time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)
	now := func() time.Time { return noon.Add(time.Duration(hours.Load()) * time.Hour) }
	server.Set(func(s *s3test.Server) { s.Now = now })
	other, _ := at(t, "s3://bucket/some/place?endpoint="+s.client.endpoint)
	for _, name := range []string{"job/old", "job/newer"} {
		w, err := other.Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(whole)
		_, _ = w.(*writer).wait() // parts are there
		hours.Add(1)
	}
	mine, err := s.Create(t.Context(), "job/mine")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = mine.Write(whole)
	_, _ = mine.(*writer).wait()
	server.Replace("some/place/.probe-left", nil)
	server.Replace("some/other/.probe-left", nil)
	root, _ := at(t, "s3://bucket?endpoint="+s.client.endpoint)
	for _, c := range []struct {
		in   *Store
		age  time.Duration
		want int
	}{{root, 0, 0}, {s, 3 * time.Hour, 0}, {s, 90 * time.Minute, 1}, {s, 0, 2}, {s, 0, 0}} {
		n, err := c.in.Sweep(t.Context(), func(l store.Temporary) bool { return now().Sub(l.Modified) >= c.age })
		if err != nil || n != c.want {
			t.Errorf("%d were removed, %v, want %d", n, err, c.want)
		}
	}
	if err := mine.Close(); err != nil || server.Uploads() > 0 {
		t.Errorf("%v, %d uploads", err, server.Uploads())
	}
	if keys := server.Keys(); !slices.Equal(keys, []string{"some/other/.probe-left", "some/place/job/mine"}) {
		t.Errorf("there is %v", keys)
	}
}
