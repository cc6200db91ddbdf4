package keygroup

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/zeebo/xxh3"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
)

// Keys turns keys of one type into canonical bytes and hashes: equal keys have equal bytes, in every process and on
// every machine. It is used by several goroutines at once.
type Keys[K comparable] struct {
	codec   codec.Codec[K]
	inPlace codec.InPlace[K] // nil if the codec lacks it
	layout  layout
	path    path
	schema  codec.Schema
	buffers sync.Pool // of *[]byte, for keys that must be written down to be hashed
}

// path is how keys are hashed.
type path uint8

const (
	byImage  path = iota // the memory of a key is its canonical bytes
	byString             // the key is a string
	byBytes              // the canonical bytes are written first
)

// littleEndian says that integers lie in memory as canonical bytes have them.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Derive works out the canonical bytes of K by reflection, and refuses types whose equal keys may have different bytes
// or whose keys mean nothing to another process. With custom, which may be nil, that codec writes the canonical bytes,
// and any type is allowed: equal keys must then have equal encodings, and no error.
func Derive[K comparable](custom codec.Codec[K]) (*Keys[K], error) {
	if custom != nil {
		return ofCustom(custom)
	}
	t := reflect.TypeFor[K]()
	l, err := describe(t)
	if err != nil {
		return nil, err
	}
	c, err := codec.Derive[K](nil)
	if err != nil {
		return nil, fmt.Errorf("key %w", err)
	}
	k := &Keys[K]{codec: c, layout: l, schema: c.Schema(), path: byBytes}
	k.inPlace = c.(codec.InPlace[K])
	switch {
	case t.Kind() == reflect.String:
		k.path, k.schema = byString, stringSchema(t)
	case l.image && littleEndian:
		k.path = byImage
	}
	return k, nil
}

// stringSchema is not that of a string's value codec: a key that is a string alone needs no length.
func stringSchema(t reflect.Type) codec.Schema {
	s := codec.Opaque("key string")
	s.Name = t.String()
	return s
}

func ofCustom[K comparable](c codec.Codec[K]) (*Keys[K], error) {
	if err := codec.Check(c); err != nil {
		return nil, fmt.Errorf("key %w", err)
	}
	k := &Keys[K]{codec: c, schema: c.Schema(), path: byBytes}
	k.inPlace, _ = c.(codec.InPlace[K])
	return k, nil
}

// HashAll writes the hashes of keys into the first elements of to, which is at least as long.
func (k *Keys[K]) HashAll(keys []K, to []uint64) {
	data := unsafe.Pointer(unsafe.SliceData(keys))
	switch k.path {
	case byImage:
		hashImages(data, len(keys), uintptr(k.layout.width), to)
	case byString:
		hashStrings(unsafe.Slice((*string)(data), len(keys)), to)
	default:
		k.hashBytes(keys, to)
	}
}

// hashBytes writes each key down to hash it.
func (k *Keys[K]) hashBytes(keys []K, to []uint64) {
	to = to[:len(keys)]
	buffer, _ := k.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new(make([]byte, 0, 64))
	}
	b := *buffer
	for i := range keys {
		b = k.appendPtr(b[:0], &keys[i])
		to[i] = xxh3.Hash(b)
	}
	*buffer = b
	k.buffers.Put(buffer)
}

// Hash is the XXH3-64 of the key's canonical bytes.
func (k *Keys[K]) Hash(key K) uint64 {
	var to [1]uint64
	k.HashAll(unsafe.Slice(hide(&key), 1), to[:])
	return to[0]
}

// hide keeps a key from moving to the heap: hashing and codecs don't keep it.
func hide[K any](key *K) *K {
	u := uintptr(unsafe.Pointer(key))
	return *(**K)(unsafe.Pointer(&u))
}

// ImageBytes is the size of a key whose memory is its canonical bytes, and 0 for keys of other types.
func (k *Keys[K]) ImageBytes() int {
	if k.path != byImage {
		return 0
	}
	return k.layout.width
}

// Append appends the key's canonical bytes. It throws a [backend.Refusal] with the error of a custom codec that fails.
func (k *Keys[K]) Append(to []byte, key K) []byte {
	return k.appendPtr(to, hide(&key))
}

func (k *Keys[K]) appendPtr(to []byte, key *K) []byte {
	switch k.path {
	case byString:
		return append(to, *(*string)(unsafe.Pointer(key))...)
	case byImage:
		return append(to, unsafe.Slice((*byte)(unsafe.Pointer(key)), k.layout.width)...)
	}
	var err error
	if k.inPlace != nil {
		to, err = k.inPlace.AppendPtr(to, key)
	} else {
		to, err = k.codec.Append(to, *key)
	}
	if err != nil {
		panic(backend.Refusal{Err: fmt.Errorf("canonical bytes of a key: %w", err)})
	}
	return to
}

// Decode reads the canonical bytes of one key. It refuses bytes that are no key with an error.
func (k *Keys[K]) Decode(b []byte) (key K, err error) {
	if k.path == byString {
		*(*string)(unsafe.Pointer(&key)) = string(b)
		return key, nil
	}
	return k.codec.Decode(b)
}

// Exact says that equal hashes imply equal keys, so that a table need not compare keys. It is true for types whose
// canonical bytes always have the same width of at most 8: XXH3-64 is then one-to-one.
func (k *Keys[K]) Exact() bool { return k.layout.fixed && k.layout.width <= 8 }

// Schema describes the canonical bytes.
func (k *Keys[K]) Schema() codec.Schema { return k.schema }
