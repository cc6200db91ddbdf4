package state

import (
	"errors"
	"fmt"
	"time"

	"leat.dev/leat/internal/backend"
)

// TTL, time to live, forgets values some time after they were written, and gives their memory back: of keys that never come
// again too. It is an [Option] of Value, List, Map, Ordered, Reducing and Aggregating of operators with keys. A [Map] and an [Ordered]
// forget entry by entry, and a [List] element by element.
//
//	seen := op.Value[bool]("seen", state.TTL{After: 24 * time.Hour})
//
// What was written at a time t is there for all that reads it before t+After, and for nothing that reads it at t+After or later.
// In event time, the default, the time of a write or read is that of the record or timer at hand, or the watermark, if that has
// passed it: so a late record's write lives for After from the watermark on. A write never makes the time of the last one earlier, and
// an element of a list counts as written no earlier than those before it. What a record sees therefore depends on times and on
// watermarks alone, and not on when memory is freed, on the parallelism, or on restores. In an operator that knows neither a time
// of its records nor a watermark, nothing expires in event time.
//
// It may be added to a state, changed and taken away between versions of a job: what a snapshot has without, or by the other
// time, counts as written when the job is restored (in event time, at the watermark of the snapshot).
type TTL struct {
	// After is how long a value lives after its last write. It is positive.
	After time.Duration
	// OnRead says that reading a value, Has included, counts as writing it: it makes reads as dear as writes. Of a List, All counts for
	// all its elements, and Len and Has for none.
	OnRead bool
	// ProcessingTime goes by the clock, as it was when the batch began, in place of event time.
	ProcessingTime bool
	// Visible lets a value be read after its time, until it is freed: how long that is depends on what else the job does.
	Visible bool
}

func (TTL) stateOption() {}

// TTLOf is for the engine: the [TTL] that options give, as a snapshot describes it, or nil.
func TTLOf(opts []Option) (found *backend.TTL, err error) {
	for _, o := range opts {
		ttl, ok := o.(TTL)
		switch {
		case !ok:
			continue
		case found != nil:
			return nil, errors.New("state.TTL is given twice")
		case ttl.After <= 0:
			return nil, fmt.Errorf("state.TTL: After is %v, and must be positive", ttl.After)
		}
		found = &backend.TTL{After: ttl.After, Time: backend.EventTime, OnRead: ttl.OnRead, Visible: ttl.Visible}
		if ttl.ProcessingTime {
			found.Time = backend.ProcessingTime
		}
	}
	return found, nil
}
