package joining

// cell is the records of one side that have one key and one event time, in the order in which they came. As values of
// state are, it is changed by setting another one; the list grows behind the end that others see.
type cell[V any] struct {
	one     [1]V // the only one
	several []V  // all of them, if there are several
	// paired says that they have had a partner. It holds for all: those of one time have the same partners, for a partner
	// is kept as long as any record comes that it would have to be compared with.
	paired bool
}

func (c *cell[V]) records() []V {
	if c.several != nil {
		return c.several
	}
	return c.one[:]
}

// add adds a record; fresh says that it is the first.
func (c *cell[V]) add(v *V, fresh bool) {
	switch {
	case fresh:
		c.one[0] = *v
	case c.several == nil:
		c.several = append(make([]V, 0, firstRoom), c.one[0], *v)
		c.one = [1]V{}
	default:
		c.several = append(c.several, *v)
	}
}
