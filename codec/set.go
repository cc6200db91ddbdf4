package codec

import (
	"fmt"
	"reflect"
	"unsafe"
)

// Set is the codecs that a job was given for particular types. Derived codecs use them for nested fields too. A nil
// set is an empty one. It is filled while the job is built and must not change afterwards.
type Set struct {
	of map[reflect.Type]*custom
}

// custom is a codec without its type parameter, for a field somewhere in a derived type.
type custom struct {
	codec  any // the Codec[T] itself
	schema Schema
	// nilable says that T is a pointer or an interface: a byte before the codec's own then tells nil from a value.
	nilable bool
	append  func(to []byte, p unsafe.Pointer) ([]byte, error)
	decode  decodeFunc
	resolve func(writer Schema) (decodeFunc, error)
}

// decodeFunc overwrites the value at p with what from holds.
type decodeFunc func(from []byte, p unsafe.Pointer) error

// Add gives the set a codec for T. It is an error if T has one already, or if c can't work (see [Check]).
func (s *Set) Add[T any](c Codec[T]) error {
	t := reflect.TypeFor[T]()
	if err := Check(c); err != nil {
		return err
	}
	if old := s.of[t]; old != nil {
		return fmt.Errorf("type %v has two codecs, %q and %q: give the job one of them", t, old.schema.Name, c.Schema().Name)
	}
	if s.of == nil {
		s.of = map[reflect.Type]*custom{}
	}
	s.of[t] = erase(c)
	return nil
}

func (s *Set) lookup(t reflect.Type) *custom {
	if s == nil {
		return nil
	}
	return s.of[t]
}

func erase[T any](c Codec[T]) *custom {
	kind := reflect.TypeFor[T]().Kind()
	return &custom{
		codec:   c,
		schema:  c.Schema(),
		nilable: kind == reflect.Pointer || kind == reflect.Interface,
		append:  func(to []byte, p unsafe.Pointer) ([]byte, error) { return c.Append(to, *(*T)(p)) },
		decode:  eraseDecode(c.Decode),
		resolve: func(writer Schema) (decodeFunc, error) {
			read, err := ReaderOf(c, writer)
			if err != nil {
				return nil, err
			}
			return eraseDecode(read), nil
		},
	}
}

func eraseDecode[T any](read func([]byte) (T, error)) decodeFunc {
	return func(from []byte, p unsafe.Pointer) error {
		v, err := read(from)
		if err == nil {
			*(*T)(p) = v
		}
		return err
	}
}

// Derive returns the codec of T: the set's own, or one worked out by reflection. A type that can't be encoded is
// refused with the path of the field and what to do about it. The result offers [InPlace] and [Resolver] unless it is
// a codec of the set that does not.
func Derive[T any](s *Set) (Codec[T], error) {
	t := reflect.TypeFor[T]()
	if c := s.lookup(t); c != nil {
		return c.codec.(Codec[T]), nil
	}
	p, err := newProgram(t, s)
	if err != nil {
		return nil, err
	}
	if c, ok := p.scalar(t).(Codec[T]); ok {
		return c, nil
	}
	return &derived[T]{p}, nil
}

// Resolve returns a function that reads values of T from what the schema writer wrote. Fields are matched by name, or
// by a name that the tag lists (`leat:"name,was=old|older"`); fields that T has in addition become zero; fields that
// it lacks are skipped; integers and floats may be wider than they were, and T may stand behind a pointer where it
// stood alone. Everything else is an error that shows both schemas.
func Resolve[T any](s *Set, writer Schema) (func(from []byte) (T, error), error) {
	c, err := Derive[T](s)
	if err != nil {
		return nil, err
	}
	return ReaderOf(c, writer)
}

// ReaderOf is [Resolve] by a codec that is at hand: it returns c.Decode if the schema that wrote is the codec's own, what
// the codec's [Resolver] makes of it otherwise, and a [SchemaError] if neither can read it.
func ReaderOf[T any](c Codec[T], writer Schema) (func(from []byte) (T, error), error) {
	own := c.Schema()
	if own.Fingerprint == writer.Fingerprint {
		return c.Decode, nil
	}
	var cause error
	if r, ok := c.(Resolver[T]); ok {
		read, err := r.Resolve(writer)
		if err == nil {
			return read, nil
		}
		cause = err
	}
	return nil, &SchemaError{Type: reflect.TypeFor[T]().String(), Wrote: writer, Reads: own, Cause: cause}
}

// SchemaError says that a type can't read what another schema wrote.
type SchemaError struct {
	// Type is the Go type that was to be read.
	Type string
	// Wrote is the schema of the bytes, and Reads that of the type.
	Wrote, Reads Schema
	// Cause says what does not fit, or is nil if only the codec itself would know.
	Cause error
}

func (e *SchemaError) Error() string {
	cause := "the codec reads only its own schema"
	if e.Cause != nil {
		cause = e.Cause.Error()
	}
	return fmt.Sprintf("type %s cannot read what schema %s wrote: %s\nwritten: %s\nwanted:  %s",
		e.Type, e.Wrote.Name, cause, e.Wrote.text(), e.Reads.text())
}

func (e *SchemaError) Unwrap() error { return e.Cause }

// text is the schema as an error shows it.
func (s Schema) text() string {
	if s.Definition == "" {
		return fmt.Sprintf("%s (%s, opaque)", s.Name, s.Fingerprint)
	}
	return fmt.Sprintf("%s (%s) %s", s.Name, s.Fingerprint, s.Definition)
}
