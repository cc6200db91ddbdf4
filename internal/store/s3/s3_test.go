package s3

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"path"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"leat.dev/leat/internal/store"
	"leat.dev/leat/internal/store/s3/s3test"
	"leat.dev/leat/internal/store/storetest"
)

// What fails is tried again at once.
func init() { minio.DefaultRetryUnit = time.Millisecond }

// serial tells the places of tests apart.
var serial atomic.Int64

// serve starts a server of its own, and has credentials for it in the environment.
func serve(t *testing.T) (*s3test.Server, string) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testtest")
	t.Setenv("AWS_REGION", "us-east-1")
	server := s3test.New("bucket")
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return server, "s3://bucket/some/place?endpoint=" + listening.URL
}

// at is a store with small parts that does not wait between tries, and says how long it would have.
func at(t *testing.T, place string) (*Store, *[]time.Duration) {
	t.Helper()
	c, prefix, err := parse(place)
	if err != nil {
		t.Fatal(err)
	}
	own, err := newClient(c)
	if err != nil {
		t.Fatal(err)
	}
	pauses, now := &[]time.Duration{}, time.Unix(0, 0)
	var mu sync.Mutex // guards both
	own.now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	own.sleep = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		*pauses, now = append(*pauses, d), now.Add(d)
		return ctx.Err()
	}
	own.random = func() float64 { return 0.5 }
	own.part = 64 << 10
	return &Store{own, prefix}, pauses
}

func TestStore(t *testing.T) {
	server, place := serve(t)
	server.PageSize = 2
	storetest.Test(t, func(t *testing.T) store.Store {
		return fresh(t, place+"&part=5MiB")
	})
}

// fresh is a store in a place of its own.
func fresh(t *testing.T, place string) store.Store {
	t.Helper()
	s, err := store.Locate(store.Below(place, fmt.Sprintf("%s-%d-%s", path.Base(t.Name()), serial.Add(1), rand.Text())))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
