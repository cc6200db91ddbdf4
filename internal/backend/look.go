package backend

import (
	"reflect"

	"leat.dev/leat/codec"
)

// Held is an entry that a key has in a state: the item, of states with items, and the value, both as a snapshot has them.
type Held struct{ Item, Value []byte }

// Readable is what a Keyed may offer beside: what a key has at this moment, for whoever looks into a running job. A Keyed without
// can be looked at in snapshots only.
type Readable interface {
	// Look calls f for each entry that a key has in a state, as a snapshot of this moment would have them: in order of a
	// list's elements and of ordered items. Key is the key's canonical bytes; it is of a key group of the Keyed's. Item is nil, or what
	// encodes the one item that is asked for. It is called on the subtask's loop, between batches, and changes nothing. What
	// f is given is its to keep; an error of f ends Look, which returns it.
	Look(state string, key, item []byte, f func(Held) error) error
}

// Boxed reads values of a type that only whoever made it knows.
type Boxed struct {
	Type reflect.Type
	// Reader returns what reads values that a schema wrote: they are of Type. It is used by several goroutines at once, and
	// what it returns is not.
	Reader func(wrote codec.Schema) (func(from []byte) (any, error), error)
}

// BoxedBy is what reads the values that a codec writes, and those of older schemas that it resolves.
func BoxedBy[V any](c codec.Codec[V]) *Boxed {
	return &Boxed{reflect.TypeFor[V](), func(wrote codec.Schema) (func([]byte) (any, error), error) {
		read, err := codec.ReaderOf(c, wrote)
		if err != nil {
			return nil, err
		}
		return func(from []byte) (any, error) { return read(from) }, nil
	}}
}
