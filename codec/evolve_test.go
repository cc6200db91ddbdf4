package codec_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/codec"
)

// reread encodes v and reads the bytes as an N.
func reread[N, O any](t *testing.T, v O) (N, error) {
	t.Helper()
	old := derive[O](t)
	b, err := old.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	read, err := codec.Resolve[N](nil, old.Schema())
	if err != nil {
		var zero N
		return zero, err
	}
	for cut := range b {
		if _, err := read(b[:cut]); !errors.Is(err, codec.ErrCorrupt) {
			t.Fatalf("%d of %d bytes were read: %v", cut, len(b), err)
		}
	}
	if _, err := read(append(b, 0)); !errors.Is(err, codec.ErrCorrupt) {
		t.Fatalf("a byte after the end: %v", err)
	}
	return read(b)
}

func evolves[N, O any](t *testing.T, what string, old O, want N) {
	t.Helper()
	got, err := reread[N](t, old)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v (%v), want %+v", what, got, err, want)
	}
}

func refuses[N, O any](t *testing.T, what string, old O, want string) {
	t.Helper()
	_, err := reread[N](t, old)
	var schemas *codec.SchemaError
	if !errors.As(err, &schemas) {
		t.Errorf("%s: %v, want a SchemaError", what, err)
		return
	}
	for _, part := range []string{want, schemas.Wrote.Fingerprint, schemas.Reads.Fingerprint} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %q lacks %q", what, err, part)
		}
	}
}

type v1 struct {
	Acct  string
	Count int32
	Ratio float32
	Gone  map[string][]time.Time
	Lost  *tree
	Items []lineV1
	By    map[string]lineV1
	Last  *lineV1
	Two   [2]lineV1
	Ask   int8
}

type lineV1 struct {
	SKU   string
	Count uint16
	Old   [2]string
}

type v2 struct {
	Two     [2]lineV2
	Last    *lineV2
	Added   []string
	Account string `leat:"account,was=acct|Acct"`
	Count   int64
	Ratio   float64
	By      map[string]lineV2
	Items   []lineV2
	Ask     *int
}

type lineV2 struct {
	Count int
	Price int
	SKU   string
}

func TestEvolutionOfStructs(t *testing.T) {
	old, now := lineV1{"s", 65535, [2]string{"a", "b"}}, lineV2{65535, 0, "s"}
	ask := -4
	evolves(t, "everything at once", v1{
		Acct: "a", Count: -5, Ratio: 1.5, Gone: map[string][]time.Time{"x": {{}, time.Now()}, "y": nil},
		Lost:  &tree{Left: &tree{}, Kids: []tree{{}, {Named: map[string]tree{"a": {}}}}},
		Items: []lineV1{old, {}}, By: map[string]lineV1{"k": old}, Last: &old, Two: [2]lineV1{{}, old}, Ask: -4,
	}, v2{
		Account: "a", Count: -5, Ratio: 1.5, Items: []lineV2{now, {}}, By: map[string]lineV2{"k": now}, Last: &now,
		Two: [2]lineV2{{}, now}, Ask: &ask,
	})
	zero := 0
	evolves(t, "zero values", v1{}, v2{Ask: &zero})
}

type listV1 struct {
	Value int16
	Next  *listV1
}

type listV2 struct {
	Next  *listV2
	Value int64
	Extra string
}

type opaqueOld struct {
	Peer stampless
	At   time.Time
}

// stampless marshals itself.
type stampless struct{ v byte }

func (s stampless) MarshalBinary() ([]byte, error)     { return []byte{s.v, s.v}, nil }
func (s *stampless) UnmarshalBinary(from []byte) error { s.v = from[0]; return nil }

func TestEvolutionOfOtherTypes(t *testing.T) {
	evolves(t, "recursive", listV1{1, &listV1{-2, nil}}, listV2{&listV2{nil, -2, ""}, 1, ""})
	evolves(t, "empty elements", []struct {
		A int `leat:"-"`
	}{{}, {}}, []lineV2{{}, {}})
	evolves(t, "opaque skipped", opaqueOld{stampless{7}, time.Unix(5, 0).UTC()}, struct{ At time.Time }{time.Unix(5, 0).UTC()})
	evolves(t, "opaque kept", opaqueOld{Peer: stampless{7}}, struct {
		New  int
		Peer stampless
	}{0, stampless{7}})
	evolves(t, "renamed type", lineV2{1, 2, "s"}, struct {
		Count int
		Price int
		SKU   string
	}{1, 2, "s"})
	evolves(t, "int to int64", 7, int64(7))
	evolves(t, "int32 to int64", int32(-7), int64(-7))
	evolves(t, "uint32 to int64", uint32(1<<31), int64(1<<31))
	evolves(t, "uint8 to uint16", uint8(255), uint16(255))
	evolves(t, "uint8 to int16", uint8(255), int16(255))
	evolves(t, "int32 to float64", int32(-7), -7.0)
	evolves(t, "uint16 to float32", uint16(65535), float32(65535))
	evolves(t, "float32 to float64", float32(-1.5), -1.5)
	evolves(t, "complex64 to complex128", complex64(1-2i), 1-2i)
	evolves(t, "string to its named type", "x", named("x"))
	evolves(t, "keys widened", map[int16]bool{1: true, -1: false, 256: true}, map[int64]bool{1: true, -1: false, 256: true})
	evolves(t, "alone to pointer", map[string]string{"a": "b"}, map[string]*named{"a": new(named("b"))})
}

type named string

func TestEvolutionThatIsRefused(t *testing.T) {
	refuses[int32](t, "narrowed", int64(1), "int64 was written, int32 is wanted")
	refuses[uint64](t, "sign lost", int32(1), "int32 was written, uint64 is wanted")
	refuses[float64](t, "int64 in a float", int64(1), "int64 was written, float64 is wanted")
	refuses[int64](t, "float to int", float32(1), "float32 was written")
	refuses[string](t, "bytes to string", []byte("x"), "a slice was written, string is wanted")
	refuses[[3]int](t, "array lengthened", [2]int{}, "an array of 2 was written, one of 3 is wanted")
	refuses[lineV2](t, "pointer to value", &lineV2{}, "a pointer was written, struct codec_test.lineV2 is wanted")
	refuses[struct {
		Items []struct{ Count map[string]int8 }
	}](t, "nested",
		struct {
			Items []struct{ Count map[string]int }
		}{}, "field .Items[].Count[value]: does not fit: int64 was written, int8")
	refuses[struct{ Items map[int8]int }](t, "key narrowed", struct{ Items map[int]int }{}, "field .Items[key]: ")
	refuses[struct{ Peer struct{ v byte } }](t, "opaque to struct", opaqueOld{}, "field .Peer: does not fit: binary:codec_test.stampless was")
}

func TestSchemasOfTypes(t *testing.T) {
	line := derive[lineV2](t).Schema()
	if want := `{"type":"struct","go":"codec_test.lineV2","fields":[{"name":"Count","type":"int64"},` +
		`{"name":"Price","type":"int64"},{"name":"SKU","type":"string"}]}`; line.Definition != want {
		t.Errorf("got  %s\nwant %s", line.Definition, want)
	}
	anonymous := derive[struct {
		Count, Price int
		SKU          named
	}](t).Schema()
	if line.Fingerprint != anonymous.Fingerprint {
		t.Error("the fingerprint depends on the names of types")
	}
	if line.Fingerprint == derive[struct{ Count, Cost int }](t).Schema().Fingerprint {
		t.Error("the fingerprint does not depend on the names of fields")
	}
	tree := derive[tree](t).Schema().Definition
	if want := `{"type":"struct","id":1,"go":"codec_test.tree","fields":[{"name":"Value","type":"int64"},` +
		`{"name":"Left","type":"pointer","elem":{"ref":1}},{"name":"Kids","type":"slice","elem":{"ref":1}},` +
		`{"name":"Named","type":"map","key":{"type":"string"},"elem":{"ref":1}}]}`; tree != want {
		t.Errorf("got  %s\nwant %s", tree, want)
	}
}

func TestDefinitionsThatAreWrong(t *testing.T) {
	for definition, want := range map[string]string{
		`{`: "unexpected end of JSON",
		`{"type":"struct","id":1,"fields":[{"name":"a","ref":1}]}`: "contains itself",
		`{"ref":3}`:                              "no type has the id 3",
		`{"type":"chan"}`:                        `unknown type "chan"`,
		`{"type":"slice"}`:                       "without an element type",
		`{"type":"map"}`:                         "without a key type",
		`{"type":"map","key":{"type":"string"}}`: "without an element type",
		`{"type":"array","length":-1,"elem":{"type":"int8"}}`: "length -1",
		`{"type":"opaque"}`: "without a schema",
		``:                  "only the codec that wrote it",
	} {
		_, err := codec.Resolve[lineV2](nil, codec.Schema{Name: "old", Fingerprint: "x", Definition: definition})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", definition, err, want)
		}
	}
}

func TestCodecsOfTheSet(t *testing.T) {
	enc := func(to []byte, v lineV2) ([]byte, error) { return append(to, byte(v.Count)), nil }
	dec := func(from []byte) (lineV2, error) { return lineV2{Count: int(from[0])}, nil }
	var set codec.Set
	if err := set.Add(codec.Of("line/1", enc, dec)); err != nil {
		t.Fatal(err)
	}
	type order struct {
		Lines []lineV2
		Last  *lineV2
	}
	c, err := codec.Derive[order](&set)
	if err != nil {
		t.Fatal(err)
	}
	v := order{[]lineV2{{Count: 3}}, &lineV2{Count: 4}}
	if back := roundTrip(t, c, v); !reflect.DeepEqual(back, v) {
		t.Errorf("came back as %+v", back)
	}
	if _, err := codec.Resolve[order](nil, c.Schema()); err == nil || !strings.Contains(err.Error(), "line/1") {
		t.Errorf("read without the codec: %v", err)
	}
	if _, err := codec.Resolve[lineV2](&set, codec.Opaque("line/0")); err == nil || !strings.Contains(err.Error(), "only its own schema") {
		t.Errorf("read another version: %v", err)
	}
	if read, err := codec.Resolve[lineV2](&set, codec.Opaque("line/1")); err != nil {
		t.Error(err)
	} else if v, err := read([]byte{9}); err != nil || v.Count != 9 {
		t.Errorf("read %v (%v)", v, err)
	}
}

func TestDerivedCodecInTheSetEvolves(t *testing.T) {
	var before, after codec.Set
	if err := errors.Join(before.Add(codec.Struct[lineV1]()), after.Add(codec.Struct[lineV2]())); err != nil {
		t.Fatal(err)
	}
	old, err := codec.Derive[struct{ L lineV1 }](&before)
	if err != nil {
		t.Fatal(err)
	}
	read, err := codec.Resolve[struct{ L lineV2 }](&after, old.Schema())
	if err != nil {
		t.Fatal(err)
	}
	b, err := old.Append(nil, struct{ L lineV1 }{lineV1{SKU: "s", Count: 3}})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := read(b); err != nil || v.L != (lineV2{3, 0, "s"}) {
		t.Errorf("read %+v (%v)", v, err)
	}
}

type shape interface{ Area() int }

type square int

func (s square) Area() int { return int(s * s) }

func TestCodecOfAnInterface(t *testing.T) {
	var set codec.Set
	if err := set.Add(codec.Of("shape/1",
		func(to []byte, v shape) ([]byte, error) { return append(to, byte(v.(square))), nil },
		func(from []byte) (shape, error) { return square(from[0]), nil })); err != nil {
		t.Fatal(err)
	}
	c, err := codec.Derive[[]shape](&set)
	if err != nil {
		t.Fatal(err)
	}
	v := []shape{square(2), nil}
	if back := roundTrip(t, c, v); !reflect.DeepEqual(back, v) {
		t.Errorf("came back as %v", back)
	}
}

func TestBinary(t *testing.T) {
	c := codec.Binary[stampless]()
	if back := roundTrip(t, c, stampless{5}); back.v != 5 {
		t.Errorf("came back as %v", back)
	}
	at := time.Unix(7, 0)
	if back := roundTrip(t, codec.Binary[time.Time](), at); !back.Equal(at) {
		t.Errorf("came back as %v", back)
	}
	if _, err := codec.Binary[time.Time]().Decode([]byte{1}); err == nil || !strings.Contains(err.Error(), "time.Time") {
		t.Errorf("corrupt bytes: %v", err)
	}
}

// half marshals only what it embeds, as promoted methods do.
type half struct {
	stampless
	more int
}

func TestPromotedMethodsLoseNothing(t *testing.T) {
	v := half{stampless{3}, 4}
	if back := roundTrip(t, derive[half](t), v); back != v {
		t.Errorf("came back as %+v", back)
	}
}
