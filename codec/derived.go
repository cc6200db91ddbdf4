package codec

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// derived is a codec worked out by reflection.
type derived[T any] struct {
	node   *node
	shape  *shape
	schema Schema
}

func (d *derived[T]) Schema() Schema { return d.schema }

func (d *derived[T]) Append(to []byte, v T) ([]byte, error) {
	return d.AppendPtr(to, (*T)(hide(unsafe.Pointer(&v))))
}

func (d *derived[T]) AppendPtr(to []byte, v *T) ([]byte, error) {
	to, err := d.node.append(to, unsafe.Pointer(v), maxDepth)
	if err != nil {
		return to, fmt.Errorf("encode %s: %w", d.schema.Name, err)
	}
	return to, nil
}

func (d *derived[T]) Decode(from []byte) (v T, err error) {
	err = read(d.node, from, (*T)(hide(unsafe.Pointer(&v))))
	return v, err
}

func (d *derived[T]) DecodePtr(from []byte, v *T) error {
	var zero T
	*v = zero
	return read(d.node, from, v)
}

// read decodes exactly one value into zeroed memory.
func read[T any](n *node, from []byte, v *T) error {
	rest, err := n.decode(from, unsafe.Pointer(v), maxDepth)
	if err == nil && len(rest) > 0 {
		err = trailing(len(rest))
	}
	if err != nil {
		return fmt.Errorf("decode %v: %w", reflect.TypeFor[T](), err)
	}
	return nil
}

func trailing(bytes int) error { return corrupt("%d bytes follow its end", bytes) }

// Resolve reads what another schema wrote.
func (d *derived[T]) Resolve(writer Schema) (func([]byte) (T, error), error) {
	n, _, err := d.link(writer)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (v T, err error) {
		err = read(n, from, (*T)(hide(unsafe.Pointer(&v))))
		return v, err
	}, nil
}

// link makes the program that reads what another schema wrote.
func (d *derived[T]) link(writer Schema) (*node, Fit, error) {
	if writer.Definition == "" {
		return nil, Fit{}, errors.New("only the codec that wrote it knows its bytes: give the job that codec again")
	}
	shape, err := parse(writer.Definition)
	if err != nil {
		return nil, Fit{}, err
	}
	return link(shape, d.shape)
}

func (d *derived[T]) fit(writer Schema) (Fit, error) {
	_, fit, err := d.link(writer)
	return fit, err
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
	if d, ok := c.(interface{ fit(Schema) (Fit, error) }); ok {
		return d.fit(writer)
	}
	return Fit{}, nil
}
