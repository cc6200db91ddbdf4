// Package s3 is a store in object storage that speaks S3: a bucket of Amazon's, or of any server with conditional writes. Who links it
// can name such a store by a place as s3://bucket/prefix; docs/object-storage.md has the settings.
//
//	piece         an object of the name, below the prefix
//	Put           PUT, If-None-Match: *
//	Create, Close as Put while it fits into one part; else parts, and a completion with If-None-Match: *
//	Open, ReadAt  GET of ranges, all of one ETag
package s3

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"leat.dev/leat/internal/failpoint"
	"leat.dev/leat/internal/store"
)

func init() { store.Register("s3", "s3://BUCKET/PREFIX, settings behind a question mark", Locate) }

// Store is a store below a prefix of a bucket. Stores with the same settings share connections and limits.
type Store struct {
	client *client
	prefix string // of all keys: empty, or with a slash at its end
}

// Locate finds the store at a place as s3://bucket/prefix?setting=value. It asks nobody: what is wrong with endpoint, bucket or
// credentials shows when something is done.
func Locate(place string) (store.Store, error) {
	c, prefix, err := parse(place)
	if err != nil {
		return nil, err
	}
	shared, err := clientOf(c)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", c.name(prefix), err)
	}
	return &Store{shared, prefix}, nil
}

// String names the store as errors do: with the endpoint, and without settings.
func (s *Store) String() string { return "store " + s.client.name(s.prefix) }

// Location tells it from other places, however it is reached.
func (s *Store) Location() string { return s.client.name(s.prefix) }

// key is the object of a name.
func (s *Store) key(name string) (string, error) {
	key := s.prefix + name
	if len(key) > maxKeyBytes {
		return "", fmt.Errorf("%q is %w: with the store's prefix it has %d bytes, of %d that object storage takes: give the store a shorter one",
			name, store.ErrName, len(key), maxKeyBytes)
	}
	return key, nil
}

// maxKeyBytes is how long an object's name may be.
const maxKeyBytes = 1024

// check refuses what no store takes on, and makes the object's name.
func (s *Store) check(ctx context.Context, name string) (string, error) {
	if err := store.Check(ctx, name); err != nil {
		return "", err
	}
	return s.key(name)
}

// Put writes a piece.
func (s *Store) Put(ctx context.Context, name string, data []byte) error {
	if int64(len(data)) > s.client.part {
		return s.putLarge(ctx, name, data)
	}
	key, err := s.check(ctx, name)
	if err == nil {
		err = s.put(ctx, key, data, newWrite())
	}
	if err != nil {
		return s.explain("put", name, err)
	}
	return nil
}

// putLarge writes in parts, so that a connection that breaks costs one of them.
func (s *Store) putLarge(ctx context.Context, name string, data []byte) error {
	w, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	_, _ = w.Write(data) // Close returns its error
	return w.Close()
}

// List lists names.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := s.list(ctx, prefix)
	if err != nil {
		return nil, s.explain("list", prefix, err)
	}
	return names, nil
}

func (s *Store) list(ctx context.Context, prefix string) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := store.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	var names []string
	err := s.client.list(ctx, s.prefix+prefix, func(o minio.ObjectInfo) {
		if name := strings.TrimPrefix(o.Key, s.prefix); store.CheckName(name) == nil { // others put marks of folders there
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// Delete removes a piece.
func (s *Store) Delete(ctx context.Context, name string) error {
	key, err := s.check(ctx, name)
	if err == nil {
		err = s.client.remove(ctx, key)
	}
	if err != nil {
		return s.explain("delete", name, err)
	}
	failpoint.Hit(failpoint.StoreRemoved)
	return nil
}

// Sweep removes parts of uploads that nobody completes, and what checks of the server have left. In a bucket without a prefix it removes
// nothing: whose uploads these are can't be known.
func (s *Store) Sweep(ctx context.Context, stale func(store.Temporary) bool) (int, error) {
	removed, err := s.sweep(ctx, stale)
	if err != nil {
		return removed, s.explain("sweep", path.Base(s.prefix), err)
	}
	return removed, nil
}

func (s *Store) sweep(ctx context.Context, stale func(store.Temporary) bool) (removed int, err error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if s.prefix == "" {
		return 0, nil
	}
	uploads, err := s.client.uploads(ctx, s.prefix)
	if err != nil {
		return 0, err
	}
	for _, u := range uploads {
		done, err := s.client.abortIf(ctx, u, stale)
		if err != nil {
			return removed, err
		}
		if done {
			removed++
		}
	}
	var probes []string
	err = s.client.list(ctx, s.prefix+probeName, func(o minio.ObjectInfo) {
		if stale(store.Temporary{Modified: o.LastModified, Bytes: o.Size}) {
			probes = append(probes, o.Key)
		}
	})
	for _, key := range probes {
		err = errors.Join(err, s.client.remove(ctx, key))
		removed++
	}
	return removed, err
}
