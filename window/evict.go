package window

import (
	"fmt"
	"time"
)

// Evictor drops records of a window before its aggregator sees them: each time before the window fires, and for good. A window
// with an evictor keeps its records, with their times, in place of one accumulator. See [KeepLast] and [KeepFor].
type Evictor struct{ is Eviction }

// KeepLast keeps the n records that came last. N is at least 1.
func KeepLast(n int) Evictor { return Evictor{Eviction{Kind: ByNumber, Last: n}} }

// KeepFor keeps the records whose event time is at most d before that of the newest in the window. D is not negative. A record
// without event time fails the job.
func KeepFor(d time.Duration) Evictor { return Evictor{Eviction{Kind: ByAge, For: d}} }

// Eviction is an evictor as the engine sees it.
type Eviction struct {
	Kind EvictionKind
	Last int
	For  time.Duration
}

// EvictionKind is a kind of evictor, for the engine.
type EvictionKind uint8

// The kinds.
const (
	KeepAll EvictionKind = iota
	ByNumber
	ByAge
)

// EvictionOf is what an evictor says, for the engine.
func EvictionOf(e Evictor) Eviction { return e.is }

// Validate returns what is wrong with the evictor, or nil. It is called when the job is planned.
func (e Eviction) Validate() error {
	switch {
	case e.Kind == ByNumber && e.Last < 1:
		return fmt.Errorf("window.KeepLast(%d): a window that keeps no record has no result; keep at least 1", e.Last)
	case e.Kind == ByAge && e.For < 0:
		return fmt.Errorf("window.KeepFor(%v): the age must not be negative", e.For)
	}
	return nil
}

// String describes the evictor as the plan shows it.
func (e Eviction) String() string {
	switch e.Kind {
	case ByNumber:
		return fmt.Sprintf("keeps the last %d records", e.Last)
	case ByAge:
		return fmt.Sprintf("keeps records for %v", e.For)
	}
	return "keeps all records"
}
