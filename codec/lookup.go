package codec

import "reflect"

// Lookup returns the codec that the set was given for T, or nil. A nil set has none.
func Lookup[T any](s *Set) Codec[T] {
	if s == nil {
		return nil
	}
	own := s.lookup(reflect.TypeFor[T]())
	if own == nil {
		return nil
	}
	c, _ := own.codec.(Codec[T])
	return c
}
