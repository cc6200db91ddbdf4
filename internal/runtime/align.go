package runtime

import (
	"slices"

	"leat.dev/leat/internal/exchange"
)

// alignment is the barrier at hand: channels on which it has come wait until it has come on all others.
type alignment struct {
	id      int64 // of the checkpoint; 0: none
	done    int64 // the last one that was aligned; older barriers mean nothing any more
	blocked []bool
	ended   []bool
	stash   []exchange.Message // what came on blocked channels: bounded by their credit
}

func newAlignment(channels int) *alignment {
	return &alignment{blocked: make([]bool, channels), ended: make([]bool, channels)}
}

// holds says whether a message has to wait, and keeps it if so.
func (a *alignment) holds(m exchange.Message) bool {
	if a.id == 0 || !a.blocked[m.Channel.Index] {
		return false
	}
	a.stash = append(a.stash, m)
	return true
}

// passes says whether a message may be taken while timers and windows fire: a barrier, an end, and what would only have
// to wait.
func (a *alignment) passes(m exchange.Message) bool {
	return m.Kind == exchange.Barrier || m.Kind == exchange.End || a.id != 0 && a.blocked[m.Channel.Index]
}

// supersedes says whether a barrier is newer than the one at hand, which was given up then.
func (a *alignment) supersedes(id int64) bool { return a.id != 0 && id > a.id }

// barrier takes a barrier and says whether it is aligned now.
func (a *alignment) barrier(channel int, id int64) bool {
	if id < a.id || id <= a.done {
		return false
	}
	a.id = id
	a.blocked[channel] = true
	return a.aligned()
}

// end takes the end of a channel, which no barrier will come on, and says whether a barrier is aligned by it.
func (a *alignment) end(channel int) bool {
	a.ended[channel] = true
	return a.id != 0 && a.aligned()
}

// allEnded says whether nothing more comes on any channel.
func (a *alignment) allEnded() bool { return !slices.Contains(a.ended, false) }

func (a *alignment) aligned() bool {
	for i := range a.blocked {
		if !a.blocked[i] && !a.ended[i] {
			return false
		}
	}
	return true
}

// release ends the alignment and returns what had to wait, in order.
func (a *alignment) release() []exchange.Message {
	clear(a.blocked)
	stash := a.stash
	a.done, a.id, a.stash = max(a.done, a.id), 0, nil
	return stash
}
