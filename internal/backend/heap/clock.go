package heap

// clockHand goes round the rows of a key group, for finding those that have not been used for a while: one that was used since the
// hand came by has another round. (F. J. Corbató, A paging experiment with the Multics system, 1968.)
type clockHand struct{ part, slot int }

// next returns a row that is not hollow and was not used since the last round, and moves on. There is such a row.
func (h *clockHand) next(x *Index) (row uint32, hash uint64) {
	for {
		if h.part >= len(x.parts) {
			*h = clockHand{}
		}
		if h.slot >= len(x.parts[h.part].slots) || !x.first(h.part) {
			h.part, h.slot = h.part+1, 0
			continue
		}
		s := &x.parts[h.part].slots[h.slot]
		h.slot++
		switch {
		case s.ref == 0 || s.flags&slotHollow != 0:
		case s.flags&slotUsed != 0:
			s.flags &^= slotUsed
		default:
			return s.ref - 1, s.hash
		}
	}
}

// first says whether a place of the table of parts is the first one of its part.
func (x *Index) first(at int) bool {
	f := x.parts[at].fill
	return f == nil || at < 1<<f.depth
}
