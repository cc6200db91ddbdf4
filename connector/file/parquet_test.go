package file_test

import (
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/file"
)

type origin struct {
	ID  int64
	Tag string
}

type stop struct {
	City string `parquet:"city"`
	Wait time.Duration
	Via  []string
}

// everything has a field of each kind that columns hold.
type everything struct {
	origin
	Bool    bool
	I       int
	I8      int8
	I16     int16
	I32     int32 `parquet:"i_32"`
	U       uint
	U8      uint8
	U16     uint16
	U32     uint32
	U64     uint64
	F32     float32
	F64     float64
	Text    string
	Bytes   []byte
	Hash    [5]byte
	At      time.Time
	Milli   time.Time `parquet:"milli,millis"`
	Nano    time.Time `parquet:",nanos"`
	Took    time.Duration
	Address netip.Addr
	Maybe   *int64
	MaybeAt *time.Time `parquet:"maybe_at"`
	Stop    stop
	MaybeTo *stop
	Stops   []stop
	Lists   [][]*int32
	Blobs   [][]byte
	Pair    [2]stop
	Counts  map[string]int64
	Routes  map[uint16][]stop
	Keys    map[[2]byte]map[bool]string
	//lint:ignore U1000 it is there to be left out
	secret int
	Left   chan int `parquet:"-"`
}

// times are in UTC and as fine as their column.
func times(unit time.Duration, from, to int64) *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(from, to), func(n int64) time.Time {
		perSecond := int64(time.Second / unit)
		return time.Unix(n/perSecond, n%perSecond*int64(unit)).UTC()
	})
}

var stops = rapid.Custom(func(t *rapid.T) stop {
	return stop{
		rapid.String().Draw(t, "city"), time.Duration(rapid.Int64().Draw(t, "wait")), maybeNil(rapid.SliceOfN(rapid.String(), 0, 3)).Draw(t, "via"),
	}
})

// maybeNil makes nil in place of some of the slices and maps.
func maybeNil[T any](of *rapid.Generator[T]) *rapid.Generator[T] {
	var none T
	return rapid.OneOf(rapid.Just(none), of)
}

func pointers[T any](of *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(of, true) }

var everythings = rapid.Custom(func(t *rapid.T) everything {
	return everything{
		origin: origin{rapid.Int64().Draw(t, "id"), rapid.String().Draw(t, "tag")},
		Bool:   rapid.Bool().Draw(t, "bool"),
		I:      rapid.Int().Draw(t, "i"), I8: rapid.Int8().Draw(t, "i8"), I16: rapid.Int16().Draw(t, "i16"), I32: rapid.Int32().Draw(t, "i32"),
		U: rapid.Uint().Draw(t, "u"), U8: rapid.Uint8().Draw(t, "u8"), U16: rapid.Uint16().Draw(t, "u16"), U32: rapid.Uint32().Draw(t, "u32"),
		U64: rapid.Uint64().Draw(t, "u64"),
		F32: rapid.Float32().Draw(t, "f32"), F64: rapid.Float64().Draw(t, "f64"),
		Text: rapid.String().Draw(t, "text"), Bytes: maybeNil(rapid.SliceOfN(rapid.Byte(), 0, 4)).Draw(t, "bytes"),
		Hash:    [5]byte(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "hash")),
		At:      times(time.Microsecond, -1<<61, 1<<61).Draw(t, "at"),
		Milli:   times(time.Millisecond, -1<<54, 1<<54).Draw(t, "milli"),
		Nano:    times(time.Nanosecond, math.MinInt64+2e9, math.MaxInt64-2e9).Draw(t, "nano"),
		Took:    time.Duration(rapid.Int64().Draw(t, "took")),
		Address: netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))),
		Maybe:   pointers(rapid.Int64()).Draw(t, "maybe"),
		MaybeAt: pointers(times(time.Microsecond, -1<<50, 1<<50)).Draw(t, "maybe at"),
		Stop:    stops.Draw(t, "stop"), MaybeTo: pointers(stops).Draw(t, "maybe to"),
		Stops:  maybeNil(rapid.SliceOfN(stops, 0, 3)).Draw(t, "stops"),
		Lists:  maybeNil(rapid.SliceOfN(maybeNil(rapid.SliceOfN(pointers(rapid.Int32()), 0, 3)), 0, 3)).Draw(t, "lists"),
		Blobs:  maybeNil(rapid.SliceOfN(maybeNil(rapid.SliceOfN(rapid.Byte(), 0, 3)), 0, 3)).Draw(t, "blobs"),
		Pair:   [2]stop(rapid.SliceOfN(stops, 2, 2).Draw(t, "pair")),
		Counts: maybeNil(rapid.MapOfN(rapid.String(), rapid.Int64(), 0, 3)).Draw(t, "counts"),
		Routes: maybeNil(rapid.MapOfN(rapid.Uint16(), maybeNil(rapid.SliceOfN(stops, 0, 2)), 0, 3)).Draw(t, "routes"),
		Keys: maybeNil(rapid.MapOfN(rapid.Map(rapid.Uint16(), func(n uint16) [2]byte { return [2]byte{byte(n), byte(n >> 8)} }),
			maybeNil(rapid.MapOfN(rapid.Bool(), rapid.String(), 0, 2)), 0, 3)).Draw(t, "keys"),
	}
})

// What is written is read, nil as nil and empty as empty, whatever the sizes of batches and the places of flushes.
func TestParquetRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(everythings, 1, 40).Draw(rt, "records")
		dir := t.TempDir()
		w, err := file.Write(dir).Parquet[everything]().Open(t.Context(), connector.Subtask{Count: 1})
		if err != nil {
			rt.Fatal(err)
		}
		for at := 0; at < len(want); {
			n := rapid.IntRange(1, len(want)-at).Draw(rt, "batch")
			batch := connector.Batch[everything]{Values: append([]everything{}, want[at:at+n]...)}
			if err := w.Write(t.Context(), &batch); err != nil {
				rt.Fatal(err)
			}
			for i := range batch.Values {
				batch.Values[i].Hash = [5]byte{1, 2, 3, 4, 5}
			}
			at += n
			if rapid.Bool().Draw(rt, "flush") || at == len(want) {
				if err := w.Flush(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
		}
		got := seen(t, file.Read(dir + "/*.parquet").Parquet[everything])
		if len(got) != len(want) {
			rt.Fatalf("got %d records, want %d", len(got), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				rt.Fatalf("record %d:\ngot  %+v\nwant %+v", i, got[i], want[i])
			}
		}
	})
}

func TestParquetSinkConforms(t *testing.T) {
	fresh := func(t *testing.T) (connector.Sink[place], func() []place) {
		dir := t.TempDir()
		return file.Write(dir).Parquet, func() []place { return seen(t, file.Read(dir + "/*").Parquet[place]) }
	}
	connectortest.TestSink(t, fresh, manyPlaces(400))
	connectortest.TestTransactional(t, fresh, manyPlaces(300))
}

func TestParquetWriteByConforms(t *testing.T) {
	fresh := func(t *testing.T) (connector.Sink[place], func() []place) {
		dir := t.TempDir()
		return file.WriteBy(dir, folderOf).Parquet, func() []place { return seen(t, file.Read(dir + "/*/*/*").Parquet[place]) }
	}
	connectortest.TestSink(t, fresh, manyPlaces(300))
	connectortest.TestTransactional(t, fresh, manyPlaces(300))
}
