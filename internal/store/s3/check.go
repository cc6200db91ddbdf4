package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// check is something that a server must do, and some don't.
type check uint8

const (
	checkPut check = iota
	checkComplete
)

// probeName begins the names of objects that are there while a server is checked; a store's own, as it begins with a dot.
const probeName = ".probe-"

// ready finds out once whether the server honours the condition of a write. One that ignores it would let two processes both
// believe that a job is theirs; better that no write goes through at all.
func (s *Store) ready(ctx context.Context, what check) error {
	c := s.client
	select {
	case <-c.checking:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { c.checking <- struct{}{} }()
	if c.checked[what] {
		return nil
	}
	probe := s.prefix + probeName + rand.Text()
	err := c.probe(ctx, probe, what)
	if err == nil || !transient(err) {
		err = errors.Join(err, c.remove(ctx, probe))
	}
	c.checked[what] = err == nil
	return err
}

// probe writes an object, and writes it again.
func (c *client) probe(ctx context.Context, key string, what check) error {
	first, second := newWrite(), newWrite()
	put := func(id string) error {
		return c.try(ctx, func(a attempt) error { return c.putOnce(a, key, []byte(id), id) })
	}
	if err := put(first); err != nil && !says(err, http.StatusPreconditionFailed) { // a try whose answer was lost
		return c.unable(err)
	}
	again := put
	if what == checkComplete {
		again = func(id string) error { return c.probeUpload(ctx, key, id) }
	}
	err := again(second)
	switch {
	case says(err, http.StatusPreconditionFailed):
		return nil
	case err == nil:
		return fmt.Errorf("%w: the server writes over what is there, although told not to (If-None-Match: *): a job could not be kept "+
			"from running twice: use a server with conditional writes", errFinal)
	}
	return c.unable(err)
}

// unable says what it means when a server refuses a condition altogether.
func (c *client) unable(err error) error {
	if says(err, http.StatusNotImplemented) {
		return fmt.Errorf("%w: the server has no conditional writes (If-None-Match: *), without which a job can't be kept from running "+
			"twice: use one that does: %w", errFinal, err)
	}
	return err
}

// probeUpload completes an upload over an object.
func (c *client) probeUpload(ctx context.Context, key, id string) error {
	upload, err := c.begin(ctx, key, id)
	if err != nil {
		return err
	}
	defer c.owns(upload, false)
	part, err := c.sendPart(ctx, key, upload, 1, []byte(id))
	if err == nil {
		err = c.try(ctx, func(a attempt) error {
			_, err := c.core.CompleteMultipartUpload(a.ctx, c.bucket, key, upload, []minio.CompletePart{part}, writing(id))
			return err
		})
	}
	if err == nil {
		return nil
	}
	if aborted := c.abort(ctx, key, upload); aborted != nil {
		return aborted
	}
	return err
}
