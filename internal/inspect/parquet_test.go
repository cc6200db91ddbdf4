package inspect

import (
	"bytes"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"leat.dev/leat/codec"
)

type leg struct {
	From, To string
	At       time.Time
	Stops    []int16
}

// everything has what columns are made of, and what becomes text.
type everything struct {
	Bool    bool
	Small   int8
	Large   uint64
	Half    float32
	Whole   float64
	Text    string
	At      time.Time
	Raw     []byte
	ID      [2]byte
	Numbers []int32
	Pair    [2]float64
	Legs    []leg
	One     *leg
	None    *leg
	Maybe   *int64
	Nested  [][]int
	ByName  map[string]int
	Self    *everything
	Peer    netip.Addr
	Complex complex128
	Nothing struct{}
}

type flat struct {
	everythingButItself
	Odd string `leat:"a:b"`
}

type everythingButItself struct {
	Text    string
	At      time.Time
	Legs    []leg
	One     *leg
	None    *leg
	Maybe   *int64
	Nested  [][]int
	ByName  map[string]int
	Peer    netip.Addr
	Whole   float64
	Nothing struct{}
}

// written writes values to a Parquet file and opens it.
func written[V any](t *testing.T, values ...V) *parquet.File {
	t.Helper()
	c, err := codec.Derive[V](nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDynamic(c.Schema())
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Columns: []Column{{Name: "key", Kind: "string"}, {Name: "at", Kind: "time"}, valueColumn("value", d)}}
	var b bytes.Buffer
	w := newParquet(table, &b)
	for i, v := range values {
		text, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := d.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		var at any = EndOfTime
		if i > 0 {
			at = time.Unix(1, 0)
		}
		if err := w.Write([]any{"k", at, shown}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != int64(len(values)) {
		t.Errorf("%d rows, want %d", f.NumRows(), len(values))
	}
	return f
}

func TestParquetOfRecursiveTypesIsText(t *testing.T) {
	f := written(t, everything{}, everything{Self: &everything{}, Whole: math.NaN(), Pair: [2]float64{1, 2}, ByName: map[string]int{"a": 1}})
	if schema := f.Schema().String(); !strings.Contains(schema, "required binary value (STRING)") {
		t.Errorf("schema %s", schema)
	}
}

func TestParquetOfStructs(t *testing.T) {
	n := int64(7)
	a := leg{"FRA", "JFK", time.Unix(5, 0), []int16{1, 2}}
	f := written(t, flat{}, flat{everythingButItself: everythingButItself{
		Text: "x", Legs: []leg{a, {}}, One: &a, Maybe: &n, Nested: [][]int{{1}, nil}, ByName: map[string]int{"a": 1},
		Peer: netip.MustParseAddr("::1"), Whole: math.Inf(1),
	}, Odd: "y"})
	schema := f.Schema().String()
	for _, want := range []string{
		"required group value", "required int64 At (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS))", "Legs (LIST)", "optional group One",
		"optional int64 Maybe", "required group Nested (LIST)", "required binary ByName (STRING)", "optional int64 at (TIMESTAMP",
		"required double Whole", "a_b", "required binary Nothing (STRING)",
	} {
		if !strings.Contains(schema, want) {
			t.Errorf("no %q in %s", want, schema)
		}
	}
}
