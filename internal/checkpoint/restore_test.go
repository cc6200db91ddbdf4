package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/store"
)

// taken is a complete snapshot, read from its store.
func taken(t *testing.T) (*Snapshot, *faulty) {
	t.Helper()
	s := &faulty{Memory: store.NewMemory()}
	if _, err := take(t, job(s), parts(new(atomic.Int32))); err != nil {
		t.Fatal(err)
	}
	m, err := Read(t.Context(), s, "fraud", 1)
	if err != nil {
		t.Fatal(err)
	}
	return &Snapshot{Manifest: m, Store: s}, s
}

// keyedOf is what an operator's subtask would restore.
func keyedOf(t *testing.T, s *Snapshot, operator string, from, to int) (string, error) {
	var all []string
	err := s.Keyed(t.Context(), operator, from, to, nil, func(state string, group int, r backend.Reader) error {
		entries, err := readEntries(r)
		all = append(all, fmt.Sprintf("%s/%d:%d", state, group, len(entries)))
		return err
	})
	return strings.Join(all, " "), err
}

func TestRestoreByKeyGroups(t *testing.T) {
	s, faults := taken(t)
	for _, c := range []struct {
		from, to int
		want     string
	}{
		{0, 128, "count/23:1 deadlines/40:2"},
		{0, 24, "count/23:1"},
		{24, 64, "deadlines/40:2"},
		{23, 24, "count/23:1"},
		{41, 128, ""},
	} {
		if got, err := keyedOf(t, s, "detect", c.from, c.to); err != nil || got != c.want {
			t.Errorf("groups %d to %d: got %s, %v", c.from, c.to, got, err)
		}
	}
	faults.did = nil
	if _, err := keyedOf(t, s, "detect", 64, 128); err != nil || !slices.Equal(faults.did, []string{"open fraud/data/0000000001/0000000001/detect-1.seg"}) {
		t.Errorf("files without key groups of the range are opened: %v, %v", faults.did, err)
	}
}

func TestRestoreEntriesAndFloors(t *testing.T) {
	s, _ := taken(t)
	entries := s.Entries("payments")
	if len(entries) != 2 || entries[0].Key != "a.csv" || !bytes.Equal(entries[1].Value, []byte{0, 1, 2}) {
		t.Errorf("entries %v", entries)
	}
	if f := s.Floors("detect"); len(f) != 2 || f[1] != (backend.Floor{From: 64, To: 128, Watermark: 1_700_000_000_000_000_001}) {
		t.Errorf("floors %v", f)
	}
	if got, err := keyedOf(t, s, "nobody", 0, 128); got != "" || err != nil || s.Entries("nobody") != nil || s.Floors("nobody") != nil {
		t.Errorf("an operator that the snapshot lacks has %s, %v", got, err)
	}
}

func TestRestoreErrorsNameTheFile(t *testing.T) {
	const file = "operator detect: fraud/data/0000000001/0000000001/detect-0.seg: "
	s, faults := taken(t)
	faults.fails = "open detect-0"
	if _, err := keyedOf(t, s, "detect", 0, 128); err == nil || err.Error() != "operator detect: the disk is full" {
		t.Errorf("got %v", err)
	}
	faults.fails = ""
	err := s.Keyed(t.Context(), "detect", 0, 128, nil, func(string, int, backend.Reader) error { return errFull })
	if err == nil || err.Error() != file+"state count, key group 23: the disk is full" {
		t.Errorf("got %v", err)
	}
	whole := segmentOf(t, golden()...)
	for what, b := range map[string][]byte{"truncated": whole[:len(whole)-3], "empty": nil, "changed": append(bytes.Clone(whole[:12]), whole[13:]...)} {
		replace(t, faults, "fraud/data/0000000001/0000000001/detect-0.seg", b)
		if _, err := keyedOf(t, s, "detect", 0, 128); !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), file) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func replace(t *testing.T, s store.Store, name string, b []byte) {
	t.Helper()
	if err := errors.Join(s.Delete(t.Context(), name), s.Put(t.Context(), name, b)); err != nil {
		t.Fatal(err)
	}
}

func TestReadManifest(t *testing.T) {
	const file = "fraud/manifests/0000000001.json"
	_, s := taken(t)
	for text, want := range map[string]string{
		string(sealed([]byte(`{"format":9}`))): file + ": format 9 is not one that this version reads (1 to 3)",
		string(sealed([]byte(`{"format":`))):   file + ": the file is damaged: unexpected end of JSON input",
		string(sealed([]byte(`null`))):         file + ": format 0 is not one that this version reads (1 to 3)",
		`{"format":1}`:                         file + ": the file is damaged: it does not end with its checksum",
		"{}\ncrc32c 00000000\n":                file + ": the file is damaged: its checksum is f01f9d27, not 00000000",
	} {
		replace(t, s, file, []byte(text))
		if _, err := Read(t.Context(), s, "fraud", 1); err == nil || err.Error() != want {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := Read(t.Context(), s, "fraud", 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// lost is a store whose pieces can't be read from an offset on: the connection to it is lost.
type lost struct {
	store.Store
	from int64
}

type lostPiece struct {
	store.Piece
	from int64
}

func (l lost) Open(ctx context.Context, name string) (store.Piece, error) {
	p, err := l.Store.Open(ctx, name)
	return lostPiece{p, l.from}, err
}

func (p lostPiece) ReadAt(b []byte, off int64) (int, error) {
	if end := off + int64(len(b)); end > p.from && off < p.Size()-int64(tailBytes) {
		return 0, fmt.Errorf("read: %w", store.ErrUnavailable)
	}
	return p.Piece.ReadAt(b, off)
}

// A store that can't be reached is not taken for one with a damaged file: a restore that went on from an older snapshot would repeat
// output.
func TestLostStoreIsNoDamage(t *testing.T) {
	s, faults := taken(t)
	file := s.operator("detect").Files[0]
	for from := range file.Bytes {
		s.Store = lost{faults, from}
		if _, err := keyedOf(t, s, "detect", 0, 128); err != nil && (!errors.Is(err, store.ErrUnavailable) || errors.Is(err, ErrDamaged)) {
			t.Fatalf("lost from byte %d on: restore: %v", from, err)
		}
		found := 0
		err := s.Verify(t.Context(), file, func(Section, Op, []byte, []byte, []byte) error { return nil }, func(*Damage) { found++ })
		if found > 0 || from < file.Bytes-int64(tailBytes) && !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("lost from byte %d on: verify: %v, and %d found", from, err, found)
		}
	}
}
