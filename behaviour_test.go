package leat_test

import (
	"encoding/binary"
	"fmt"

	"leat.dev/leat/codec"
)

// flipped is a codec of one's own, which no derived one reads.
var flipped = codec.Of("flipped/1",
	func(to []byte, v int64) ([]byte, error) { return binary.BigEndian.AppendUint64(to, uint64(^v)), nil },
	func(from []byte) (int64, error) {
		if len(from) != 8 {
			return 0, fmt.Errorf("%d bytes in place of 8", len(from))
		}
		return ^int64(binary.BigEndian.Uint64(from)), nil
	})
