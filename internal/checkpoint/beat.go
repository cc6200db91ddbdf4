package checkpoint

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"leat.dev/leat/internal/store"
)

// Signs of life of the process that runs a job, for those that stand by: one piece at a time, of a new name each time.
func beatFolder(job string) string { return url.PathEscape(job) + "/lease/" }

func beatName(job string, epoch, beat int64) string {
	return fmt.Sprintf("%s%010d-%010d", beatFolder(job), epoch, beat)
}

// Beat gives the sign of life with a number, and takes earlier ones away. ErrFenced says that another attempt has claimed the
// job since.
func Beat(ctx context.Context, s store.Store, job string, epoch, beat int64) error {
	if err := current(ctx, s, job, epoch); err != nil {
		return err
	}
	name := beatName(job, epoch, beat)
	if err := s.Put(ctx, name, nil); err != nil {
		return err
	}
	names, err := s.List(ctx, beatFolder(job))
	if err != nil {
		return err
	}
	for _, old := range names {
		if old < name {
			if err := s.Delete(ctx, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// LastBeat is the newest sign of life, "" for none.
func LastBeat(ctx context.Context, s store.Store, job string) (string, error) {
	names, err := s.List(ctx, beatFolder(job))
	if err != nil || len(names) == 0 {
		return "", err
	}
	return slices.Max(names), nil
}

// EndBeats takes away an attempt's signs of life.
func EndBeats(ctx context.Context, s store.Store, job string, epoch int64) error {
	names, err := s.List(ctx, beatFolder(job))
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(name, fmt.Sprintf("%s%010d-", beatFolder(job), epoch)) {
			if err := s.Delete(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}
