package state

import (
	"fmt"
	"reflect"

	"leat.dev/leat/codec"
)

// Option is an option of one state: [Codec].
type Option interface{ stateOption() }

type codecOption[V any] struct{ c codec.Codec[V] }

func (codecOption[V]) stateOption()            {}
func (o codecOption[V]) encodes() reflect.Type { return reflect.TypeFor[V]() }

// Codec encodes the state's values with c, in place of a derived codec. For a [Map] or [Ordered] these are the values,
// not the keys; for a [Running], its accumulators.
func Codec[V any](c codec.Codec[V]) Option { return codecOption[V]{c} }

// CodecOf is for the engine: it returns the codec that options give for values of type V, or nil. A codec for another
// type, a second one, and a nil one are errors.
func CodecOf[V any](opts []Option) (found codec.Codec[V], err error) {
	for _, o := range opts {
		typed, ok := o.(interface{ encodes() reflect.Type })
		if !ok {
			continue
		}
		c, ok := o.(codecOption[V])
		switch {
		case !ok:
			return nil, fmt.Errorf("state.Codec is for values of type %v, but the state holds %v",
				typed.encodes(), reflect.TypeFor[V]())
		case c.c == nil:
			return nil, fmt.Errorf("state.Codec is nil")
		case found != nil:
			return nil, fmt.Errorf("state.Codec is given twice")
		}
		found = c.c
	}
	return found, nil
}
