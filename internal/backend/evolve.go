package backend

import (
	"errors"
	"fmt"

	"leat.dev/leat/codec"
)

// CanRead says whether a state takes over one that a snapshot describes; an error says why it can't.
func (s State) CanRead(was State) error {
	switch {
	case was.Kind != s.Kind || was.Time != s.Time:
		return fmt.Errorf("its kind was %s and is %s", was.KindText(), s.KindText())
	case s.Reads != nil:
		return s.Reads(was)
	case was.Item.Fingerprint != s.Item.Fingerprint:
		return errors.New("its items have another schema")
	case was.Value.Fingerprint != s.Value.Fingerprint:
		return errors.New("its values have another schema")
	}
	return nil
}

// OneAKey says that a key has one entry at most.
func (s State) OneAKey() bool {
	switch s.Kind {
	case Value, Reducing, Aggregating, Timer:
		return true
	}
	return false
}

// KindText is the kind, of timers with their time.
func (s State) KindText() string {
	if s.Time == "" || s.Kind != Timer && s.Kind != Timers {
		return string(s.Kind)
	}
	return s.Time + " " + string(s.Kind)
}

// ReadsValues is Reads of states whose values are encoded by c.
func ReadsValues[V any](c codec.Codec[V]) func(was State) error {
	return func(was State) error {
		_, err := codec.ReaderOf(c, was.Value)
		return within("values", err)
	}
}

// ReadsEntries is Reads of states whose items and values are encoded by two codecs.
func ReadsEntries[A, V any](item codec.Codec[A], value codec.Codec[V]) func(was State) error {
	values := ReadsValues(value)
	return func(was State) error {
		_, err := codec.ReaderOf(item, was.Item)
		return errors.Join(within("items", err), values(was))
	}
}

// within names the part that can't be read. The schemas are shown by who has the whole picture.
func within(part string, err error) error {
	if err == nil {
		return nil
	}
	var schemas *codec.SchemaError
	if errors.As(err, &schemas) {
		if err = schemas.Cause; err == nil {
			err = errors.New("the codec reads only its own schema")
		}
	}
	return fmt.Errorf("%s: %w", part, err)
}

// Reading is how entries of a snapshot are read: by the state's codec or, if an older schema wrote them, by what resolves
// that one.
type Reading[V any] struct {
	Codec codec.Codec[V]
	wrote string // the fingerprint of the schema that decode reads; "" before the first Use
	// Decode reads what the schema given to Use wrote.
	Decode func(from []byte) (V, error)
}

// Use prepares to read what a schema wrote. It resolves a schema once, however often it is called in a row.
func (r *Reading[V]) Use(wrote codec.Schema) error {
	if r.Decode != nil && r.wrote == wrote.Fingerprint {
		return nil
	}
	decode, err := codec.ReaderOf(r.Codec, wrote)
	if err == nil {
		r.wrote, r.Decode = wrote.Fingerprint, decode
	}
	return err
}
