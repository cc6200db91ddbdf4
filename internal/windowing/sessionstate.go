package windowing

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

func compareTimes(a, b int64) int { return cmp.Compare(a, b) }

// encodeSession writes a session's value: its length, panes<<1 | fired, the accumulator. Its start is the item.
func (o *sessions[K, A]) encodeSession(to []byte, s *session[K, A]) ([]byte, error) {
	to = binary.AppendUvarint(to, uint64(s.end-s.start))
	flags := uint64(s.panes) << 1
	if s.fired {
		flags |= 1
	}
	return o.encode(binary.AppendUvarint(to, flags), &s.acc)
}

// decodeSession reads what encodeSession wrote.
func (o *sessions[K, A]) decodeSession(s *session[K, A], value []byte) error {
	length, n := binary.Uvarint(value)
	if n <= 0 || length == 0 || length > math.MaxInt64 || s.start > o.spans.most-int64(length)+o.spans.size {
		return fmt.Errorf("a session's length: %w", codec.ErrCorrupt)
	}
	flags, m := binary.Uvarint(value[n:])
	if m <= 0 || flags>>1 > math.MaxUint32 {
		return fmt.Errorf("a session's number of panes: %w", codec.ErrCorrupt)
	}
	s.end, s.panes, s.fired = s.start+int64(length), uint32(flags>>1), flags&1 != 0
	acc, err := o.reads.Decode(value[n+m:])
	s.acc = acc
	return err
}

// States are the sessions.
func (o *sessions[K, A]) States() []backend.State {
	return []backend.State{o.accumulators(sessionsState, backend.Sessions, codec.Opaque("start of a session"))}
}

// Snapshot freezes the sessions.
func (o *sessions[K, A]) Snapshot(backend.Request) backend.Snapshot {
	ticket := o.space.Freeze()
	rows := &frozen[session[K, A]]{rows: o.rows.Freeze(ticket), n: int(o.n)}
	o.family.Trim()
	s := &snapshot{ticket: ticket}
	s.dumps = append(s.dumps, &dump[session[K, A]]{
		state: sessionsState, tables: []*frozen[session[K, A]]{rows},
		max: o.Max, from: o.From, groups: o.To - o.From, refs: o.refs,
		hash:  func(r *session[K, A]) uint64 { return r.hash },
		key:   func(to []byte, r *session[K, A]) []byte { return o.Keys.Append(to, r.key) },
		item:  func(to []byte, _ *frozen[session[K, A]], r *session[K, A]) []byte { return appendTime(to, r.start) },
		value: o.encodeSession,
	})
	return s
}

// Restore reads the sessions.
func (o *sessions[K, A]) Restore(was backend.State, state string, group int, r backend.Reader) error {
	if state != sessionsState {
		return fmt.Errorf("state %s: %v have none of this name", state, o.spans.spec)
	}
	if err := o.expect(was, o.States()[0]); err != nil {
		return fmt.Errorf("state %s: %w", state, err)
	}
	return o.entries(state, group, r, o.restoreSession)
}

func (o *sessions[K, A]) restoreSession(hash uint64, key K, at int64, value []byte) error {
	s := session[K, A]{start: at}
	if at < o.spans.least || at > o.spans.most {
		return fmt.Errorf("a session from %d on: %w", at, codec.ErrCorrupt)
	}
	if err := o.decodeSession(&s, value); err != nil {
		return err
	}
	if o.find(hash, key, s.start, s.end); len(o.touch) > 0 {
		return fmt.Errorf("two sessions touch at %d: %w", at, codec.ErrCorrupt)
	}
	row := o.open(hash, key, s.start, s.end)
	to := o.rows.Ref(row)
	to.acc, to.panes, to.fired = s.acc, s.panes, s.fired
	o.arm(row, to)
	return nil
}
