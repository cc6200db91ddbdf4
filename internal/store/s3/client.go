package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

// client is a bucket that is reached in one way. All stores in it share connections, limits, and what is known of the server.
type client struct {
	config
	core     minio.Core
	up, down *limiter
	stall    time.Duration
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	random   func() float64
	buffers  sync.Pool // of *[]byte, for parts

	checking chan struct{} // holds one element; whoever has taken it may use checked
	checked  map[check]bool

	mu  sync.Mutex // guards own
	own map[string]bool
}

var (
	clientsMu sync.Mutex // guards clients
	clients   = map[config]*client{}
)

// clientOf is the client of a bucket; the same for the same settings.
func clientOf(c config) (*client, error) {
	clientsMu.Lock()
	defer clientsMu.Unlock()
	if clients[c] != nil {
		return clients[c], nil
	}
	made, err := newClient(c)
	if err == nil {
		clients[c] = made
	}
	return made, err
}

func newClient(c config) (*client, error) {
	scheme, host, _ := strings.Cut(c.endpoint, "://")
	transport, err := newTransport(scheme == "https")
	if err != nil {
		return nil, err
	}
	core, err := minio.NewCore(host, &minio.Options{
		Creds: credentials.New(newKeys(c.profile)), Secure: scheme == "https", Transport: transport, Region: c.region,
		BucketLookup: map[string]minio.BucketLookupType{"path": minio.BucketLookupPath, "host": minio.BucketLookupDNS}[c.style],
		MaxRetries:   1, // trying again is this package's: who tries a conditional write again must know that it has been tried
	})
	if err != nil {
		return nil, err
	}
	made := &client{
		config: c, core: *core, up: newLimiter(c.up), down: newLimiter(c.down), stall: stallAfter, now: time.Now, sleep: sleep,
		random: mathrand.Float64, checking: make(chan struct{}, 1), checked: map[check]bool{}, own: map[string]bool{},
	}
	made.checking <- struct{}{}
	return made, nil
}

// newTransport makes connections that are kept for as many requests at a time as a job has subtasks. How long something may take is the
// watchdog's business.
func newTransport(secure bool) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, err
	}
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout, t.IdleConnTimeout = 64, 0, 20*time.Second
	return t, nil
}

// writeHeader has the id of a write: whoever finds a name taken sees by it whether that was itself, in a try whose answer was lost.
const writeHeader = "Leat-Write"

func newWrite() string { return rand.Text() }

// writing are the options of a write that must not take a name from another.
func writing(id string) minio.PutObjectOptions {
	o := minio.PutObjectOptions{UserMetadata: map[string]string{writeHeader: id}}
	o.SetMatchETagExcept("*")
	return o
}

// put writes an object, if there is none.
func (s *Store) put(ctx context.Context, key string, data []byte, id string) error {
	if err := s.ready(ctx, checkPut); err != nil {
		return err
	}
	failpoint.Hit(failpoint.StoreSynced)
	c := s.client
	err := c.settled(ctx, false, key, id, func(a attempt) error { return c.putOnce(a, key, data, id) })
	if err == nil {
		failpoint.Hit(failpoint.StoreShown)
	}
	return err
}

func (c *client) putOnce(a attempt, key string, data []byte, id string) error {
	content := &sent{attempt: a, limit: c.up, rest: data}
	defer content.end()
	_, err := c.core.PutObject(a.ctx, c.bucket, key, content, int64(len(data)), "", "", writing(id))
	return err
}

// settled does a conditional write, the completion of an upload among them, and finds out what has become of it: ErrExists is that
// somebody else has the name.
func (c *client) settled(ctx context.Context, completing bool, key, id string, do func(attempt) error) error {
	stall := c.stall
	if completing {
		stall = max(stall, stallAfterComplete)
	}
	unsure := false // a try before has failed, and may have been done all the same
	return c.tryFor(ctx, stall, func(a attempt) error {
		err := do(a)
		switch {
		case err == nil && !(completing && unsure):
			return nil
		case err == nil: // servers say so of any upload that is gone while there is an object
			return c.settle(a, key, id, true, errUnfinished)
		case says(err, http.StatusPreconditionFailed), isGone(err):
			return c.settle(a, key, id, unsure, err)
		}
		unsure = true
		return err
	})
}

// isGone is whether an upload that was to be completed is not there any more, as when it has been.
func isGone(err error) bool {
	answer, ok := answered(err)
	return ok && answer.Code == minio.NoSuchUpload
}

// errUnfinished says that a server has promised an object that is not there: another try before may still be making it.
var errUnfinished = errors.New("the server says that an upload is complete, and has no object")

// settle looks who has taken a name.
func (c *client) settle(a attempt, key, id string, unsure bool, refused error) error {
	info, err := c.core.StatObject(a.ctx, c.bucket, key, minio.StatObjectOptions{})
	switch {
	case err == nil && info.UserMetadata[writeHeader] == id:
		return nil
	case err == nil:
		return store.ErrExists
	case !says(err, http.StatusNotFound):
		return err
	case errors.Is(refused, errUnfinished):
		return refused
	case isGone(refused):
		return fmt.Errorf("%w: its upload was removed by somebody else", errFinal)
	case unsure:
		return fmt.Errorf("%w: it was written or its name was taken, and it has been deleted since", errFinal)
	}
	return store.ErrExists // it was taken when it was asked for
}

// remove removes an object.
func (c *client) remove(ctx context.Context, key string) error {
	return c.try(ctx, func(a attempt) error {
		err := c.core.RemoveObject(a.ctx, c.bucket, key, minio.RemoveObjectOptions{})
		if answer, ok := answered(err); ok && answer.Code == minio.NoSuchKey {
			return nil
		}
		return err
	})
}

// list calls found for each object whose key begins with a prefix. A page that fails is asked for again, and not what was before it.
func (c *client) list(ctx context.Context, prefix string, found func(minio.ObjectInfo)) error {
	after := ""
	return c.try(ctx, func(a attempt) error {
		noOwner := false
		o := minio.ListObjectsOptions{Prefix: prefix, Recursive: true, StartAfter: after, FetchOwner: &noOwner}
		for object := range c.core.ListObjectsIter(a.ctx, c.bucket, o) {
			if object.Err != nil {
				return object.Err
			}
			a.dog.wake()
			after = object.Key
			found(object)
		}
		return a.ctx.Err()
	})
}

// uploads are the uploads below a prefix that were begun, and neither completed nor aborted.
func (c *client) uploads(ctx context.Context, prefix string) ([]minio.ObjectMultipartInfo, error) {
	var all []minio.ObjectMultipartInfo
	for key, id, more := "", "", true; more; {
		var page minio.ListMultipartUploadsResult
		err := c.try(ctx, func(a attempt) (err error) {
			page, err = c.core.ListMultipartUploads(a.ctx, c.bucket, prefix, key, id, "", 1000)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Uploads...)
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
		more = page.IsTruncated && key != ""
	}
	return all, nil
}

// left is what an upload has come to, nil if it is this process's own or has ended meanwhile.
func (c *client) left(ctx context.Context, u minio.ObjectMultipartInfo) (*store.Temporary, error) {
	c.mu.Lock()
	own := c.own[u.UploadID]
	c.mu.Unlock()
	if own {
		return nil, nil
	}
	left := &store.Temporary{Modified: u.Initiated}
	for marker, more := 0, true; more; {
		var page minio.ListObjectPartsResult
		err := c.try(ctx, func(a attempt) (err error) {
			page, err = c.core.ListObjectParts(a.ctx, c.bucket, u.Key, u.UploadID, marker, 1000)
			return err
		})
		switch {
		case isGone(err):
			return nil, nil
		case err != nil:
			return nil, err
		}
		for _, part := range page.ObjectParts {
			left.Bytes += part.Size
			if part.LastModified.After(left.Modified) {
				left.Modified = part.LastModified
			}
		}
		marker = page.NextPartNumberMarker
		more = page.IsTruncated && marker > 0
	}
	return left, nil
}

// abortIf removes an upload if it is stale.
func (c *client) abortIf(ctx context.Context, u minio.ObjectMultipartInfo, stale func(store.Temporary) bool) (bool, error) {
	left, err := c.left(ctx, u)
	if err != nil || left == nil || !stale(*left) {
		return false, err
	}
	return true, c.abort(ctx, u.Key, u.UploadID)
}

// abort removes an upload and its parts.
func (c *client) abort(ctx context.Context, key, upload string) error {
	err := c.try(ctx, func(a attempt) error { return c.core.AbortMultipartUpload(a.ctx, c.bucket, key, upload) })
	if isGone(err) {
		return nil
	}
	return err
}

// owns notes an upload as this process's, or that it is no more.
func (c *client) owns(upload string, yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if yes {
		c.own[upload] = true
	} else {
		delete(c.own, upload)
	}
}

var errNoKeys = errors.New("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or name a profile " +
	"in the place (profile=…), or run where the machine has a role")
