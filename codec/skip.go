package codec

// skip passes over a value that the reader has no field for. It needs no program: it is rare, and says what is wrong
// as decoding would.
func skip(s *shape, from []byte, depth int) ([]byte, error) {
	if least, fixed := s.measure(); fixed {
		if least > len(from) {
			return from, short(least, len(from))
		}
		return from[least:], nil
	}
	switch s.kind {
	case kindString:
		size, from, err := readLength(from, 1, 0)
		if err != nil {
			return from, err
		}
		return from[size:], nil
	case kindOpaque:
		_, from, err := readOpaque(from)
		return from, err
	case kindStruct:
		return skipFields(s, from, depth)
	}
	if depth == 0 {
		return from, corrupt("%v", errTooDeep)
	}
	return skipContainer(s, from, depth-1)
}

func skipFields(s *shape, from []byte, depth int) (_ []byte, err error) {
	for i := range s.fields {
		if from, err = skip(s.fields[i].shape, from, depth); err != nil {
			return from, err
		}
	}
	return from, nil
}

func skipContainer(s *shape, from []byte, depth int) ([]byte, error) {
	switch s.kind {
	case kindArray:
		return skipEach(s, from, s.length, depth)
	case kindPointer:
		present, from, err := readFlag(from)
		if err != nil || !present {
			return from, err
		}
		return skip(s.elem, from, depth)
	}
	each, _ := s.elem.measure()
	if s.kind == kindMap {
		key, _ := s.key.measure()
		each += key
	}
	count, from, err := readLength(from, max(each, 1), 1)
	if err != nil || count < 0 {
		return from, err
	}
	if each, fixed := s.elem.measure(); s.kind == kindSlice && fixed {
		return from[count*max(each, 1):], nil
	}
	return skipEach(s, from, count, depth)
}

// skipEach passes over the elements of a slice or an array, or the entries of a map.
func skipEach(s *shape, from []byte, count, depth int) (_ []byte, err error) {
	for range count {
		if s.kind == kindMap {
			if from, err = skip(s.key, from, depth); err != nil {
				return from, err
			}
		}
		if from, err = skip(s.elem, from, depth); err != nil {
			return from, err
		}
	}
	return from, nil
}

// measureAll measures all shapes that s leads to, so that they are only read afterwards.
func (s *shape) measureAll(seen map[*shape]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	s.measure()
	for i := range s.fields {
		s.fields[i].shape.measureAll(seen)
	}
	s.key.measureAll(seen)
	s.elem.measureAll(seen)
}
