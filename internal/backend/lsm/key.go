package lsm

import (
	"encoding/binary"
	"errors"

	"leat.dev/leat/internal/keygroup"
)

// A record's key is that of its row behind its key group, a u16, big endian: a key group is one piece, and keys of a group that are
// alike lie together.

const groupBytes = 2

func appendKey(to []byte, group int, key []byte) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(group)), key...)
}

// bound is the least key of a key group.
func bound(group int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(group)) }

var errKey = errors.New("a key is shorter than any that was written")

// scan goes through the records of key groups from up to, without, to.
func scan(e Engine, from, to int, f func(hash uint64, key, value []byte) error) error {
	return e.Scan(bound(from), bound(to), func(key, value []byte) error {
		if len(key) < groupBytes {
			return errKey
		}
		key = key[groupBytes:]
		return f(keygroup.HashBytes(key), key, value)
	})
}
