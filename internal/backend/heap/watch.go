package heap

import (
	"bytes"
	"fmt"
)

// watchCount bounds how many values a batch are watched.
const watchCount = 256

// watch finds, with -tags invariants, values that were got and then changed, though only Ref allows that: it encodes
// a value when it is got and once more at the end of the batch.
type watch[V any] struct {
	seen []watched[V]
}

type watched[V any] struct {
	place uint64
	value V
	bytes []byte
}

func (w *watch[V]) got(v *Value[V], place uint64, p *V) {
	if !v.core.owner.live(int(place>>32), uint32(place)) {
		panic(fmt.Sprintf("state %q: a row is read after it was freed", v.info.Name))
	}
	if !v.fam.refs || len(w.seen) == watchCount {
		return
	}
	if b, err := v.fam.encode(nil, p); err == nil {
		w.seen = append(w.seen, watched[V]{place, *p, b})
	}
}

// forget ends the watch over a row: its value may be changed now.
func (w *watch[V]) forget(place uint64) {
	for i := range w.seen {
		if w.seen[i].place == place {
			w.seen[i].bytes = nil
		}
	}
}

func (w *watch[V]) check(v *Value[V]) {
	for _, s := range w.seen {
		if s.bytes == nil {
			continue
		}
		if b, err := v.fam.encode(nil, &s.value); err != nil || !bytes.Equal(b, s.bytes) {
			panic(fmt.Sprintf("state %q: a value was got with Get and then changed in place: use Ref, or Set a changed copy",
				v.info.Name))
		}
	}
	w.seen = w.seen[:0]
}
