package state

import (
	"strings"
	"testing"

	"leat.dev/leat/codec"
)

type (
	cents    struct{ Cents int64 }
	centsOld struct {
		Cents int64
		Junk  string
	}
	priced struct {
		Cents    int64
		Currency string
	}
	pricedMore struct {
		Cents          int64
		Currency, Note string
		Tag            string
	}
	names struct{ First, Last string }
	whole struct{ Name string }
)

func inEuro(c cents) priced { return priced{c.Cents, "EUR"} }

func split(w whole) names {
	first, last, _ := strings.Cut(w.Name, " ")
	return names{first, last}
}

// migrated reads what O wrote as a V, with options.
func migrated[V, O any](t *testing.T, v O, opts ...Option) (V, error) {
	t.Helper()
	var none V
	wrote := codec.Struct[O]()
	b, err := wrote.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	c, err := CodecOf[V](nil, opts)
	if err != nil {
		return none, err
	}
	read, err := codec.ReaderOf(c, wrote.Schema())
	if err != nil {
		return none, err
	}
	return read(b)
}

func expect[V comparable, O any](t *testing.T, what string, v O, want V, opts ...Option) {
	t.Helper()
	if got, err := migrated[V](t, v, opts...); err != nil || got != want {
		t.Errorf("%s: got %+v, %v; want %+v", what, got, err, want)
	}
}

func TestMigrate(t *testing.T) {
	seconds := Migrate(func(s int32) int64 { return int64(s) * 1000 })
	expect(t, "its own schema", priced{7, "USD"}, priced{7, "USD"}, Migrate(inEuro))
	expect(t, "the old schema", cents{7}, priced{7, "EUR"}, Migrate(inEuro))
	expect(t, "an older one yet", centsOld{7, "x"}, priced{7, "EUR"}, Migrate(inEuro))
	expect(t, "a newer one than the old", priced{7, "USD"}, pricedMore{Cents: 7, Currency: "USD"},
		Migrate(func(c cents) pricedMore { return pricedMore{Cents: c.Cents, Currency: "EUR"} }))
	expect(t, "fields that have nothing in common", whole{"Ada Lovelace"}, names{"Ada", "Lovelace"}, Migrate(split))
	expect(t, "what could be widened", int32(3), int64(3000), seconds)
	expect(t, "the first of several", whole{"a b"}, names{"b", "a"},
		Migrate(func(cents) names { return names{} }), Migrate(func(w whole) names { n := split(w); return names{n.Last, n.First} }))
	expect(t, "a type that can't be resolved", "7", priced{7, "EUR"}, Migrate(func(string) priced { return priced{7, "EUR"} }))
	expect(t, "with a codec of the state's own", cents{7}, priced{7, "EUR"}, Migrate(inEuro), Codec(codec.Of("priced/1",
		func(to []byte, _ priced) ([]byte, error) { return to, nil }, func([]byte) (priced, error) { return priced{}, nil })))
}

func TestMigrateIsRefused(t *testing.T) {
	for want, opts := range map[string][]Option{
		"state.Migrate makes state.priced of state.cents, but the state holds state.names": {Migrate(inEuro)},
		"given no function":                            {Migrate[whole, names](nil)},
		"state.Migrate from chan int: type chan int":   {Migrate(func(chan int) names { return names{} })},
		"another one is from a type with the same":     {Migrate(split), Migrate(func(w struct{ Name string }) names { return names{} })},
		"string was written, state.names is wanted":    {},
		"can any type read it that state.Migrate is g": {Migrate(split)},
	} {
		_, err := migrated[names](t, "text", opts...)
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "struct ", ""), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// What a migrating codec writes is what its codec writes, in place or not.
func TestMigratingWritesTheSame(t *testing.T) {
	plain, err := CodecOf[priced](nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := CodecOf[priced](nil, []Option{Migrate(inEuro)})
	if err != nil {
		t.Fatal(err)
	}
	v := priced{7, "EUR"}
	want, _ := plain.Append(nil, v)
	inPlace := c.(codec.InPlace[priced])
	for _, got := range [][]byte{must(c.Append(nil, v)), must(inPlace.AppendPtr(nil, &v))} {
		if string(got) != string(want) || c.Schema() != plain.Schema() {
			t.Errorf("it writes %x, not %x", got, want)
		}
	}
	var back priced
	if err := inPlace.DecodePtr(want, &back); err != nil || back != v {
		t.Errorf("it reads %v, %v", back, err)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestNamesBefore(t *testing.T) {
	names := NamesBefore([]Option{Was("a", "b"), Migrate(split), Was("c")})
	if strings.Join(names, " ") != "a b c" {
		t.Errorf("names %v", names)
	}
	if err := CheckTimer([]Option{Was("a")}); err != nil {
		t.Error(err)
	}
	for _, o := range []Option{Migrate(split), Codec(codec.Struct[int]())} {
		if CheckTimer([]Option{o}) == nil {
			t.Errorf("a timer takes %T", o)
		}
	}
}
