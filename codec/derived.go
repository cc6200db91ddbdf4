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
	if writer.Definition == "" {
		return nil, errors.New("only the codec that wrote it knows its bytes: give the job that codec again")
	}
	shape, err := parse(writer.Definition)
	if err != nil {
		return nil, err
	}
	n, err := link(shape, d.shape)
	if err != nil {
		return nil, err
	}
	return func(from []byte) (v T, err error) {
		err = read(n, from, (*T)(hide(unsafe.Pointer(&v))))
		return v, err
	}, nil
}
