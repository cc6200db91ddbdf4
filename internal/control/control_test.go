package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fake is a job that does what it is asked for, and says so.
type fake struct {
	name    string
	failure error
	hold    chan struct{} // nil: nothing is held; else savepoints wait until it is closed
	asked   chan string
}

func newFake(name string) *fake { return &fake{name: name, asked: make(chan string, 10)} }

func (f *fake) Status() Status {
	return Status{
		Job: f.name, PID: os.Getpid(), Started: noon, Attempt: 2, In: 7,
		Checkpoint: &Checkpoint{Number: 3, Taken: noon, AgeSeconds: 1.5},
		Operators:  []Operator{{Name: "read", Kind: "source", Subtasks: 2, In: 7}},
	}
}

func (f *fake) Savepoint(ctx context.Context, to string) (string, error) {
	f.asked <- "savepoint " + to
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			f.asked <- "broken off"
			return "", context.Cause(ctx)
		}
	}
	f.asked <- "done"
	return to + "/one", f.failure
}

func (f *fake) StopWithSavepoint(_ context.Context, to string, drain bool) (string, error) {
	f.asked <- fmt.Sprintf("stop, drain %t, savepoint %s", drain, to)
	return to + "/one", f.failure
}

func (f *fake) Stop(_ context.Context, drain bool) error {
	f.asked <- fmt.Sprintf("stop, drain %t", drain)
	return f.failure
}

func (f *fake) States(context.Context) ([]KeyedState, error) {
	return []KeyedState{{State: "detect/last", Kind: "value", Key: "string", Type: "int64"}}, f.failure
}

func (f *fake) State(_ context.Context, asked StateRequest) (StateAnswer, error) {
	f.asked <- fmt.Sprintf("state %s of %q, live %t", asked.State, asked.Keys, asked.Live)
	return StateAnswer{Columns: []string{"key", "value"}, Rows: [][]json.RawMessage{{json.RawMessage(`"a"`), json.RawMessage("7")}}}, f.failure
}

// ownRuntime gives the test a folder of its own for sockets, with a short path.
func ownRuntime(t *testing.T) string {
	folder, err := os.MkdirTemp("", "leat")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	t.Setenv("XDG_RUNTIME_DIR", folder)
	return filepath.Join(folder, "leat")
}

func serve(t *testing.T, job *fake, path string) *Server {
	t.Helper()
	s, err := Serve(job.name, job, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// foundOne finds the one process of a job.
func foundOne(t *testing.T, job string) Found {
	t.Helper()
	all, looked, err := Find(t.Context(), job)
	if err != nil || len(all) != 1 || all[0].Err != nil {
		t.Fatalf("found %v in %v, %v", all, looked, err)
	}
	return all[0]
}

func TestRequests(t *testing.T) {
	folder := ownRuntime(t)
	job := newFake("fraud")
	s := serve(t, job, "")
	if s.Path() != filepath.Join(folder, "fraud.sock") {
		t.Error(s.Path())
	}
	found := foundOne(t, "fraud")
	if found.Client.Path() != s.Path() || found.Status.Attempt != 2 || found.Status.Checkpoint.Number != 3 || found.Status.Operators[0].In != 7 {
		t.Errorf("found %+v", found)
	}
	if place, err := found.Client.Savepoint(t.Context(), "/sp"); place != "/sp/one" || err != nil || <-job.asked != "savepoint /sp" {
		t.Error(place, err)
	}
	<-job.asked
	if place, err := found.Client.Stop(t.Context(), StopRequest{Drain: true, Savepoint: "/sp"}); place != "/sp/one" || err != nil || <-job.asked != "stop, drain true, savepoint /sp" {
		t.Error(place, err)
	}
}

// The name is free when a stop is answered: the job may be started again at once.
func TestStopFreesTheName(t *testing.T) {
	folder := ownRuntime(t)
	job := newFake("fraud")
	s := serve(t, job, "")
	if place, err := NewClient(s.Path()).Stop(t.Context(), StopRequest{}); place != "" || err != nil || <-job.asked != "stop, drain false" {
		t.Error(place, err)
	}
	if files, _ := os.ReadDir(folder); len(files) > 0 {
		t.Errorf("%v is there", files)
	}
	if again := serve(t, newFake("fraud"), ""); again.Path() != s.Path() {
		t.Error(again.Path())
	}
}

func TestFailures(t *testing.T) {
	ownRuntime(t)
	job := newFake("fraud")
	job.failure = errors.New("the disk is full")
	c := NewClient(serve(t, job, "").Path())
	if _, err := c.Savepoint(t.Context(), "/sp"); err == nil || err.Error() != "the disk is full" {
		t.Error(err)
	}
	if _, err := c.Stop(t.Context(), StopRequest{}); err == nil || err.Error() != "the disk is full" {
		t.Error(err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("after a stop that failed the job is gone: %v", err)
	}
}

func TestState(t *testing.T) {
	ownRuntime(t)
	job := newFake("fraud")
	c := NewClient(serve(t, job, "").Path())
	if all, err := c.States(t.Context()); err != nil || len(all) != 1 || all[0].State != "detect/last" {
		t.Error(all, err)
	}
	a, err := c.State(t.Context(), StateRequest{State: "detect/last", Keys: []string{"a", "<b>"}, Live: true})
	if err != nil || len(a.Rows) != 1 || string(a.Rows[0][0]) != `"a"` || string(a.Rows[0][1]) != "7" {
		t.Error(a, err)
	}
	if asked := <-job.asked; asked != `state detect/last of ["a" "<b>"], live true` {
		t.Error(asked)
	}
	job.failure = errors.New("the disk is full")
	if _, err := c.States(t.Context()); err == nil || err.Error() != "the disk is full" {
		t.Error(err)
	}
	if _, err := c.State(t.Context(), StateRequest{}); err == nil || err.Error() != "the disk is full" {
		t.Error(err)
	}
}

// Half of a savepoint is of no use: it goes on when its client is gone.
func TestSavepointOutlivesItsClient(t *testing.T) {
	ownRuntime(t)
	job := newFake("fraud")
	job.hold = make(chan struct{})
	c := NewClient(serve(t, job, "").Path())
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := c.Savepoint(ctx, "/sp"); left <- err }()
	<-job.asked
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(job.hold)
	if got := <-job.asked; got != "done" {
		t.Error(got)
	}
}

func TestBadRequests(t *testing.T) {
	ownRuntime(t)
	c := NewClient(serve(t, newFake("fraud"), "").Path())
	for _, bad := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/", "", 404, "there is no GET /: there are GET /v1/job, POST /v1/savepoint, POST /v1/stop, and GET and POST /v1/state"},
		{"GET", pathStop, "", 404, "there is no GET /v1/stop"},
		{"POST", pathSavepoint, "", 400, "the request is no JSON object that /v1/savepoint takes: EOF"},
		{"POST", pathSavepoint, "{}", 400, `say where the savepoint goes: {"to": "/folder"}`},
		{"POST", pathSavepoint, `{"too":"/sp"}`, 400, `unknown field "too"`},
		{"POST", pathSavepoint, `{"to":"/sp"} {}`, 400, "there is more behind the object"},
		{"POST", pathState, `{"state":"detect","key":"a"}`, 400, `unknown field "key"`},
		{"POST", pathStop, `{"drain":"yes"}`, 400, "the request is no JSON object that /v1/stop takes"},
		{"POST", pathStop, `{"savepoint":"` + strings.Repeat("x", maxBody) + `"}`, 413, "the request is longer than 65536 bytes"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), bad.method, "http://job"+bad.path, strings.NewReader(bad.body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if err := c.understand(response.StatusCode, text, nil); response.StatusCode != bad.status || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s %s %.50s: %d %s", bad.method, bad.path, bad.body, response.StatusCode, text)
		}
	}
}

// What a client says when it is no job that answers.
func TestStrangers(t *testing.T) {
	folder := ownRuntime(t)
	path := filepath.Join(filepath.Dir(folder), "stranger.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			http.ReadRequest(bufio.NewReader(c))
			io.WriteString(c, <-answers)
			c.Close()
		}
	})
	defer serving.Wait()
	defer l.Close()
	c := NewClient(path)
	for text, want := range map[string]string{
		"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}":   "what listens at " + path + " is no job: it answers with status 500",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnone": "what listens at " + path + " is no job: invalid character",
		"": "the job at " + path + " ended before it answered: its log says why",
	} {
		answers <- text
		if _, err := c.Status(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	l.Close()
	if _, err := c.Status(t.Context()); !errors.Is(err, errGone) {
		t.Error(err)
	}
}

// Whatever is sent, there is an answer in JSON, and the job is asked only for what a whole request says.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"drain":true,"savepoint":"/sp"}`))
	f.Add([]byte(`{"to":"/sp"}`))
	f.Add([]byte(`{"state":"detect/last","keys":["a"],"item":"b","live":true,"limit":3}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{pathSavepoint, pathStop, pathState} {
			s := &Server{job: newFake("fraud"), name: "fraud", withdraw: func() {}}
			w := httptest.NewRecorder()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			s.routes().ServeHTTP(w, r)
			var placed Placed
			if err := NewClient("x").understand(w.Code, w.Body.Bytes(), &placed); err != nil && strings.Contains(err.Error(), "is no job") {
				t.Errorf("%s %q: %v", path, body, err)
			}
		}
	})
}

// FuzzAnswer: whatever comes back, the client does not panic, and takes nothing else for an answer.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"job":"fraud","operators":[{}]}`))
	f.Add(500, []byte(`{"error":"the disk is full"}`))
	f.Add(200, []byte(`[`))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		var s Status
		if err := NewClient("x").understand(status, text, &s); err == nil && status != http.StatusOK {
			t.Errorf("status %d is taken for an answer", status)
		}
	})
}
