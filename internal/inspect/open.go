package inspect

import (
	"context"
	"fmt"

	"leat.dev/leat/internal/checkpoint"
	"leat.dev/leat/internal/store"
)

// Open opens the snapshot at a place: the folder of a savepoint, the manifest file of a checkpoint, or a store with one job,
// whose newest it then is.
func Open(ctx context.Context, place string) (*Snapshot, error) {
	s, err := store.Locate(place)
	if err != nil {
		return nil, err
	}
	names, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if i := indexOf(n); i > 0 {
			found, _, err := checkpoint.Newest(ctx, s, n[:i])
			if err != nil {
				return nil, err
			}
			return Of(found), nil
		}
	}
	return nil, fmt.Errorf("%s: no snapshot", place)
}

func indexOf(n string) int {
	for i := range n {
		if n[i] == '/' {
			return i
		}
	}
	return -1
}
