package hashlog

import (
	"errors"
	"fmt"

	"leat.dev/leat/internal/backend"
)

// A DamageError says that bytes of a segment are not those that were written: nothing of them is used. What was in the segment
// can be had again from a snapshot.
type DamageError struct {
	File   string // name of the segment, or the path of its file
	Offset int64  // where in the file the damaged part begins
	What   string // what is wrong with it
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("segment %s is damaged at byte %d: %s; restore from a snapshot, and check the disk", e.File, e.Offset, e.What)
}

// Unwrap has errors.Is know it as damage.
func (e *DamageError) Unwrap() error { return backend.ErrDamaged }

// A TooLongError says that a key and its value are longer than MaxRecordBytes.
type TooLongError struct{ Bytes int64 }

func (e *TooLongError) Error() string {
	return fmt.Sprintf("a key and its value have %d bytes, more than the %d that one record may have: spread the value over several keys",
		e.Bytes, int64(MaxRecordBytes))
}

// A TakenError says that another process, or another Log of this one, has the folder.
type TakenError struct{ Dir string }

func (e *TakenError) Error() string {
	return fmt.Sprintf("folder %s is in use by another process: give each process one of its own", e.Dir)
}

var (
	errFull    = errors.New("a table has no more than 1 TiB of segments: raise the parallelism")
	errAborted = errors.New("the draft was aborted")
)
