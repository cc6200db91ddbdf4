// Package eventtime has watermarks: how they are generated for each split of a source and merged where streams meet.
package eventtime

import "leat.dev/leat/internal/flow"

// Merge is the watermark of several channels: the least of those that are neither idle nor finished. A channel has
// finished when its watermark is the end of time, or when End says so. Finished is not idle: when every channel has
// finished, the watermark is the last one that they agreed on; when every channel that is left is idle, the merge is
// idle itself.
type Merge struct {
	at      []int64
	idle    []bool
	ended   []bool
	current int64
	allIdle bool
}

// NewMerge makes a merge of n channels, at a floor below which it never falls.
func NewMerge(n int, floor int64) *Merge {
	m := &Merge{at: make([]int64, n), idle: make([]bool, n), ended: make([]bool, n), current: floor}
	for i := range m.at {
		m.at[i] = flow.NoTime
	}
	return m
}

// Current is the merged watermark.
func (m *Merge) Current() int64 { return m.current }

// Idle says whether all channels that have not finished are idle.
func (m *Merge) Idle() bool { return m.allIdle }

// Advance takes a channel's watermark and says whether the merged one has moved. A watermark ends idleness.
func (m *Merge) Advance(channel int, at int64) bool {
	m.at[channel] = max(m.at[channel], at)
	m.idle[channel] = false
	return m.settle()
}

// SetIdle takes a channel out of the merge, or in again, and says whether the merged watermark has moved.
func (m *Merge) SetIdle(channel int, idle bool) bool {
	m.idle[channel] = idle
	return m.settle()
}

// End takes a channel out for good, and says whether the merged watermark has moved.
func (m *Merge) End(channel int) bool {
	m.ended[channel] = true
	return m.settle()
}

// Finished says whether a channel is out for good.
func (m *Merge) Finished(channel int) bool {
	return m.ended[channel] || m.at[channel] == flow.EndTime
}

func (m *Merge) settle() bool {
	least, live, active := flow.EndTime, false, false
	for i, at := range m.at {
		switch {
		case m.Finished(i):
		case m.idle[i]:
			live = true
		default:
			live, active = true, true
			least = min(least, at)
		}
	}
	m.allIdle = live && !active
	if !live { // all have finished: with the end of time if they were drained
		least = m.leastEnd()
	} else if !active {
		return false
	}
	if least <= m.current {
		return false
	}
	m.current = least
	return true
}

// leastEnd is the least of the last watermarks of all channels.
func (m *Merge) leastEnd() int64 {
	least := flow.EndTime
	for _, at := range m.at {
		least = min(least, at)
	}
	return least
}
