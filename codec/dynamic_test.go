package codec_test

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/codec"
)

type shown struct {
	Name    string
	Cents   int64
	Small   uint8
	Rate    float32
	At      time.Time
	Raw     []byte
	ID      [3]byte
	Tags    map[string]uint16
	ByInt   map[int32]bool
	ByPoint map[point]string
	Next    *shown
	List    []shown
	Peer    netip.Addr
	Z       complex64
	Nothing struct{}
	Empties []struct{}
}

func dynamic(t testing.TB, s codec.Schema) *codec.Dynamic {
	t.Helper()
	d, err := codec.NewDynamic(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sampleShown() shown {
	return shown{
		Name: "a \"<b>\" \x01", Cents: math.MinInt64, Small: 255, Rate: 0.1, At: time.Unix(1782907200, 5e8),
		Raw: []byte{1, 2}, ID: [3]byte{7, 8, 9}, Tags: map[string]uint16{"b": 1, "a": 2}, ByInt: map[int32]bool{-1: true},
		ByPoint: map[point]string{{1, 2}: "x"}, Next: &shown{Rate: float32(math.NaN())}, List: []shown{},
		Peer: netip.MustParseAddr("10.0.0.1"), Z: 1 + 2i, Empties: make([]struct{}, 2),
	}
}

func TestDynamicShowsWhatADerivedCodecWrites(t *testing.T) {
	c := derive[shown](t)
	b, err := c.Append(nil, sampleShown())
	if err != nil {
		t.Fatal(err)
	}
	v, err := dynamic(t, c.Schema()).Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	inner := `"Peer":"","Z":"(0+0i)","Nothing":{},"Empties":null}`
	want := `{"Name":"a \"<b>\" \u0001","Cents":-9223372036854775808,"Small":255,"Rate":0.1,"At":"2026-07-01T12:00:00.5Z","Raw":"AQI=",` +
		`"ID":"BwgJ","Tags":{"a":2,"b":1},"ByInt":{"-1":true},"ByPoint":[{"key":{"X":1,"Y":2},"value":"x"}],` +
		`"Next":{"Name":"","Cents":0,"Small":0,"Rate":"NaN","At":"0001-01-01T00:00:00Z","Raw":null,"ID":"AAAA","Tags":null,"ByInt":null,"ByPoint":null,` +
		`"Next":null,"List":null,` + inner + `,"List":[],"Peer":"10.0.0.1","Z":"(1+2i)","Nothing":{},"Empties":[{},{}]}`
	if got := string(codec.JSON(nil, v)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDynamicWritesWhatItShows(t *testing.T) {
	c := derive[shown](t)
	want, _ := c.Append(nil, sampleShown())
	d := dynamic(t, c.Schema())
	v, err := d.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.AppendJSON(nil, codec.JSON(nil, v))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

func TestDynamicRefusesJSONThatDoesNotFit(t *testing.T) {
	d := dynamic(t, derive[shown](t).Schema())
	for text, want := range map[string]string{
		`{"Cents":"x"}`:       "a number",
		`{"Small":256}`:       "uint8",
		`{"Smal":1}`:          `no field "Smal"`,
		`{"At":"today"}`:      "a time as",
		`{"ID":[1]}`:          "an array of 3",
		`{"Tags":[]} 1`:       "more than one",
		`{"Tags":[1]}`:        `"key"`,
		`[`:                   "no JSON",
		`{"Peer":"x.y"}`:      "ParseAddr",
		`{"ByPoint":{"a":1}}`: `an array of`,
	} {
		if _, err := d.AppendJSON(nil, []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestDynamicOfOpaqueSchemas(t *testing.T) {
	d := dynamic(t, codec.Opaque("route/1"))
	v, err := d.Decode([]byte{1, 0xab})
	if err != nil {
		t.Fatal(err)
	}
	text := codec.JSON(nil, v)
	if string(text) != `{"codec":"route/1","hex":"01ab"}` {
		t.Errorf("got %s", text)
	}
	if b, err := d.AppendJSON(nil, text); err != nil || !bytes.Equal(b, []byte{1, 0xab}) {
		t.Errorf("got % x, %v", b, err)
	}
}

func TestLayout(t *testing.T) {
	l, ok := dynamic(t, derive[shown](t).Schema()).Layout()
	if !ok || !l.Recursive() || len(l.Fields()) != 16 || l.Fields()[6].Layout.Len() != 3 || l.Fields()[7].Layout.Key().Kind() != "string" {
		t.Errorf("layout %v", l)
	}
	flat, _ := dynamic(t, derive[point](t).Schema()).Layout()
	if flat.Recursive() || flat.Kind() != "struct" {
		t.Errorf("layout of a point")
	}
}

// FuzzDynamic reads arbitrary bytes by arbitrary definitions. What is a value can be written down as JSON, and if that can be
// read, it is the same bytes again.
func FuzzDynamic(f *testing.F) {
	c := derive[shown](f)
	b, err := c.Append(nil, sampleShown())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.Schema().Definition, b)
	trees := derive[tree](f)
	b, _ = trees.Append(nil, tree{Left: &tree{}, Kids: []tree{{}}})
	f.Add(trees.Schema().Definition, b)
	f.Add(`{"type":"array","length":1073741824,"elem":{"type":"struct"}}`, []byte{})
	f.Fuzz(func(t *testing.T, definition string, b []byte) {
		d, err := codec.NewDynamic(codec.Schema{Name: "x", Definition: definition})
		if err != nil {
			return
		}
		v, err := d.Decode(b)
		if err != nil {
			if !errors.Is(err, codec.ErrCorrupt) {
				t.Fatalf("not an ErrCorrupt: %v", err)
			}
			return
		}
		_, _ = d.AppendJSON(nil, codec.JSON(nil, v))
	})
}
