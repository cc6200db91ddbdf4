package inspect

import (
	"testing"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/checkpoint"
)

// FuzzRows reads arbitrary entries of states of every kind: whatever comes, it is rows that can be shown, or an error.
func FuzzRows(f *testing.F) {
	f.Add("list", []byte("a"), []byte{}, []byte{1, 7, 1, 8})
	f.Add("map", []byte("a"), []byte{1, 'x'}, []byte{9})
	f.Add("timer", []byte("a"), []byte{}, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Add("slices", []byte("a"), []byte{0x80, 0, 0, 0, 0, 0, 0, 1}, []byte{4})
	f.Add("sessions", []byte("a"), []byte{0x80, 0, 0, 0, 0, 0, 0, 1}, []byte{9, 3, 4})
	f.Add("marks", []byte(""), []byte{}, make([]byte, 24))
	f.Add("splits", []byte(""), []byte{}, []byte{1})
	snap := Of(&checkpoint.Snapshot{Manifest: &checkpoint.Manifest{}})
	f.Fuzz(func(t *testing.T, kind string, key, item, value []byte) {
		s := State{
			Operator: "o", Key: "string",
			State: backend.State{
				Name: "s", Kind: backend.Kind(kind), Item: codec.Schema{Name: "string", Definition: `{"type":"string"}`},
				Value: codec.Schema{Name: "uint8", Definition: `{"type":"uint8"}`},
			},
		}
		if kind == "marks" || kind == "splits" || kind == "operator" {
			s.Key = ""
		}
		table, err := snap.Table(&s)
		if err != nil {
			t.Fatal(err)
		}
		show := func(row []any) error {
			if len(row) != len(table.Columns) {
				t.Fatalf("%d values in %d columns", len(row), len(table.Columns))
			}
			_ = table.JSON(nil, row)
			return nil
		}
		if s.Key != "" {
			_ = table.entry(entry{key, item, value}, show)
			return
		}
		if row, err := table.entryRow(backend.Entry{State: "s", Key: string(key), Value: value}); err == nil {
			_ = show(row)
		}
	})
}
