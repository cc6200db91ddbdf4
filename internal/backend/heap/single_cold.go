package heap

func (s *single[V]) follow(saved *uint64) { s.fam.saved = saved }
func (s *single[V]) changed(g int, row uint32, since uint64) bool {
	return s.cols[g].changed(row, since)
}
func (s *single[V]) settle(g int, row uint32) { s.cols[g].settle(row) }
func (s *single[V]) drop(g int, row uint32)   { s.cols[g].Delete(row) }

func (s *single[V]) save(to []byte, g int, row uint32) ([]byte, error) {
	v := s.cols[g].Peek(row)
	if v == nil {
		return to, nil
	}
	return framing(append(to, 0), func(to []byte) ([]byte, error) { return s.fam.encode(s.lease.stamp(to, g, row), v) })
}

func (s *single[V]) fill(g int, row uint32, item, value []byte) error {
	return s.add(g, row, item, value, s.reads.Codec.Decode)
}

func (z *frozenSingle[V]) changed(g, chunk int, since uint64) (rows [chunkRows / 64]uint64) {
	if col := &z.cols[g]; chunk < col.Chunks() {
		rows = col.Changed(chunk, since)
	}
	return rows
}

func (z *frozenSingle[V]) save(to []byte, g int, row uint32) ([]byte, error) {
	if z.cols[g].At(row) == nil {
		return to, nil
	}
	return framing(append(to, 0), func(to []byte) ([]byte, error) {
		return z.cols[g].appendValue(z.stamps.stamp(to, g, row), row)
	})
}

func (z *frozenSingle[V]) done(g, chunk int) { z.cols[g].doneAt(chunk) }

// appendValue encodes one value that is present, also one whose memory the owner has changed since.
func (z *Frozen[V]) appendValue(to []byte, row uint32) ([]byte, error) {
	k, lo := z.chunks[row>>chunkShift], int(row&(chunkRows-1))
	if !z.fam.refs {
		return z.fam.encode(to, &k.vals[lo])
	}
	z.fam.guard.Lock()
	defer z.fam.guard.Unlock()
	if saved, ok, err := k.log.find(lo); ok {
		return append(to, saved...), err
	}
	return z.fam.encode(to, &k.vals[lo])
}

// doneAt is Done for a chunk that may not be there.
func (z *Frozen[V]) doneAt(chunk int) {
	if chunk < len(z.chunks) {
		z.Done(chunk)
	}
}

func (s *single[V]) refers() bool { return pointers[V]() }

func (s *single[V]) shed(g int) {
	s.cols[g].Drop()
	s.fam.giveBack()
	s.lease.shed(g)
}
