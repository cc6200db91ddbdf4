package codec

// Layout describes the values of a [Dynamic], for programs that make columns of them. Layouts of recursive types go
// round in circles: see [Layout.Recursive].
type Layout struct{ s *shape }

// Layout is what values are like; the second result is false if only a codec of its own understands them.
func (d *Dynamic) Layout() (Layout, bool) { return Layout{d.shape}, d.shape != nil }

// Kind is bool, int8 … int64, uint8 … uint64, float32, float64, complex64, complex128, string, time, struct, array,
// slice, map, pointer or opaque.
func (l Layout) Kind() string { return string(l.s.kind) }

// Len is the length of an array.
func (l Layout) Len() int { return l.s.length }

// Elem is what an array, slice, map or pointer has or leads to.
func (l Layout) Elem() Layout { return Layout{l.s.elem} }

// Key is the layout of a map's keys.
func (l Layout) Key() Layout { return Layout{l.s.key} }

// Fields are those of a struct, in order.
func (l Layout) Fields() []LayoutField {
	all := make([]LayoutField, len(l.s.fields))
	for i, f := range l.s.fields {
		all[i] = LayoutField{f.name, Layout{f.shape}}
	}
	return all
}

// LayoutField is a field of a struct.
type LayoutField struct {
	Name   string
	Layout Layout
}

// Recursive says whether values may contain others of the same type, however deep.
func (l Layout) Recursive() bool { return recursive(l.s, map[*shape]bool{}, map[*shape]bool{}) }

func recursive(s *shape, open, done map[*shape]bool) bool {
	if s == nil || done[s] {
		return false
	}
	if open[s] {
		return true
	}
	open[s] = true
	defer func() { delete(open, s); done[s] = true }()
	for i := range s.fields {
		if recursive(s.fields[i].shape, open, done) {
			return true
		}
	}
	return recursive(s.key, open, done) || recursive(s.elem, open, done)
}
