package codec

import (
	"reflect"
	"time"
)

// scalar is the codec of a type that is common enough for one of its own, or nil. It writes what the program would, and
// spares the call.
func (p program) scalar(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[string]():
		return &text{derived[string]{p}}
	case reflect.TypeFor[time.Time]():
		return &instant{derived[time.Time]{p}}
	}
	return nil
}

// text encodes strings.
type text struct{ derived[string] }

func (*text) Append(to []byte, v string) ([]byte, error) { return appendString(to, v), nil }

func (*text) AppendPtr(to []byte, v *string) ([]byte, error) { return appendString(to, *v), nil }

func appendString(to []byte, s string) []byte { return append(appendUvarint(to, uint64(len(s))), s...) }

func (c *text) Decode(from []byte) (v string, err error) {
	if err = decodeText(from, &v); err != nil {
		return v, c.p.undecoded(err)
	}
	return v, nil
}

// instant encodes times.
type instant struct{ derived[time.Time] }

func (*instant) Append(to []byte, v time.Time) ([]byte, error) { return appendTime(to, &v), nil }

func (*instant) AppendPtr(to []byte, v *time.Time) ([]byte, error) { return appendTime(to, v), nil }

func (c *instant) Decode(from []byte) (v time.Time, err error) {
	if err = decodeInstant(from, &v); err != nil {
		return v, c.p.undecoded(err)
	}
	return v, nil
}
