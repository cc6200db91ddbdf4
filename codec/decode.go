package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"
	"unsafe"
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

func short(want, have int) error {
	return corrupt("it ends early: %d bytes wanted, %d left", want, have)
}

// decode runs the program over the bytes, fills in the value at p, whose memory is zero, and returns what is left.
func (n *node) decode(from []byte, p unsafe.Pointer, depth int) (_ []byte, err error) {
	for i := range n.ops {
		o := &n.ops[i]
		at := o.at(p)
		switch o.code {
		case opCopy:
			if uintptr(len(from)) < o.size {
				return from, short(int(o.size), len(from))
			}
			if o.size == 8 {
				*(*[8]byte)(at) = [8]byte(from)
			} else {
				copy(unsafe.Slice((*byte)(at), o.size), from)
			}
			from = from[o.size:]
		case opString:
			var size int
			if size, from, err = readLength(from, 1, 0); err != nil {
				return from, err
			}
			*(*string)(at) = string(from[:size])
			from = from[size:]
		case opTime:
			if from, err = decodeTime(from, (*time.Time)(at)); err != nil {
				return from, err
			}
		default:
			if from, err = o.decode(from, at, depth); err != nil {
				return from, err
			}
		}
	}
	return from, nil
}

// decode runs one of the steps that are larger.
func (o *op) decode(from []byte, at unsafe.Pointer, depth int) ([]byte, error) {
	d := o.more
	switch o.code {
	case opBool:
		return decodeBool(from, (*bool)(at))
	case opNumber:
		return decodeNumber(from, at, o.size, d.from, d.to)
	case opOpaque:
		return d.decodeOpaque(from, at)
	case opSkip:
		return skip(d.writer, from, depth)
	}
	if depth == 0 {
		return from, corrupt("%v", errTooDeep)
	}
	depth--
	switch o.code {
	case opSlice:
		return o.decodeSlice(from, (*sliceHeader)(at), depth)
	case opArray:
		return d.elem.decodeEach(from, at, d.length, o.size, depth)
	case opMap:
		return d.decodeMap(from, at, depth)
	case opPointer:
		present, from, err := readFlag(from)
		if err != nil || !present {
			return from, err
		}
		return d.decodePointer(from, at, depth)
	case opWrap:
		return d.decodePointer(from, at, depth)
	}
	panic(fmt.Sprintf("codec: unknown step %d", o.code))
}

func (d *detail) decodePointer(from []byte, at unsafe.Pointer, depth int) ([]byte, error) {
	p := reflect.New(d.typ.Elem()).UnsafePointer()
	*(*unsafe.Pointer)(at) = p
	return d.elem.decode(from, p, depth)
}

func (o *op) decodeSlice(from []byte, s *sliceHeader, depth int) ([]byte, error) {
	elem := o.more.elem
	count, from, err := readLength(from, elem.least, 1)
	if err != nil || count < 0 {
		return from, err
	}
	data := allocate(o.more.typ, o.more.pointerFree, count)
	if data == nil {
		return from, corrupt("a slice of %d elements", count)
	}
	*s = sliceHeader{data, count, count}
	switch {
	case elem.image == o.size && o.size > 0:
		size := count * int(o.size)
		copy(unsafe.Slice((*byte)(data), size), from)
		return from[size:], nil
	case elem.empty:
		return skipZeros(from, count)
	}
	return elem.decodeEach(from, data, count, o.size, depth)
}

func (n *node) decodeEach(from []byte, p unsafe.Pointer, count int, stride uintptr, depth int) (_ []byte, err error) {
	for i := range uintptr(count) {
		if from, err = n.decode(from, unsafe.Add(p, i*stride), depth); err != nil {
			return from, err
		}
	}
	return from, nil
}

// decodeMap refuses entries that are not in order: a value has one encoding.
func (d *detail) decodeMap(from []byte, at unsafe.Pointer, depth int) ([]byte, error) {
	least := d.key.least
	count, from, err := readLength(from, least, 1)
	if err != nil || count < 0 {
		return from, err
	}
	if d.key.empty && count > 1 {
		return from, corrupt("a map of %d equal keys", count)
	}
	m := reflect.MakeMapWithSize(d.typ, count)
	key, value := reflect.New(d.typ.Key()), reflect.New(d.typ.Elem())
	var before []byte
	for i := range count {
		key.Elem().SetZero()
		value.Elem().SetZero()
		rest, err := d.key.decode(from, key.UnsafePointer(), depth)
		if err != nil {
			return rest, err
		}
		bytesOfKey := from[:len(from)-len(rest)]
		if c := bytes.Compare(before, bytesOfKey); i > 0 && (c > 0 || c == 0 && !d.floatKeys) {
			return rest, corrupt("a map's keys are not in order")
		}
		before = bytesOfKey
		if from, err = d.elem.decode(rest, value.UnsafePointer(), depth); err != nil {
			return from, err
		}
		m.SetMapIndex(key.Elem(), value.Elem())
	}
	*(*unsafe.Pointer)(at) = m.UnsafePointer()
	return from, nil
}

func (d *detail) decodeOpaque(from []byte, at unsafe.Pointer) ([]byte, error) {
	body, from, err := readOpaque(from)
	if err != nil {
		return from, err
	}
	if d.via.nilable {
		present, rest, err := readFlag(body)
		if err != nil || !present {
			if err == nil && len(rest) > 0 {
				err = corrupt("%d bytes after a nil", len(rest))
			}
			return from, err
		}
		body = rest
	}
	if err := d.decode(body, at); err != nil {
		return from, fmt.Errorf("%v: %w", d.typ, err)
	}
	return from, nil
}

func readOpaque(from []byte) (body, rest []byte, err error) {
	if len(from) < opaqueLengthBytes {
		return nil, from, short(opaqueLengthBytes, len(from))
	}
	size := uint64(binary.LittleEndian.Uint32(from))
	from = from[opaqueLengthBytes:]
	if size > uint64(len(from)) {
		return nil, from, corrupt("it ends early: %d bytes wanted, %d left", size, len(from))
	}
	return from[:size:size], from[size:], nil
}

// readLength reads a count of things that take at least least bytes each, so that corrupt bytes can't ask for more
// memory than they could fill. add is what was added to the count to tell nil from empty; nil is -1.
func readLength(from []byte, least, add int) (count int, rest []byte, err error) {
	v, size := uint64(0), 1
	if len(from) > 0 && from[0] < 0x80 {
		v = uint64(from[0])
	} else {
		v, size = binary.Uvarint(from)
		if size <= 0 || from[size-1] == 0 { // a needless last byte: lengths have one encoding
			return 0, from, corrupt("a length that ends early or is too long")
		}
	}
	from = from[size:]
	if v < uint64(add) {
		return -1, from, nil
	}
	if v -= uint64(add); v > uint64(len(from)/least) {
		return 0, from, corrupt("%d elements of at least %d bytes, but %d bytes are left", v, least, len(from))
	}
	return int(v), from, nil
}

func readFlag(from []byte) (set bool, rest []byte, err error) {
	if len(from) == 0 {
		return false, from, short(1, 0)
	}
	if from[0] > 1 {
		return false, from, corrupt("a flag is %d, not 0 or 1", from[0])
	}
	return from[0] == 1, from[1:], nil
}

func decodeBool(from []byte, to *bool) (rest []byte, err error) {
	*to, rest, err = readFlag(from)
	return rest, err
}

func decodeTime(from []byte, to *time.Time) ([]byte, error) {
	if len(from) < timeBytes {
		return from, short(timeBytes, len(from))
	}
	nanos := binary.LittleEndian.Uint32(from[8:])
	if nanos >= uint32(time.Second) {
		return from, corrupt("%d nanoseconds in a second", nanos)
	}
	*to = time.Unix(int64(binary.LittleEndian.Uint64(from)), int64(nanos)).UTC()
	return from[timeBytes:], nil
}

// decodeNumber reads a number of kind w and stores it as one of kind r, which is at least as wide, in size bytes.
func decodeNumber(from []byte, at unsafe.Pointer, size uintptr, w, r kind) ([]byte, error) {
	n := numbers[w]
	if len(from) < n.width {
		return from, short(n.width, len(from))
	}
	bits := uint64(0)
	for i := n.width - 1; i >= 0; i-- {
		bits = bits<<8 | uint64(from[i])
	}
	switch {
	case n.float && n.width == 4:
		bits = math.Float64bits(float64(math.Float32frombits(uint32(bits))))
	case n.signed:
		bits = signExtend(bits, n.width)
	}
	if numbers[r].float && !n.float {
		bits = intToFloat(bits, n.signed)
	}
	if !storeBits(at, size, bits, numbers[r]) {
		return from, fmt.Errorf("%d does not fit the %d bits that an integer has on this machine", int64(bits), 8*wordBytes)
	}
	return from[n.width:], nil
}

func intToFloat(bits uint64, signed bool) uint64 {
	if signed {
		return math.Float64bits(float64(int64(bits)))
	}
	return math.Float64bits(float64(bits))
}

// storeBits stores an integer, or the bits of a float64. It fails where int has 4 bytes and the value needs 8.
func storeBits(at unsafe.Pointer, size uintptr, bits uint64, n number) bool {
	if n.float && size == 4 {
		bits = uint64(math.Float32bits(float32(math.Float64frombits(bits))))
	}
	switch size {
	case 1:
		*(*uint8)(at) = uint8(bits)
	case 2:
		*(*uint16)(at) = uint16(bits)
	case 4:
		*(*uint32)(at) = uint32(bits)
		return n.width == 4 || n.signed && int64(bits) == int64(int32(bits)) || !n.signed && bits <= math.MaxUint32
	default:
		*(*uint64)(at) = bits
	}
	return true
}

func skipZeros(from []byte, count int) ([]byte, error) {
	if count > len(from) {
		return from, short(count, len(from))
	}
	for _, b := range from[:count] {
		if b != 0 {
			return from, corrupt("an empty element is %d, not 0", b)
		}
	}
	return from[count:], nil
}
