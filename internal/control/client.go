package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	statusTimeout = 5 * time.Second
	maxAnswer     = 16 << 20 // a status of a hundred thousand operators
)

// Client talks to a running job.
type Client struct {
	path string
	http *http.Client
}

// NewClient talks to the job that listens at the path of a socket.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: statusTimeout}).DialContext(ctx, "unix", path)
	}
	return &Client{path, &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Path is the socket's.
func (c *Client) Path() string { return c.path }

// Status asks how the job is.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	err = c.call(ctx, http.MethodGet, pathJob, nil, &s)
	return s, err
}

// Savepoint asks for a savepoint and returns its place. When ctx ends, the job takes it all the same.
func (c *Client) Savepoint(ctx context.Context, to string) (place string, err error) {
	var placed Placed
	err = c.call(ctx, http.MethodPost, pathSavepoint, SavepointRequest{to}, &placed)
	return placed.Place, err
}

// Stop asks the job to end, waits for that, and returns the savepoint's place if one was asked for.
func (c *Client) Stop(ctx context.Context, asked StopRequest) (place string, err error) {
	var placed Placed
	err = c.call(ctx, http.MethodPost, pathStop, asked, &placed)
	return placed.Place, err
}

// States asks what states there are.
func (c *Client) States(ctx context.Context) (all []KeyedState, err error) {
	err = c.call(ctx, http.MethodGet, pathState, nil, &all)
	return all, err
}

// State asks what keys have in a state.
func (c *Client) State(ctx context.Context, asked StateRequest) (a StateAnswer, err error) {
	err = c.call(ctx, http.MethodPost, pathState, asked, &a)
	return a, err
}

// call sends a request and reads the answer.
func (c *Client) call(ctx context.Context, method, path string, asked, answer any) error {
	body := []byte(nil)
	if asked != nil {
		var err error
		if body, err = json.Marshal(asked); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://job"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return c.unanswered(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return c.unanswered(err)
	}
	return c.understand(response.StatusCode, text, answer)
}

func (c *Client) understand(status int, text []byte, answer any) error {
	var wrong problem
	if status != http.StatusOK {
		if json.Unmarshal(text, &wrong) == nil && wrong.Error != "" {
			return errors.New(wrong.Error)
		}
		return fmt.Errorf("what listens at %s is no job: it answers with status %d", c.path, status)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("what listens at %s is no job: %w", c.path, err)
	}
	return nil
}

// errGone says that nobody listens.
var errGone = errors.New("no process listens")

// unanswered says what the lack of an answer means.
func (c *Client) unanswered(err error) error {
	var dial *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the process that listens at %s does not answer", c.path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is another user's: %w", c.path, err)
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("%w at %s: %w", errGone, c.path, dial.Err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("the job at %s ended before it answered: its log says why", c.path)
	}
	return fmt.Errorf("%s: %w", c.path, err)
}

// Found is a process of a job.
type Found struct {
	Client *Client
	Status Status
	Err    error // why it does not say how it is
}

// Find finds the processes of a job on this machine that the user runs. Looked is where their first one would have its
// socket. A folder that others could put sockets into is left out, and is the error when no process is found elsewhere.
func Find(ctx context.Context, job string) (all []Found, looked []string, err error) {
	var problems []error
	for _, folder := range folders() {
		name, err := fileName(folder, job)
		if err == nil {
			looked = append(looked, filepath.Join(folder, name+suffix))
			err = checkPrivate(folder)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
		if err != nil {
			continue
		}
		found, err := findIn(ctx, job, folder, name)
		all = append(all, found...)
		problems = append(problems, err)
	}
	if len(all) > 0 {
		return all, looked, nil
	}
	return nil, looked, errors.Join(problems...)
}

func findIn(ctx context.Context, job, folder, name string) (all []Found, err error) {
	files, err := os.ReadDir(folder)
	for _, f := range files {
		if isSocketOf(f.Name(), name) {
			all = append(all, find(ctx, job, filepath.Join(folder, f.Name()))...)
		}
	}
	return all, err
}

// find asks a socket whether a process of the job listens there.
func find(ctx context.Context, job, path string) []Found {
	c := NewClient(path)
	status, err := c.Status(ctx)
	if errors.Is(err, errGone) || err == nil && status.Job != job {
		return nil
	}
	return []Found{{c, status, err}}
}
