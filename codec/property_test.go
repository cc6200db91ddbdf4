package codec_test

import (
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat.dev/leat/codec"
)

// nilable draws nil, empty and longer slices.
func nilable[T any](of *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Custom(func(r *rapid.T) []T {
		if rapid.Bool().Draw(r, "nil") {
			return nil
		}
		return rapid.SliceOfN(of, 0, 4).Draw(r, "slice")
	})
}

func anyTime(r *rapid.T) time.Time {
	sec := rapid.Int64Range(-1<<40, 1<<40).Draw(r, "seconds")
	return time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(r, "nanos")).UTC()
}

func anyMeta(r *rapid.T) meta {
	m := meta{Source: rapid.String().Draw(r, "source"), note: rapid.String().Draw(r, "note")}
	if rapid.Bool().Draw(r, "tags") {
		m.Tags = rapid.MapOfN(rapid.String(), rapid.Int(), 0, 5).Draw(r, "map")
	}
	return m
}

func anyTxn(r *rapid.T) txn {
	v := txn{
		base: base{rapid.String().Draw(r, "id")}, Account: rapid.String().Draw(r, "account"),
		Amount: cents(rapid.Int64().Draw(r, "amount")), Rate: rapid.Float64().Draw(r, "rate"),
		Flag: rapid.Bool().Draw(r, "flag"), Small: rapid.Int8().Draw(r, "small"), Wide: rapid.Uint32().Draw(r, "wide"),
		Level: level(rapid.Uint8().Draw(r, "level")), At: anyTime(r), Meta: anyMeta(r),
		Raw: nilable(rapid.Byte()).Draw(r, "raw"), Texts: [2]string{"", rapid.String().Draw(r, "text")},
		Floats: rapid.MapOfN(rapid.Float64Range(1, 100), rapid.Bool(), 0, 5).Draw(r, "floats"),
		Z:      complex(rapid.Float32().Draw(r, "re"), 1),
		Empty:  nilable(rapid.Just(struct{}{})).Draw(r, "empty"),
	}
	v.Grid[1][2] = rapid.Int16().Draw(r, "grid")
	v.Lines = nilable(rapid.Custom(func(r *rapid.T) line {
		return line{rapid.String().Draw(r, "sku"), rapid.Int().Draw(r, "count")}
	})).Draw(r, "lines")
	if rapid.Bool().Draw(r, "next") {
		m := anyMeta(r)
		v.Next = &m
		v.Big = big.NewInt(rapid.Int64Range(1, math.MaxInt64).Draw(r, "big"))
		v.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), rapid.Uint16().Draw(r, "port"))
	}
	return v
}

func anyTree(r *rapid.T, depth int) tree {
	v := tree{Value: rapid.Int().Draw(r, "value")}
	if depth == 0 {
		return v
	}
	if rapid.Bool().Draw(r, "left") {
		left := anyTree(r, depth-1)
		v.Left = &left
	}
	for range rapid.IntRange(0, 2).Draw(r, "kids") {
		v.Kids = append(v.Kids, anyTree(r, depth-1))
	}
	if rapid.Bool().Draw(r, "named") {
		v.Named = map[string]tree{"a": anyTree(r, depth-1), "b": {}}
	}
	return v
}

func TestRoundTrips(t *testing.T) {
	txns, trees, small := derive[txn](t), derive[tree](t), derive[map[point]scalars](t)
	rapid.Check(t, func(r *rapid.T) {
		roundTripSame(r, txns, anyTxn(r))
		roundTripSame(r, trees, anyTree(r, 3))
		roundTripSame(r, small, map[point]scalars{{1, rapid.Int32().Draw(r, "y")}: {A: 1, H: anyTime(r)}, {}: {I: "x"}})
	})
}

// roundTripSame also cuts the bytes short and adds some: both must be refused.
func roundTripSame[T any](r *rapid.T, c codec.Codec[T], v T) {
	b, err := c.Append(nil, v)
	if err != nil {
		r.Fatal(err)
	}
	back, err := c.Decode(b)
	if err != nil || !reflect.DeepEqual(back, v) {
		r.Fatalf("got %+v (%v)\nwant %+v", back, err, v)
	}
	cut := rapid.IntRange(0, len(b)-1).Draw(r, "cut")
	if _, err := c.Decode(b[:cut]); err == nil {
		r.Fatalf("% x without its last %d bytes was read", b, len(b)-cut)
	}
	if _, err := c.Decode(append(b, 0)); !errors.Is(err, codec.ErrCorrupt) {
		r.Fatalf("a byte after the end: %v", err)
	}
}

func TestScalars(t *testing.T) {
	same(t, int64(math.MinInt64), 0, -1)
	same(t, int(math.MaxInt64))
	same(t, uint(math.MaxUint64))
	same(t, int32(math.MinInt32), 7)
	same(t, int16(-2))
	same(t, int8(-1))
	same(t, uint8(255))
	same(t, cents(-12))
	same(t, level(3))
	same(t, 1.5, math.Inf(-1), math.Copysign(0, -1))
	same(t, float32(1.5))
	same(t, complex(1.5, -2))
	same(t, "", "ä\x00")
	same(t, true, false)
	same(t, time.Minute)
	same(t, struct{}{})
	same(t, [3]int16{1, 2, 3}, [3]int16{})
	same(t, []string{"a", ""}, nil, []string{})
	same(t, map[string][]byte{"a": nil, "b": {}, "c": {1}}, nil, map[string][]byte{})
	same(t, []struct {
		Left int `leat:"-"`
	}{{}, {}})
	number := 7
	same(t, &number, nil)
}

func same[T any](t *testing.T, values ...T) {
	t.Helper()
	c := derive[T](t)
	for _, v := range values {
		if back := roundTrip(t, c, v); !reflect.DeepEqual(back, v) {
			t.Errorf("%T %v comes back as %v", v, v, back)
		}
		b, err := c.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Decode(append(b, 0)); !errors.Is(err, codec.ErrCorrupt) {
			t.Errorf("%T: a byte after the end: %v", v, err)
		}
		if len(b) > 0 {
			if _, err := c.Decode(b[:len(b)-1]); !errors.Is(err, codec.ErrCorrupt) {
				t.Errorf("%T: a byte missing: %v", v, err)
			}
		}
	}
}

type stamp time.Time

func TestTimes(t *testing.T) {
	berlin := time.FixedZone("Berlin", 2*3600)
	for _, v := range []time.Time{
		{},
		time.Unix(0, 0), time.Date(2026, 7, 1, 12, 0, 0, 999999999, berlin), time.Now(),
		time.Date(-5000, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		back := roundTrip(t, derive[time.Time](t), v)
		if !back.Equal(v) || back.IsZero() != v.IsZero() || back.Location() != time.UTC {
			t.Errorf("%v comes back as %v", v, back)
		}
		if again := time.Time(roundTrip(t, derive[stamp](t), stamp(v))); !again.Equal(v) {
			t.Errorf("%v as a defined type comes back as %v", v, again)
		}
	}
	if back := roundTrip(t, derive[time.Time](t), time.Time{}); back != (time.Time{}) {
		t.Errorf("the zero time comes back as %#v", back)
	}
}

func TestMapsHaveOneEncoding(t *testing.T) {
	c := derive[map[string]int](t)
	m := map[string]int{}
	for i := range 100 {
		m[string(rune('a'+i))] = i
	}
	want, err := c.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		got, err := c.Append(nil, m)
		if err != nil || string(got) != string(want) {
			t.Fatalf("equal maps differ: % x (%v), % x", got, err, want)
		}
	}
	swapped := append([]byte{3}, "\x01b12345678\x01a12345678"...)
	if _, err := c.Decode(swapped); !errors.Is(err, codec.ErrCorrupt) {
		t.Errorf("entries out of order: %v", err)
	}
}

func TestNaNsAreKeysThatRepeat(t *testing.T) {
	c := derive[map[float64]int](t)
	b, err := c.Append(nil, map[float64]int{math.NaN(): 2, math.Float64frombits(math.Float64bits(math.NaN())): 1})
	if err != nil {
		t.Fatal(err)
	}
	if back, err := c.Decode(b); err != nil || len(back) != 2 {
		t.Errorf("two NaN keys come back as %v (%v)", back, err)
	}
}

func TestScalarStructsAllocateNothing(t *testing.T) {
	c := derive[scalars](t)
	v, buffer := scalars{A: 1, H: time.Unix(1, 1), I: "some text"}, make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buffer, _ = c.Append(buffer[:0], v) }); n != 0 {
		t.Errorf("Append allocates %v times", n)
	}
	in := c.(codec.InPlace[scalars])
	if n := testing.AllocsPerRun(100, func() { buffer, _ = in.AppendPtr(buffer[:0], &v) }); n != 0 {
		t.Errorf("AppendPtr allocates %v times", n)
	}
	v.I = ""
	buffer, _ = c.Append(buffer[:0], v)
	if n := testing.AllocsPerRun(100, func() { _ = in.DecodePtr(buffer, &v) }); n != 0 {
		t.Errorf("DecodePtr allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { v, _ = c.Decode(buffer) }); n != 0 {
		t.Errorf("Decode allocates %v times", n)
	}
}

// Deep values make the stack grow and move while programs hold pointers into it.
func TestDeepValues(t *testing.T) {
	var v tree
	for i := range 1500 {
		v = tree{Value: i, Left: &tree{Value: v.Value, Left: v.Left, Kids: v.Kids}, Kids: []tree{{Value: -i}}}
	}
	c := derive[tree](t)
	done := make(chan tree)
	go func() { // on a fresh, small stack
		b, err := c.Append(nil, v)
		if err != nil {
			t.Error(err)
		}
		back, err := c.Decode(b)
		if err != nil {
			t.Error(err)
		}
		done <- back
	}()
	if back := <-done; !reflect.DeepEqual(back, v) {
		t.Error("a deep value came back as another")
	}
}
