package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	maxBody     = 64 << 10 // a request is a path and a word
	maxHeader   = 16 << 10
	readTimeout = 10 * time.Second // a client that says nothing does not hold a connection
	idleTimeout = time.Minute
	grace       = 5 * time.Second // for answers under way when the job has ended
)

// Server serves a running job on its socket.
type Server struct {
	job      Job
	name     string
	socket   *socket
	http     *http.Server
	withdraw func() // removes the socket: from then on no client finds the job
	served   chan struct{}
}

// Serve begins to serve a job by its name, at the path of a socket, or at one of the job's own in the user's folder when
// the path is "". Another process of the same job has its socket under another name there; at a given path it is an
// error.
func Serve(name string, job Job, path string) (*Server, error) {
	sock, err := listen(name, path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	s := &Server{job: job, name: name, socket: sock, withdraw: sync.OnceFunc(sock.withdraw), served: make(chan struct{})}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(sock.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			slog.Warn("the control socket serves no more", "job", name, "socket", sock.path, "err", err)
		}
	}()
	return s, nil
}

// Path is where the socket is.
func (s *Server) Path() string { return s.socket.path }

// Close takes the socket away and waits for answers under way, but not long.
func (s *Server) Close() {
	s.withdraw()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	<-s.served
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathJob, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.job.Status()) })
	mux.HandleFunc("POST "+pathSavepoint, s.savepoint)
	mux.HandleFunc("POST "+pathStop, s.stop)
	mux.HandleFunc("GET "+pathState, s.states)
	mux.HandleFunc("POST "+pathState, s.state)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, problem{fmt.Sprintf("there is no %s %s: there are GET %s, POST %s, POST %s, and GET and POST %s",
			r.Method, r.URL.Path, pathJob, pathSavepoint, pathStop, pathState)})
	})
	return mux
}

func (s *Server) savepoint(w http.ResponseWriter, r *http.Request) {
	var asked SavepointRequest
	if !read(w, r, &asked) {
		return
	}
	if asked.To == "" {
		answer(w, http.StatusBadRequest, problem{`say where the savepoint goes: {"to": "/folder"}`})
		return
	}
	place, err := s.job.Savepoint(context.WithoutCancel(r.Context()), asked.To)
	if err != nil {
		slog.Warn("a savepoint failed; the job goes on", "job", s.name, "to", asked.To, "err", err)
		answer(w, http.StatusInternalServerError, problem{err.Error()})
		return
	}
	slog.Info("savepoint", "job", s.name, "place", place)
	answer(w, http.StatusOK, Placed{place})
}

func (s *Server) stop(w http.ResponseWriter, r *http.Request) {
	var asked StopRequest
	if !read(w, r, &asked) {
		return
	}
	slog.Info("stopping, as asked for", "job", s.name, "drain", asked.Drain, "savepoint", cmp.Or(asked.Savepoint, "none"))
	ctx, place, err := context.WithoutCancel(r.Context()), "", error(nil)
	if asked.Savepoint == "" {
		err = s.job.Stop(ctx, asked.Drain)
	} else {
		place, err = s.job.StopWithSavepoint(ctx, asked.Savepoint, asked.Drain)
	}
	if err != nil {
		slog.Warn("the stop failed", "job", s.name, "err", err)
		answer(w, http.StatusInternalServerError, problem{err.Error()})
		return
	}
	if place != "" {
		slog.Info("savepoint", "job", s.name, "place", place)
	}
	s.withdraw() // before the answer: whoever gets it may start the job again at once, and finds the name free
	answer(w, http.StatusOK, Placed{place})
}

func (s *Server) states(w http.ResponseWriter, r *http.Request) {
	all, err := s.job.States(r.Context())
	if err != nil {
		answer(w, http.StatusInternalServerError, problem{err.Error()})
		return
	}
	answer(w, http.StatusOK, all)
}

// state reads state. Nobody waits for what a client that is gone has asked.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	var asked StateRequest
	if !read(w, r, &asked) {
		return
	}
	found, err := s.job.State(r.Context(), asked)
	if err != nil {
		answer(w, http.StatusInternalServerError, problem{err.Error()})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	to := json.NewEncoder(w) // a client that is gone misses it
	to.SetEscapeHTML(false)  // values are passed on as they are
	_ = to.Encode(found)
}

// read reads a request's body, or answers why it can't.
func read(w http.ResponseWriter, r *http.Request, to any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is more behind the object")
		}
	}
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &large):
		answer(w, http.StatusRequestEntityTooLarge, problem{fmt.Sprintf("the request is longer than %d bytes", maxBody)})
	default:
		answer(w, http.StatusBadRequest, problem{fmt.Sprintf("the request is no JSON object that %s takes: %v", r.URL.Path, err)})
	}
	return false
}

func answer(w http.ResponseWriter, status int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // all that is sent is of this package, and none of it can fail
		panic(fmt.Sprintf("control: %T can't be JSON: %v", v, err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n')) // a client that is gone misses it; what it asked for is logged
}
