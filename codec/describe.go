package codec

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"time"
	"unsafe"
)

var (
	timeType        = reflect.TypeFor[time.Time]()
	marshalerType   = reflect.TypeFor[encoding.BinaryMarshaler]()
	unmarshalerType = reflect.TypeFor[encoding.BinaryUnmarshaler]()
)

// TypeError says that a type can't be encoded.
type TypeError struct {
	// Type is the Go type that was to be encoded, and Path the way from it to what is wrong, such as ".Meta.Conn" or
	// ".Routes[].Stop"; it is empty for the type itself.
	Type, Path string
	// Reason says what is wrong and what to do, such as "is a chan, which cannot be encoded: …".
	Reason string
}

func (e *TypeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("type %s %s", e.Type, e.Reason)
	}
	return fmt.Sprintf("type %s: field %s %s", e.Type, e.Path, e.Reason)
}

// describe works out the shape of t.
func describe(t reflect.Type, set *Set) (*shape, error) {
	d := describer{set: set, root: t, seen: map[reflect.Type]*shape{}}
	return d.describe(t, "")
}

type describer struct {
	set  *Set
	root reflect.Type
	seen map[reflect.Type]*shape // named types, so that recursion closes a cycle
}

func (d *describer) refuse(path, format string, args ...any) error {
	return &TypeError{Type: d.root.String(), Path: path, Reason: fmt.Sprintf(format, args...)}
}

func (d *describer) describe(t reflect.Type, path string) (*shape, error) {
	if s := d.seen[t]; s != nil {
		return s, nil
	}
	s := &shape{name: t.String(), typ: t}
	if t.Name() != "" {
		d.seen[t] = s
	}
	if c := d.set.lookup(t); c != nil {
		s.kind, s.via, s.opaque = kindOpaque, c, c.schema
		return s, nil
	}
	if reason := refusedType(t); reason != "" {
		return nil, d.refuse(path, "is a %v, %s", t, reason)
	}
	if marshalsItself(t) {
		s.kind, s.via = kindOpaque, reflected(t)
		s.opaque = s.via.schema
		return s, nil
	}
	return s, d.fill(s, t, path)
}

// fill describes t by its kind.
func (d *describer) fill(s *shape, t reflect.Type, path string) (err error) {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64, reflect.Complex64,
		reflect.Complex128:
		s.kind = kind(t.Kind().String())
	case reflect.Int:
		s.kind = "int64"
	case reflect.Uint:
		s.kind = "uint64"
	case reflect.Struct:
		if isTime(t) {
			s.kind = kindTime
			return nil
		}
		s.kind = kindStruct
		return d.fields(s, t, path)
	case reflect.Array:
		s.kind, s.length = kindArray, t.Len()
		s.elem, err = d.describe(t.Elem(), path+"[]")
	case reflect.Slice:
		s.kind = kindSlice
		s.elem, err = d.describe(t.Elem(), path+"[]")
	case reflect.Pointer:
		s.kind = kindPointer
		s.elem, err = d.describe(t.Elem(), path)
	case reflect.Map:
		s.kind = kindMap
		if s.key, err = d.describe(t.Key(), path+"[key]"); err == nil {
			s.elem, err = d.describe(t.Elem(), path+"[value]")
		}
	default:
		return d.refuse(path, "is %s", refusedKind(t))
	}
	return err
}

// fields describes a struct's fields, the unexported too: state must not lose data. Blank fields have none.
func (d *describer) fields(s *shape, t reflect.Type, path string) error {
	for i := range t.NumField() {
		f := t.Field(i)
		at := path + "." + f.Name
		name, was, skip, unknown := parseTag(f.Tag)
		if unknown != "" {
			return d.refuse(at, "has the tag `leat:%q` with an option %q: there is only was=OLD|OLDER", f.Tag.Get("leat"), unknown)
		}
		if skip || f.Name == "_" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if err := d.unique(s, name, was, at); err != nil {
			return err
		}
		sub, err := d.describe(f.Type, at)
		if err != nil {
			return err
		}
		s.fields = append(s.fields, field{name: name, was: was, shape: sub, offset: f.Offset})
	}
	return nil
}

// unique refuses a field whose name, now or before, another field has as well.
func (d *describer) unique(s *shape, name string, was []string, path string) error {
	for _, n := range append([]string{name}, was...) {
		for _, other := range s.fields {
			if other.name == n || slices.Contains(other.was, n) {
				return d.refuse(path, "and another are both called %q in the schema: give one of them another name by its tag", n)
			}
		}
	}
	return nil
}

// refusedKind is what a kind that can't be encoded is, and what to do about it.
func refusedKind(t reflect.Type) string {
	leaveOut := "or leave it out with the tag `leat:\"-\"`"
	switch t.Kind() {
	case reflect.Interface:
		return fmt.Sprintf("the interface %v, which cannot be encoded: use a concrete type, give the job a codec for %v "+
			"with Job.Encode, %s", t, t, leaveOut)
	case reflect.Uintptr:
		return "a uintptr, which means nothing outside this process: use uint64, " + leaveOut
	}
	return fmt.Sprintf("a %v, which cannot be encoded: keep what can be written down instead, %s", t.Kind(), leaveOut)
}

// refusedType has the reason against types whose fields could be encoded, but would mean nothing when decoded.
func refusedType(t reflect.Type) string {
	switch {
	case t.PkgPath() == "sync" || t.PkgPath() == "sync/atomic":
		return "which belongs to this process: one goroutine owns a value, and it needs no lock"
	case t == reflect.TypeFor[time.Location]():
		return "which can't be told from its content: store its name"
	case t.PkgPath() == "unique":
		return "which is a pointer of this process: store its Value"
	case t.PkgPath() == "strings" || t.PkgPath() == "container/list" || t.PkgPath() == "container/ring":
		return "which points to itself: store its content as a string or a slice"
	}
	if _, ok := reflect.PointerTo(t).MethodByName("ProtoReflect"); ok && t.Kind() == reflect.Struct {
		return fmt.Sprintf("a protobuf message: use *%v and call job.Encode(proto.Codec[*%v]())", t, t)
	}
	return ""
}

// marshalsItself says whether t is encoded by its own methods: structs that show none of their fields know best.
func marshalsItself(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || isTime(t) || !marshals(t) {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i)
		// Methods that come from an embedded field would leave out the others.
		if f.IsExported() || f.Anonymous && marshals(f.Type) && t.NumField() > 1 {
			return false
		}
	}
	return true
}

func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(marshalerType) && p.Implements(unmarshalerType)
}

// isTime says whether t is time.Time or a type that is defined as one.
func isTime(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.ConvertibleTo(timeType) }

// addresses marshal themselves, and are so often part of a key that they are called without reflection.
var addresses = map[reflect.Type]*custom{
	reflect.TypeFor[netip.Addr]():     direct(netip.Addr.AppendBinary, (*netip.Addr).UnmarshalBinary),
	reflect.TypeFor[netip.AddrPort](): direct(netip.AddrPort.AppendBinary, (*netip.AddrPort).UnmarshalBinary),
	reflect.TypeFor[netip.Prefix]():   direct(netip.Prefix.AppendBinary, (*netip.Prefix).UnmarshalBinary),
}

func direct[T any](write func(T, []byte) ([]byte, error), read func(*T, []byte) error) *custom {
	return &custom{
		schema: Opaque(binaryName(reflect.TypeFor[T]())),
		append: func(to []byte, p unsafe.Pointer) ([]byte, error) { return write(*(*T)(p), to) },
		decode: func(from []byte, p unsafe.Pointer) error { return read((*T)(p), from) },
	}
}

// reflected is the codec of a type that marshals itself. The methods get a copy: they may keep their receiver, which
// may lie in memory that is used again.
func reflected(t reflect.Type) *custom {
	if c := addresses[t]; c != nil {
		return c
	}
	return &custom{
		schema: Opaque(binaryName(t)),
		append: func(to []byte, p unsafe.Pointer) ([]byte, error) {
			v := reflect.New(t)
			v.Elem().Set(reflect.NewAt(t, p).Elem())
			return appendBinary(to, v.Interface().(encoding.BinaryMarshaler))
		},
		decode: func(from []byte, p unsafe.Pointer) error {
			v := reflect.New(t)
			if err := v.Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(from); err != nil {
				return err
			}
			reflect.NewAt(t, p).Elem().Set(v.Elem())
			return nil
		},
	}
}
