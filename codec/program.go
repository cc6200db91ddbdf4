package codec

import (
	"errors"
	"fmt"
	"reflect"
	"time"
	"unsafe"
)

// program encodes and decodes the values of one type, which it knows by their addresses.
type program struct {
	node   *node
	shape  *shape
	schema Schema // named as the type is
	image  bool   // values lie in memory as they are encoded
	form   form
}

// form is how a program goes about it: types that are one string or time need no steps.
type form uint8

const (
	formSteps  form = iota // the node's
	formString             // length and bytes
	formTime               // seconds and nanoseconds
)

// newProgram works out how t is encoded.
func newProgram(t reflect.Type, s *Set) (program, error) {
	shape, err := describe(t, s)
	if err != nil {
		return program{}, err
	}
	node, err := compile(shape)
	if err != nil {
		return program{}, err
	}
	p := program{node: node, shape: shape, schema: shape.schema(t.String()), image: node.image != 0}
	switch shape.kind {
	case kindString:
		p.form = formString
	case kindTime:
		p.form = formTime
	}
	return p, nil
}

// append appends the encoding of the value at v.
func (p *program) append(to []byte, v unsafe.Pointer) ([]byte, error) {
	switch p.form {
	case formString:
		return appendString(to, *(*string)(v)), nil
	case formTime:
		return appendTime(to, (*time.Time)(v)), nil
	}
	return p.appendSteps(to, v)
}

func (p *program) appendSteps(to []byte, v unsafe.Pointer) ([]byte, error) {
	to, err := p.node.append(to, v, maxDepth)
	if err != nil {
		return to, fmt.Errorf("encode %s: %w", p.schema.Name, err)
	}
	return to, nil
}

// decode overwrites the value at v with the one that from holds, and nothing else. The value is zero before.
func (p *program) decode(from []byte, v unsafe.Pointer) (err error) {
	switch p.form {
	case formString:
		err = decodeText(from, (*string)(v))
	case formTime:
		err = decodeInstant(from, (*time.Time)(v))
	default:
		err = p.node.decodeAll(from, v)
	}
	if err != nil {
		return p.undecoded(err)
	}
	return nil
}

func (p *program) undecoded(err error) error { return fmt.Errorf("decode %s: %w", p.schema.Name, err) }

// decodeAll decodes one value, and nothing else, into zeroed memory.
func (n *node) decodeAll(from []byte, v unsafe.Pointer) error {
	rest, err := n.decode(from, v, maxDepth)
	if err == nil && len(rest) > 0 {
		err = trailing(len(rest))
	}
	return err
}

func decodeText(from []byte, to *string) error {
	size, rest, err := readLength(from, 1, 0)
	if err != nil {
		return err
	}
	if len(rest) != size {
		return wrongSize(size, len(rest))
	}
	*to = string(rest)
	return nil
}

func decodeInstant(from []byte, to *time.Time) error {
	if len(from) != timeBytes {
		return wrongSize(timeBytes, len(from))
	}
	_, err := decodeTime(from, to)
	return err
}

// wrongSize is the error of a value's bytes when there are too few or too many.
func wrongSize(want, have int) error {
	if have < want {
		return short(want, have)
	}
	return trailing(have - want)
}

func trailing(bytes int) error { return corrupt("%d bytes follow its end", bytes) }

// reading is the program that reads into the same type what another schema wrote. It only reads.
func (p *program) reading(writer Schema) (program, error) {
	n, _, err := p.link(writer)
	return program{node: n, shape: p.shape, schema: p.schema}, err
}

// link makes the steps that read what another schema wrote.
func (p *program) link(writer Schema) (*node, Fit, error) {
	if writer.Definition == "" {
		return nil, Fit{}, errors.New("only the codec that wrote it knows its bytes: give the job that codec again")
	}
	shape, err := parse(writer.Definition)
	if err != nil {
		return nil, Fit{}, err
	}
	return link(shape, p.shape)
}

func (p *program) fit(writer Schema) (Fit, error) {
	_, fit, err := p.link(writer)
	return fit, err
}

// ImageBytes is for the engine: how many bytes a value has if they are its encoding as they lie in memory, in every value; 0
// otherwise.
func ImageBytes[T any](c Codec[T]) int {
	d, ok := c.(*derived[T])
	if !ok || !d.p.image {
		return 0
	}
	return int(d.p.node.image)
}
