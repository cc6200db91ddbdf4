package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
	"unsafe"
)

const (
	timeBytes         = 12 // seconds and nanoseconds
	opaqueLengthBytes = 4
)

var errTooDeep = fmt.Errorf("more than %d slices, maps and pointers lie in one another: does a value contain itself?", maxDepth)

// append runs the program over the value at p.
func (n *node) append(to []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
	for i := range n.ops {
		o := &n.ops[i]
		at := o.at(p)
		switch o.code {
		case opCopy:
			switch o.size {
			case 8:
				to = append(to, (*[8]byte)(at)[:]...)
			case 4:
				to = append(to, (*[4]byte)(at)[:]...)
			default:
				to = append(to, unsafe.Slice((*byte)(at), o.size)...)
			}
		case opBool:
			to = append(to, *(*byte)(at))
		case opString:
			s := *(*string)(at)
			to = append(appendUvarint(to, uint64(len(s))), s...)
		case opTime:
			to = appendTime(to, (*time.Time)(at))
		default:
			if to, err = o.append(to, at, depth); err != nil {
				return to, err
			}
		}
	}
	return to, nil
}

// append runs one of the steps that are larger.
func (o *op) append(to []byte, at unsafe.Pointer, depth int) ([]byte, error) {
	switch o.code {
	case opNumber:
		return appendNumber(to, o.more.to, load(at, o.size, o.more.to)), nil
	case opOpaque:
		return o.more.appendOpaque(to, at)
	}
	if depth == 0 {
		return to, errTooDeep
	}
	depth--
	switch o.code {
	case opSlice:
		return o.appendSlice(to, (*sliceHeader)(at), depth)
	case opArray:
		return o.more.elem.appendEach(to, at, o.more.length, o.size, depth)
	case opMap:
		return o.more.appendMap(to, at, depth)
	case opPointer:
		if p := *(*unsafe.Pointer)(at); p != nil {
			return o.more.elem.append(append(to, 1), p, depth)
		}
		return append(to, 0), nil
	}
	return to, errors.New("codec: a program that only reads was asked to write")
}

func (o *op) appendSlice(to []byte, s *sliceHeader, depth int) ([]byte, error) {
	if s.data == nil {
		return append(to, 0), nil
	}
	to = appendUvarint(to, uint64(s.len)+1)
	elem := o.more.elem
	if elem.image == o.size && o.size > 0 {
		return append(to, unsafe.Slice((*byte)(s.data), uintptr(s.len)*o.size)...), nil
	}
	if elem.empty {
		return append(to, make([]byte, s.len)...), nil
	}
	return elem.appendEach(to, s.data, s.len, o.size, depth)
}

func (n *node) appendEach(to []byte, p unsafe.Pointer, count int, stride uintptr, depth int) (_ []byte, err error) {
	for i := range uintptr(count) {
		if to, err = n.append(to, unsafe.Add(p, i*stride), depth); err != nil {
			return to, err
		}
	}
	return to, nil
}

// appendMap writes the entries in order of their keys' bytes, so that equal maps have equal encodings.
func (d *detail) appendMap(to []byte, at unsafe.Pointer, depth int) (_ []byte, err error) {
	cell := *(*unsafe.Pointer)(at) // reflection keeps a pointer to what it is given: not to the value itself
	if cell == nil {
		return append(to, 0), nil
	}
	m := reflect.NewAt(d.typ, unsafe.Pointer(&cell)).Elem()
	to = appendUvarint(to, uint64(m.Len())+1)
	start := len(to)
	entries := make([]entry, 0, m.Len())
	key, value := reflect.New(d.typ.Key()), reflect.New(d.typ.Elem())
	for i := m.MapRange(); i.Next(); {
		key.Elem().SetIterKey(i)
		value.Elem().SetIterValue(i)
		e := entry{from: len(to)}
		if to, err = d.key.append(to, key.UnsafePointer(), depth); err != nil {
			return to, err
		}
		e.value = len(to)
		if to, err = d.elem.append(to, value.UnsafePointer(), depth); err != nil {
			return to, err
		}
		e.end = len(to)
		entries = append(entries, e)
	}
	sortEntries(to, start, entries)
	return to, nil
}

// entry is where a map's entry lies among the bytes.
type entry struct{ from, value, end int }

func sortEntries(b []byte, start int, entries []entry) {
	less := func(x, y entry) int {
		if c := bytes.Compare(b[x.from:x.value], b[y.from:y.value]); c != 0 {
			return c
		}
		return bytes.Compare(b[x.value:x.end], b[y.value:y.end]) // NaNs repeat
	}
	if slices.IsSortedFunc(entries, less) {
		return
	}
	slices.SortFunc(entries, less)
	old := bytes.Clone(b[start:])
	to := b[start:start]
	for _, e := range entries {
		to = append(to, old[e.from-start:e.end-start]...)
	}
}

// appendOpaque writes the length in front of what the codec writes, so that a reader can skip it.
func (d *detail) appendOpaque(to []byte, at unsafe.Pointer) (_ []byte, err error) {
	start := len(to)
	to = append(to, 0, 0, 0, 0)
	if d.via.nilable {
		if *(*unsafe.Pointer)(at) != nil {
			to = append(to, 1)
		} else {
			to = append(to, 0)
		}
	}
	if !d.via.nilable || to[len(to)-1] == 1 {
		if to, err = d.via.append(to, at); err != nil {
			return to, fmt.Errorf("%v: %w", d.typ, err)
		}
	}
	size := len(to) - start - opaqueLengthBytes
	if size < 0 || uint64(size) > math.MaxUint32 {
		return to, fmt.Errorf("%v: its codec wrote %d bytes, which is not between 0 and 4 GiB", d.typ, size)
	}
	binary.LittleEndian.PutUint32(to[start:], uint32(size))
	return to, nil
}

// appendTime writes the instant. It keeps the zero time, and neither a location nor a monotonic reading.
func appendTime(to []byte, t *time.Time) []byte {
	to = binary.LittleEndian.AppendUint64(to, uint64(t.Unix()))
	return binary.LittleEndian.AppendUint32(to, uint32(t.Nanosecond()))
}

func appendUvarint(to []byte, v uint64) []byte {
	if v < 0x80 {
		return append(to, byte(v))
	}
	return binary.AppendUvarint(to, v)
}

// load reads a number of a Go type of size bytes as the bits of its kind: sign extended, or a float64's.
func load(at unsafe.Pointer, size uintptr, k kind) uint64 {
	bits := loadBits(at, size)
	switch n := numbers[k]; {
	case n.float && size == 4:
		return math.Float64bits(float64(math.Float32frombits(uint32(bits))))
	case n.signed:
		return signExtend(bits, int(size))
	}
	return bits
}

func loadBits(at unsafe.Pointer, size uintptr) uint64 {
	switch size {
	case 1:
		return uint64(*(*uint8)(at))
	case 2:
		return uint64(*(*uint16)(at))
	case 4:
		return uint64(*(*uint32)(at))
	}
	return *(*uint64)(at)
}

func signExtend(bits uint64, width int) uint64 {
	shift := 64 - 8*width
	return uint64(int64(bits<<shift) >> shift)
}

// appendNumber writes the bits that load has read.
func appendNumber(to []byte, k kind, bits uint64) []byte {
	n := numbers[k]
	if n.float && n.width == 4 {
		bits = uint64(math.Float32bits(float32(math.Float64frombits(bits))))
	}
	for range n.width {
		to = append(to, byte(bits))
		bits >>= 8
	}
	return to
}
