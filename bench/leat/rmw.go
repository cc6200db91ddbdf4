package main

import (
	"encoding/binary"

	"leat.dev/leat"
	"leat.dev/leat/bench/kit"
)

// payload is a value of W6: an 8-byte counter, then bytes that do not compress.
type payload [100]byte

// fillPayload makes a key's first value.
func fillPayload(v *payload, k uint64) {
	h := k
	for i := 8; i < len(v); i++ {
		v[i] = byte(h)
		h = h>>8 | h<<56
		if i&7 == 7 {
			h = kit.Mix(h)
		}
	}
}

// readModifyWrite is W6: a counter in a value of 100 bytes a key, a result an event.
func (b *bench) readModifyWrite(job *leat.Job) {
	job.From("gen", b.keys()).
		KeyBy(func(k uint64) uint64 { return k }).
		Process("count", func(op *leat.Operator[uint64, count]) func(uint64) error {
			values := op.Value[payload]("value")
			return func(k uint64) error {
				fresh := !values.Has()
				v := values.Ref()
				if fresh {
					fillPayload(v, k)
				}
				x := binary.LittleEndian.Uint64(v[:]) + 1
				binary.LittleEndian.PutUint64(v[:], x)
				op.Emit(count{k, int64(x)})
				return nil
			}
		}).
		To("sum", counting(b, func(c count) int64 { return c.N }))
}
