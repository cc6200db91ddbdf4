package state

import (
	"errors"
	"fmt"
	"reflect"

	"leat.dev/leat/codec"
)

// Option is an option of one state: [Codec], [Was], [Migrate], [PerWindow], [TTL].
type Option interface{ stateOption() }

type codecOption[V any] struct{ c codec.Codec[V] }

func (codecOption[V]) stateOption()            {}
func (o codecOption[V]) encodes() reflect.Type { return reflect.TypeFor[V]() }

// Codec encodes the state's values with c, in place of a derived codec. For a [Map] or [Ordered] these are the values,
// not the keys; for a [Running], its accumulators.
func Codec[V any](c codec.Codec[V]) Option { return codecOption[V]{c} }

type wasOption []string

func (wasOption) stateOption() {}

// Was says what the state was called in earlier versions of the job: it takes over what a snapshot has under one of
// these names, if the snapshot has nothing under its own. A name that another state of the operator has, now or before, is
// refused. It can be left out again once no snapshot is restored any more that has the old name.
func Was(names ...string) Option { return wasOption(names) }

// NamesBefore is for the engine: the names that options give with [Was].
func NamesBefore(opts []Option) (names []string) {
	for _, o := range opts {
		if was, ok := o.(wasOption); ok {
			names = append(names, was...)
		}
	}
	return names
}

// CodecOf is for the engine: it returns the codec for values of type V that options give, or else the one derived with
// the set. With [Migrate] it also resolves what the older types wrote. A codec for another type, a second one, a nil one,
// a migration to another type or from one that can't be encoded are errors.
func CodecOf[V any](set *codec.Set, opts []Option) (codec.Codec[V], error) {
	c, err := givenCodec[V](opts)
	if c == nil && err == nil {
		c, err = codec.Derive[V](set)
	}
	if err != nil {
		return nil, err
	}
	olds, err := migrations(reflect.TypeFor[V](), set, opts)
	if err != nil || len(olds) == 0 {
		return c, err
	}
	return olds[0].extend(c, olds).(codec.Codec[V]), nil
}

func givenCodec[V any](opts []Option) (found codec.Codec[V], err error) {
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
			return nil, errors.New("state.Codec is nil")
		case found != nil:
			return nil, errors.New("state.Codec is given twice")
		}
		found = c.c
	}
	if found == nil {
		return nil, nil
	}
	return found, codec.Check(found)
}

// CheckTimer is for the engine: timers hold times, and take no option but [Was].
func CheckTimer(opts []Option) error {
	for _, o := range opts {
		if _, ok := o.(wasOption); !ok {
			return errors.New("a timer holds times: of the options of states it takes only state.Was")
		}
	}
	return nil
}
