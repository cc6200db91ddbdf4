package inspect

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"leat.dev/leat/codec"
	"leat.dev/leat/internal/backend"
	"leat.dev/leat/internal/keygroup"
)

// Column is a column of a state's table.
type Column struct {
	Name string
	// Kind is int64, uint64, bool, time, string, or value: what a schema describes.
	Kind string
	// Layout is that of a value; without one only a codec of its own understands it.
	Layout codec.Layout
	Known  bool
}

// Table shows a state as rows. A row has a value for each column, of the types that [codec.Dynamic] returns.
type Table struct {
	State   *State
	Columns []Column
	snap    *Snapshot
	keys    *keygroup.Dynamic
	item    *codec.Dynamic
	value   *codec.Dynamic
	rows    func(t *Table, e entry, key any, f func(row []any) error) error
	last    []byte // of a list: the key of the entry before
	index   int64  // and the elements that it has had
}

// Table makes the table of a state.
func (s *Snapshot) Table(state *State) (*Table, error) {
	t := &Table{State: state, snap: s}
	err := t.prepare()
	if err != nil {
		return nil, fmt.Errorf("state %s: %w", state.Path(), err)
	}
	return t, nil
}

// TableOf makes the table of a state by key that lies in no snapshot: KeyRows shows its entries.
func TableOf(state *State) (*Table, error) { return (&Snapshot{}).Table(state) }

// KeyRows calls f for each row of what a key has.
func (t *Table) KeyRows(key []byte, held []backend.Held, f func(row []any) error) error {
	t.last, t.index = nil, 0
	for _, h := range held {
		if err := t.entry(entry{key, h.Item, h.Value}, f); err != nil {
			return err
		}
	}
	return nil
}

// Item returns the bytes of an item that is given as JSON, or, where it is a string or is written as one, as it is.
func (t *Table) Item(text string) ([]byte, error) {
	switch t.State.Kind {
	case backend.Map, backend.Ordered, backend.Timers:
	default:
		return nil, fmt.Errorf("state %s is of kind %s, which has no items", t.State.Path(), t.State.KindText())
	}
	b, err := t.item.AppendJSON([]byte{}, []byte(text))
	if err == nil {
		return b, nil
	}
	quoted, qerr := json.Marshal(text)
	if qerr == nil {
		if b, again := t.item.AppendJSON([]byte{}, quoted); again == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("state %s has items of type %s: item %s: %w", t.State.Path(), t.State.Item.Name, text, err)
}

func (t *Table) prepare() (err error) {
	if t.keys, err = t.State.keysOf(); err != nil {
		return err
	}
	if t.item, err = codec.NewDynamic(t.State.Item); err != nil {
		return err
	}
	if t.value, err = codec.NewDynamic(t.State.Value); err != nil {
		return err
	}
	if !t.State.Keyed() {
		t.unkeyed()
		return nil
	}
	key := Column{Name: "key", Kind: "value"}
	key.Layout, key.Known = t.keys.Layout()
	item, value := valueColumn("item", t.item), valueColumn("value", t.value)
	at := func(name string) Column { return Column{Name: name, Kind: "time"} }
	switch t.State.Kind {
	case backend.List:
		t.Columns, t.rows = []Column{key, {Name: "index", Kind: "int64"}, value}, (*Table).listRows
	case backend.Map, backend.Ordered:
		t.Columns, t.rows = []Column{key, item, value}, (*Table).itemRows
	case backend.Timer:
		t.Columns, t.rows = []Column{key, at("time")}, (*Table).timerRows
	case backend.Timers:
		t.Columns, t.rows = []Column{key, item, at("time")}, (*Table).timersRows
	case backend.Slices:
		if t.State.Name == "panes" {
			t.Columns, t.rows = []Column{key, at("end"), {Name: "fired", Kind: "uint64"}}, (*Table).paneRows
		} else {
			t.Columns, t.rows = []Column{key, at("start"), value}, (*Table).sliceRows
		}
	case backend.Sessions:
		t.Columns = []Column{key, at("start"), at("end"), {Name: "fired", Kind: "uint64"}, value}
		t.rows = (*Table).sessionRows
	default: // value, reducing, aggregating
		t.Columns, t.rows = []Column{key, value}, (*Table).valueRows
	}
	if t.State.TTL != nil {
		t.Columns = append(t.Columns, at("written"))
	}
	return nil
}

func valueColumn(name string, d *codec.Dynamic) Column {
	c := Column{Name: name, Kind: "value"}
	c.Layout, c.Known = d.Layout()
	return c
}

// unkeyed has the tables of operators without keys, whose entries stand in the manifest.
func (t *Table) unkeyed() {
	switch t.State.Kind {
	case Splits:
		t.Columns = []Column{{Name: "split", Kind: "string"}, {Name: "finished", Kind: "bool"}, {Name: "position", Kind: "string"}}
	case Marks:
		t.Columns = []Column{{Name: "split", Kind: "string"}, {Name: "newest", Kind: "time"}, {Name: "since", Kind: "int64"}, {Name: "watermark", Kind: "time"}}
	default:
		t.Columns = []Column{{Name: "subtask", Kind: "int64"}, {Name: "index", Kind: "int64"}, valueColumn("value", t.value)}
	}
}

// Key returns the canonical bytes of a key that is given as JSON, or, where it is a string, as it is.
func (t *Table) Key(text string) ([]byte, error) {
	if !t.State.Keyed() {
		return nil, fmt.Errorf("state %s has no keys", t.State.Path())
	}
	canonical, err := t.keys.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("state %s has keys of type %s: %w", t.State.Path(), t.State.Key, err)
	}
	return canonical, nil
}

// Rows calls f for each row, key group by key group, until f returns an error. Only has the canonical bytes of a key: then only
// its rows are read, and no other key group; nil is all rows.
func (t *Table) Rows(ctx context.Context, only []byte, f func(row []any) error) error {
	if !t.State.Keyed() {
		return t.entryRows(f)
	}
	from, to := 0, t.snap.Manifest.MaxParallelism
	if only != nil {
		from = keygroup.OfBytes(only, to)
		to = from + 1
	}
	t.last, t.index = nil, 0
	return t.snap.entries(ctx, t.State, from, to, func(_ int, e entry) error {
		if only != nil && !bytes.Equal(e.key, only) {
			return nil
		}
		return t.entry(e, f)
	})
}

// Enough is for f of Rows to return: Rows then ends, and returns it.
var Enough = errEnough

func (t *Table) entry(e entry, f func(row []any) error) error {
	key, err := t.keys.Decode(e.key)
	if err != nil {
		return fmt.Errorf("key %x: %w", e.key, err)
	}
	if err := t.rows(t, e, key, f); err != nil {
		if err == errEnough {
			return err
		}
		return fmt.Errorf("key %s: %w", codec.JSON(nil, key), err)
	}
	return nil
}

func (t *Table) valueRows(e entry, key any, f func([]any) error) error {
	if len(e.item) > 0 {
		return fmt.Errorf("%w: an item, where there are none", codec.ErrCorrupt)
	}
	return t.valueRow(f, e.value, key)
}

// valueRow makes a row that ends with a value, and, of states with a TTL, with the time of its last write.
func (t *Table) valueRow(f func([]any) error, value []byte, row ...any) (err error) {
	var written int64
	if t.State.TTL != nil {
		if written, value, err = backend.CutStamp(value); err != nil {
			return fmt.Errorf("%w: %w", codec.ErrCorrupt, err)
		}
	}
	v, err := t.value.Decode(value)
	if err != nil {
		return err
	}
	row = append(row, v)
	if t.State.TTL != nil {
		row = append(row, instant(written))
	}
	return f(row)
}

func (t *Table) listRows(e entry, key any, f func([]any) error) error {
	if t.last == nil || !bytes.Equal(t.last, e.key) {
		t.last, t.index = append([]byte{}, e.key...), 0
	}
	return eachElement(e.value, func(b []byte) error {
		t.index++
		return t.valueRow(f, b, key, t.index-1)
	})
}

// eachElement goes through the elements of a list's entry, each behind its length.
func eachElement(b []byte, f func([]byte) error) error {
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return fmt.Errorf("%w: an element is longer than its entry", codec.ErrCorrupt)
		}
		if err := f(b[w : w+int(n)]); err != nil {
			return err
		}
		b = b[w+int(n):]
	}
	return nil
}

func (t *Table) itemRows(e entry, key any, f func([]any) error) error {
	item, err := t.item.Decode(e.item)
	if err != nil {
		return err
	}
	return t.valueRow(f, e.value, key, item)
}

func (t *Table) timerRows(e entry, key any, f func([]any) error) error {
	at, err := timerTime(e.value)
	if err != nil {
		return err
	}
	return f([]any{key, at})
}

func (t *Table) timersRows(e entry, key any, f func([]any) error) error {
	item, err := t.item.Decode(e.item)
	if err != nil {
		return err
	}
	at, err := timerTime(e.value)
	if err != nil {
		return err
	}
	return f([]any{key, item, at})
}

// timerTime reads the time of a timer.
func timerTime(b []byte) (time.Time, error) {
	if len(b) != 8 {
		return time.Time{}, fmt.Errorf("%w: a timer's time of %d bytes", codec.ErrCorrupt, len(b))
	}
	return time.Unix(0, int64(binary.LittleEndian.Uint64(b))).UTC(), nil
}

// sliceTime reads the start or end of a slice: big endian, the sign flipped.
func sliceTime(b []byte) (time.Time, error) {
	if len(b) != 8 {
		return time.Time{}, fmt.Errorf("%w: a slice's time of %d bytes", codec.ErrCorrupt, len(b))
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b)^1<<63)).UTC(), nil
}

func (t *Table) sliceRows(e entry, key any, f func([]any) error) error {
	start, err := sliceTime(e.item)
	if err != nil {
		return err
	}
	v, err := t.value.Decode(e.value)
	if err != nil {
		return err
	}
	return f([]any{key, start, v})
}

func (t *Table) paneRows(e entry, key any, f func([]any) error) error {
	end, err := sliceTime(e.item)
	if err != nil {
		return err
	}
	n, w := binary.Uvarint(e.value)
	if w <= 0 || w != len(e.value) {
		return fmt.Errorf("%w: a number of panes in %d bytes", codec.ErrCorrupt, len(e.value))
	}
	return f([]any{key, end, n})
}

func (t *Table) sessionRows(e entry, key any, f func([]any) error) error {
	start, err := sliceTime(e.item)
	if err != nil {
		return err
	}
	length, n := binary.Uvarint(e.value)
	if n <= 0 || length > math.MaxInt64 {
		return fmt.Errorf("%w: a session's length", codec.ErrCorrupt)
	}
	fired, m := binary.Uvarint(e.value[n:])
	if m <= 0 {
		return fmt.Errorf("%w: how often a session has fired", codec.ErrCorrupt)
	}
	v, err := t.value.Decode(e.value[n+m:])
	if err != nil {
		return err
	}
	return f([]any{key, start, start.Add(time.Duration(length)), fired >> 1, v})
}

// entryRows are those of an operator without keys.
func (t *Table) entryRows(f func(row []any) error) error {
	for _, e := range t.snap.operator(t.State.Operator).Entries {
		if e.State != t.State.Name {
			continue
		}
		row, err := t.entryRow(e)
		if err == nil {
			err = f(row)
		}
		if err == errEnough {
			return err
		}
		if err != nil {
			return fmt.Errorf("state %s, %s: %w", t.State.Path(), e.Key, err)
		}
	}
	return nil
}

func (t *Table) entryRow(e backend.Entry) ([]any, error) {
	switch t.State.Kind {
	case Splits:
		if len(e.Value) == 0 || e.Value[0] > 1 {
			return nil, fmt.Errorf("%w: a split neither open nor finished", codec.ErrCorrupt)
		}
		return []any{e.Key, e.Value[0] == 1, readable(e.Value[1:])}, nil
	case Marks:
		if len(e.Value) != 24 {
			return nil, fmt.Errorf("%w: marks of %d bytes", codec.ErrCorrupt, len(e.Value))
		}
		number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(e.Value[8*i:])) }
		return []any{e.Key, instant(number(0)), number(1), instant(number(2))}, nil
	}
	place, err := strconv.ParseUint(e.Key, 16, 64)
	if err != nil {
		return nil, errors.Join(codec.ErrCorrupt, err)
	}
	v, err := t.value.Decode(e.Value)
	return []any{int64(place >> 48), int64(place & (1<<48 - 1)), v}, err
}

// instant is an event time; there may be none.
func instant(at int64) any {
	switch at {
	case math.MinInt64:
		return nil
	case math.MaxInt64:
		return EndOfTime
	}
	return time.Unix(0, at).UTC()
}

// EndOfTime is how the watermark behind all records is shown.
const EndOfTime = "end of time"

// readable shows bytes that only a source understands: as text if they look like some, else in hexadecimal.
func readable(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) < 4 {
		return "0x" + hex.EncodeToString(b)
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return "0x" + hex.EncodeToString(b)
		}
	}
	return string(b)
}
