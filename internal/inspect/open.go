package inspect

import (
	"context"

	"leat.dev/leat/internal/checkpoint"
)

// Open opens the snapshot at a place: the folder of a savepoint, the manifest file of a checkpoint, or a store with one job,
// whose newest it then is.
func Open(ctx context.Context, place string) (*Snapshot, error) {
	s, err := checkpoint.Open(ctx, place)
	if err != nil {
		return nil, err
	}
	return Of(s), nil
}
