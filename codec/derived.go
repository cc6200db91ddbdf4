package codec

import "unsafe"

// derived is a codec worked out by reflection. What it does is compiled anew for every T, so that all but the moving of
// values is left to the program, which is compiled once, and has a name: embedded, its methods would be compiled again for every T.
type derived[T any] struct{ p program }

// programmed is what all derived codecs have, whatever their T.
type programmed interface{ program() *program }

func (d *derived[T]) program() *program { return &d.p }

func (d *derived[T]) Schema() Schema { return d.p.schema }

func (d *derived[T]) Append(to []byte, v T) ([]byte, error) {
	return d.AppendPtr(to, (*T)(hide(unsafe.Pointer(&v))))
}

// AppendPtr is short enough for the compiler to inline it where it is called through an interface.
func (d *derived[T]) AppendPtr(to []byte, v *T) (_ []byte, err error) {
	if d.p.image {
		return append(to, unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))...), nil
	}
	to, err = d.p.append(to, unsafe.Pointer(v))
	return to, err
}

func (d *derived[T]) Decode(from []byte) (v T, err error) {
	if d.p.image && uintptr(len(from)) == unsafe.Sizeof(v) {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v)), from)
		return v, nil
	}
	err = d.p.decode(from, hide(unsafe.Pointer(&v)))
	return v, err
}

func (d *derived[T]) DecodePtr(from []byte, v *T) error {
	var zero T
	*v = zero
	return d.p.decode(from, unsafe.Pointer(v))
}

// Resolve reads what another schema wrote.
func (d *derived[T]) Resolve(writer Schema) (func([]byte) (T, error), error) {
	p, err := d.p.reading(writer)
	if err != nil {
		return nil, err
	}
	var c Codec[T] = &derived[T]{p}
	return c.Decode, nil
}

// Fit is how far a type is from what another schema wrote. The nearest is the one with the fewest Skipped, and of those the
// one with the fewest Added.
type Fit struct {
	// Skipped is how many fields were written that the type does not have, Added how many it has that were not.
	Skipped, Added int
}

// Nearer says whether f is nearer than other.
func (f Fit) Nearer(other Fit) bool {
	return f.Skipped < other.Skipped || f.Skipped == other.Skipped && f.Added < other.Added
}

// FitOf says how far the type of a codec is from what a schema wrote; an error says that it can't be read. Codecs that
// are not derived don't tell fields apart: what they can read fits.
func FitOf[T any](c Codec[T], writer Schema) (Fit, error) {
	if _, err := ReaderOf(c, writer); err != nil || c.Schema().Fingerprint == writer.Fingerprint {
		return Fit{}, err
	}
	if d, ok := c.(programmed); ok {
		return d.program().fit(writer)
	}
	return Fit{}, nil
}
