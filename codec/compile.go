package codec

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// opcode is a step of a program.
type opcode uint8

const (
	opCopy    opcode = iota // size bytes that lie in memory as they are encoded
	opBool                  // a byte that is 0 or 1
	opString                // length and bytes
	opTime                  // seconds and nanoseconds
	opNumber                // a number that must be converted: widened, or another byte order than the machine's
	opSlice                 // count + 1 and the elements; 0 is nil
	opArray                 // the elements
	opMap                   // count + 1 and the entries in order of their keys' bytes; 0 is nil
	opPointer               // 0, or 1 and the value
	opWrap                  // the value alone, read into a pointer
	opOpaque                // length and bytes of a codec of its own
	opSkip                  // what the reader has no field for
)

// op is a step. It works on the memory at offset off of the value.
type op struct {
	code opcode
	off  uintptr
	size uintptr // of opCopy; the stride of arrays and slices
	more *detail // what only the rarer steps need
}

// detail belongs to one op.
type detail struct {
	typ         reflect.Type // the Go type at the offset
	elem, key   *node
	length      int // of arrays
	pointerFree bool
	floatKeys   bool // NaNs are keys that repeat
	from, to    kind // of numbers
	writer      *shape
	via         *custom
	decode      decodeFunc // of opOpaque: via's, or one that resolves an older schema
}

// node is a program that encodes and decodes values of one type, as one schema wrote them.
type node struct {
	ops   []op
	least int     // bytes that a value takes at least
	empty bool    // values take no bytes
	image uintptr // bytes that lie in memory as they are encoded, if that is all of the value, else 0
}

// maxDepth bounds how many slices, maps and pointers may lie in one another.
const maxDepth = 2000

// compile makes the program that reads and writes s.
func compile(s *shape) (*node, error) {
	n, _, err := link(s, s)
	return n, err
}

// link makes the program that reads into values of shape r what a schema of shape w wrote. If both are the same it
// also writes.
func link(w, r *shape) (*node, Fit, error) {
	w.measureAll(map[*shape]bool{})
	l := linker{done: map[[2]*shape]*node{}}
	n, err := l.link(w, r)
	return n, l.fit, err
}

type linker struct {
	fit  Fit
	done map[[2]*shape]*node // finished or being linked: recursion closes a cycle
}

func (l *linker) link(w, r *shape) (*node, error) {
	pair := [2]*shape{w, r}
	if n := l.done[pair]; n != nil {
		return n, nil
	}
	n := &node{}
	l.done[pair] = n
	least, fixed := w.measure()
	n.least, n.empty = max(least, 1), fixed && least == 0
	if err := l.step(n, w, r); err != nil {
		return nil, err
	}
	if len(n.ops) == 1 && n.ops[0].code == opCopy && n.ops[0].off == 0 && n.ops[0].size == r.typ.Size() {
		n.image = n.ops[0].size
	}
	return n, nil
}

var errMismatch = errors.New("does not fit")

// step appends to n what reads w into r.
func (l *linker) step(n *node, w, r *shape) error {
	_, isNumber := numbers[w.kind]
	switch {
	case isNumber && (w.kind == r.kind || widens(w.kind, r.kind)):
		n.number(w.kind, r)
		return nil
	case w.kind == r.kind:
		return l.same(n, w, r)
	case r.kind == kindPointer:
		elem, err := l.link(w, r.elem)
		n.add(opWrap, 0, &detail{typ: r.typ, elem: elem})
		return err
	}
	return fmt.Errorf("%w: %v was written, %v is wanted", errMismatch, w, r)
}

// same appends the step for two shapes of one kind.
func (l *linker) same(n *node, w, r *shape) (err error) {
	d := &detail{typ: r.typ}
	switch w.kind {
	case kindBool:
		n.add(opBool, 1, nil)
	case kindString:
		n.add(opString, 0, nil)
	case kindTime:
		n.add(opTime, 0, nil)
	case kindStruct:
		return l.fields(n, w, r)
	case kindArray:
		return l.array(n, w, r)
	case kindSlice:
		d.pointerFree = pointerFree(r.typ.Elem())
		if d.elem, err = l.link(w.elem, r.elem); err != nil {
			return within("[]", err)
		}
		n.add(opSlice, r.typ.Elem().Size(), d)
	case kindMap:
		d.floatKeys = hasFloats(r.typ.Key())
		if d.key, err = l.link(w.key, r.key); err != nil {
			return within("[key]", err)
		}
		if d.elem, err = l.link(w.elem, r.elem); err != nil {
			return within("[value]", err)
		}
		n.add(opMap, 0, d)
	case kindPointer:
		if d.elem, err = l.link(w.elem, r.elem); err != nil {
			return err
		}
		n.add(opPointer, 0, d)
	case kindOpaque:
		return n.opaque(d, w, r)
	}
	return nil
}

func (l *linker) fields(n *node, w, r *shape) error {
	l.fit.Added += len(r.fields)
	for i := range w.fields {
		from := &w.fields[i]
		to, err := r.takes(from.name, w)
		if err != nil {
			return err
		}
		if to == nil {
			l.fit.Skipped++
			n.add(opSkip, 0, &detail{writer: from.shape})
			continue
		}
		l.fit.Added--
		sub, err := l.link(from.shape, to.shape)
		if err != nil {
			return within("."+to.name, err)
		}
		n.inline(sub, to.offset)
	}
	return nil
}

func (l *linker) array(n *node, w, r *shape) error {
	if w.length != r.length {
		return fmt.Errorf("%w: an array of %d was written, one of %d is wanted", errMismatch, w.length, r.length)
	}
	elem, err := l.link(w.elem, r.elem)
	if err != nil {
		return within("[]", err)
	}
	stride := r.typ.Elem().Size()
	switch {
	case w.length == 0 || len(elem.ops) == 0:
	case elem.image == stride:
		n.copied(0, stride*uintptr(w.length))
	default:
		n.add(opArray, stride, &detail{elem: elem, length: w.length})
	}
	return nil
}

// opaque reads what a codec of its own wrote.
func (n *node) opaque(d *detail, w, r *shape) error {
	d.via, d.decode = r.via, r.via.decode
	if w.opaque.Fingerprint != r.opaque.Fingerprint {
		if r.via.resolve == nil {
			return fmt.Errorf("%w: %s was written, %s is wanted", errMismatch, w.opaque.text(), r.opaque.text())
		}
		var err error
		if d.decode, err = r.via.resolve(w.opaque); err != nil {
			return err
		}
	}
	n.add(opOpaque, 0, d)
	return nil
}

// number reads one of kind w.
func (n *node) number(w kind, r *shape) {
	size := r.typ.Size()
	switch to := numbers[r.kind]; {
	case to.complex && (w != r.kind || !littleEndian):
		half := complexHalf(r.kind)
		d := &detail{from: complexHalf(w), to: half}
		n.ops = append(n.ops, op{opNumber, 0, size / 2, d}, op{opNumber, size / 2, size / 2, d})
	case w == r.kind && uintptr(to.width) == size && littleEndian:
		n.copied(0, size)
	default:
		n.add(opNumber, size, &detail{from: w, to: r.kind})
	}
}

// complexHalf is the kind of a complex number's two parts.
func complexHalf(k kind) kind {
	if k == "complex64" {
		return "float32"
	}
	return "float64"
}

func (n *node) add(code opcode, size uintptr, d *detail) {
	n.ops = append(n.ops, op{code: code, size: size, more: d})
}

// copied appends a copy, or lengthens the last one if it ends where this begins.
func (n *node) copied(off, size uintptr) {
	if last := len(n.ops) - 1; last >= 0 && n.ops[last].code == opCopy && n.ops[last].off+n.ops[last].size == off {
		n.ops[last].size += size
		return
	}
	n.ops = append(n.ops, op{code: opCopy, off: off, size: size})
}

// inline appends the steps of a field.
func (n *node) inline(sub *node, offset uintptr) {
	for _, o := range sub.ops {
		o.off += offset
		if o.code == opCopy {
			n.copied(o.off, o.size)
			continue
		}
		n.ops = append(n.ops, o)
	}
}

// hasFloats says whether keys of t may be NaN, which no key equals.
func hasFloats(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Interface:
		return true
	case reflect.Array:
		return hasFloats(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasFloats(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// pathError is a mismatch somewhere in a type.
type pathError struct {
	path  string
	cause error
}

func (e *pathError) Error() string { return fmt.Sprintf("field %s: %v", e.path, e.cause) }
func (e *pathError) Unwrap() error { return e.cause }

func within(path string, err error) error {
	if inner, ok := err.(*pathError); ok {
		return &pathError{path + inner.path, inner.cause}
	}
	return &pathError{path, err}
}

// at is the memory that a step works on.
func (o *op) at(p unsafe.Pointer) unsafe.Pointer { return unsafe.Add(p, o.off) }
