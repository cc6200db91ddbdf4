package state

import (
	"errors"
	"fmt"
	"reflect"

	"leat.dev/leat/codec"
)

// Migrate makes values of the state from values of an older type, when a snapshot is restored that has those: for changes
// that go beyond adding, removing, renaming and widening fields. New is the type of the state's values: for a [List] its
// elements, for a [Map] or [Ordered] the values and not the keys, for a [Running] its accumulators. Old is declared as it
// was; it may have another name, and its methods are not needed.
//
// f is called for a value if Old's schema is exactly the one that it was written with. If none is, nor New's, then New or
// Old reads it, whichever has the most of the fields that were written; between equals, the one with the fewest others,
// and New before Old. Several may be given, the newest first: each makes New at once. f has no side effects and keeps nothing
// of its argument elsewhere; a panic fails the restore.
func Migrate[Old, New any](f func(Old) New) Option { return migration[Old, New]{f} }

type migration[Old, New any] struct{ f func(Old) New }

func (migration[Old, New]) stateOption() {}

func (migration[Old, New]) migrates() (from, to reflect.Type) {
	return reflect.TypeFor[Old](), reflect.TypeFor[New]()
}

// prepare derives the codec of the older type.
func (m migration[Old, New]) prepare(set *codec.Set) (older, error) {
	c, err := codec.Derive[Old](set)
	if err != nil {
		return nil, err
	}
	return &oldType[Old, New]{c, m.f}, nil
}

func (m migration[Old, New]) missing() bool { return m.f == nil }

// older is a type that a state's values had, with what makes them new. It does not name the type of the state's values, so
// that states without migrations compile nothing of migrations.
type older interface {
	schema() codec.Schema
	fit(writer codec.Schema) (codec.Fit, error)
	// extend returns a codec of the state's values that also reads what olds wrote. c is their own, a codec.Codec[New], and so
	// is the result.
	extend(c any, olds []older) any
}

// reading makes values of type V of an older type's.
type reading[V any] interface {
	older
	reader(writer codec.Schema) (func(from []byte) (V, error), error)
}

type oldType[Old, New any] struct {
	codec codec.Codec[Old]
	f     func(Old) New
}

func (o *oldType[Old, New]) schema() codec.Schema { return o.codec.Schema() }

func (o *oldType[Old, New]) fit(writer codec.Schema) (codec.Fit, error) {
	return codec.FitOf(o.codec, writer)
}

func (o *oldType[Old, New]) reader(writer codec.Schema) (func([]byte) (New, error), error) {
	read, err := codec.ReaderOf(o.codec, writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (v New, err error) {
		old, err := read(from)
		if err != nil {
			return v, err
		}
		return o.f(old), nil
	}, nil
}

func (o *oldType[Old, New]) extend(c any, olds []older) any {
	m := &migrating[New]{Codec: c.(codec.Codec[New])}
	m.inPlace, _ = c.(codec.InPlace[New])
	for _, old := range olds {
		m.olds = append(m.olds, old.(reading[New]))
	}
	return m
}

// migrations are the older types that options name for a state that holds values of type t, in their order.
func migrations(t reflect.Type, set *codec.Set, opts []Option) (olds []older, err error) {
	seen := map[string]bool{}
	for _, o := range opts {
		m, ok := o.(interface {
			migrates() (from, to reflect.Type)
			missing() bool
			prepare(*codec.Set) (older, error)
		})
		if !ok {
			continue
		}
		from, to := m.migrates()
		switch {
		case to != t:
			return nil, fmt.Errorf("state.Migrate makes %v of %v, but the state holds %v", to, from, t)
		case m.missing():
			return nil, errors.New("state.Migrate is given no function")
		}
		old, err := m.prepare(set)
		if err != nil {
			return nil, fmt.Errorf("state.Migrate from %v: %w", from, err)
		}
		if seen[old.schema().Fingerprint] {
			return nil, fmt.Errorf("state.Migrate from %v: another one is from a type with the same fields", from)
		}
		seen[old.schema().Fingerprint] = true
		olds = append(olds, old)
	}
	return olds, nil
}

// migrating is a codec that also reads what older types wrote.
type migrating[V any] struct {
	codec.Codec[V]
	inPlace codec.InPlace[V] // nil if the codec lacks it
	olds    []reading[V]
}

// AppendPtr spares a copy where the codec does.
func (m *migrating[V]) AppendPtr(to []byte, v *V) ([]byte, error) {
	if m.inPlace != nil {
		return m.inPlace.AppendPtr(to, v)
	}
	return m.Append(to, *v)
}

// DecodePtr spares a copy where the codec does.
func (m *migrating[V]) DecodePtr(from []byte, v *V) (err error) {
	if m.inPlace != nil {
		return m.inPlace.DecodePtr(from, v)
	}
	*v, err = m.Decode(from)
	return err
}

// Resolve chooses who reads what a schema wrote that is not the codec's own.
func (m *migrating[V]) Resolve(writer codec.Schema) (func([]byte) (V, error), error) {
	for _, old := range m.olds {
		if old.schema().Fingerprint == writer.Fingerprint {
			return old.reader(writer)
		}
	}
	best, cause := codec.FitOf(m.Codec, writer)
	read := func() (func([]byte) (V, error), error) { return codec.ReaderOf(m.Codec, writer) }
	found := cause == nil
	for _, old := range m.olds {
		if fit, err := old.fit(writer); err == nil && (!found || fit.Nearer(best)) {
			best, found = fit, true
			read = func() (func([]byte) (V, error), error) { return old.reader(writer) }
		}
	}
	if found {
		return read()
	}
	var schemas *codec.SchemaError
	if errors.As(cause, &schemas) && schemas.Cause != nil {
		cause = schemas.Cause
	}
	return nil, fmt.Errorf("%w; nor can any type read it that state.Migrate is given for", cause)
}
