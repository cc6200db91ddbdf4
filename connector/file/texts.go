package file

import "hash/maphash"

// texts makes strings of cells. It keeps the short ones that came last, one a slot, so that a text that repeats often
// (a carrier, a currency) is allocated once and not by each row. A text that shares its slot only costs an
// allocation.
type texts struct {
	seed maphash.Seed
	kept []string
}

const (
	keptTexts    = 8192 // a power of two: 128 KiB for a reader
	keptMaxBytes = 32
)

func (t *texts) get(cell []byte) string {
	if len(cell) > keptMaxBytes {
		return string(cell)
	}
	if t.kept == nil {
		t.seed, t.kept = maphash.MakeSeed(), make([]string, keptTexts)
	}
	slot := &t.kept[maphash.Bytes(t.seed, cell)%keptTexts]
	if *slot != string(cell) {
		*slot = string(cell)
	}
	return *slot
}
