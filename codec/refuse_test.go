package codec_test

import (
	"container/list"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unique"
	"unsafe"

	"leat.dev/leat/codec"
)

type conn struct{ Conn chan int }

type looping struct {
	Name string
	Next []looping
	Do   func()
}

func derivationOf[T any]() func() error {
	return func() error {
		_, err := codec.Derive[T](nil)
		return err
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		derive func() error
		want   []string // in the error
	}{
		{derivationOf[chan int](), []string{"type chan int is a chan, which cannot be encoded: "}},
		{derivationOf[func()](), []string{"type func() is a func, which"}},
		{derivationOf[struct{ Meta conn }](), []string{"field .Meta.Conn is a chan, which cannot be encoded: ", `leat:"-"`}},
		{derivationOf[struct{ A []map[string]*conn }](), []string{"field .A[][value].Conn is a chan"}},
		{derivationOf[struct{ A map[any]int }](), []string{"field .A[key] is the interface interface {}", "Job.Encode"}},
		{derivationOf[struct{ Err error }](), []string{"field .Err is the interface error"}},
		{derivationOf[looping](), []string{"type codec_test.looping: field .Do is a func"}},
		{derivationOf[struct{ P unsafe.Pointer }](), []string{"field .P is a unsafe.Pointer"}},
		{derivationOf[struct{ P uintptr }](), []string{"field .P is a uintptr", "uint64"}},
		{derivationOf[struct{ mu sync.Mutex }](), []string{"field .mu is a sync.Mutex, which belongs to this process"}},
		{derivationOf[struct{ L *time.Location }](), []string{"field .L is a time.Location", "store its name"}},
		{derivationOf[struct{ B strings.Builder }](), []string{"field .B is a strings.Builder"}},
		{derivationOf[struct{ L list.List }](), []string{"field .L is a list.List"}},
		{derivationOf[struct{ H unique.Handle[string] }](), []string{"field .H is a unique.Handle[string]", "Value"}},
		{derivationOf[struct {
			A int `leat:"B"`
			B int
		}](), []string{"field .B and another are both called \"B\""}},
		{derivationOf[struct {
			A int `leat:"a,was=old"`
			B int `leat:"b,was=older|old"`
		}](), []string{"field .B and another are both called \"old\""}},
		{derivationOf[struct {
			A int `leat:"a,omitempty"`
		}](), []string{"field .A has the tag", "omitempty"}},
	} {
		err := test.derive()
		var refused *codec.TypeError
		if !errors.As(err, &refused) {
			t.Errorf("%v: want a TypeError with %q", err, test.want)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q lacks %q", err, want)
			}
		}
	}
}

func TestStructOfAnImpossibleType(t *testing.T) {
	c := codec.Struct[conn]()
	var set codec.Set
	_, appendErr := c.Append(nil, conn{})
	_, decodeErr := c.Decode(nil)
	for _, err := range []error{codec.Check(c), appendErr, decodeErr, set.Add(c)} {
		if err == nil || !strings.Contains(err.Error(), ".Conn is a chan") {
			t.Errorf("got %v", err)
		}
	}
	if err := codec.Check(codec.Struct[line]()); err != nil {
		t.Errorf("a type that can be encoded: %v", err)
	}
	if c.Schema().Name == "" {
		t.Error("a schema without a name")
	}
}

func TestSetRefusesASecondCodec(t *testing.T) {
	var set codec.Set
	if err := set.Add(codec.Struct[line]()); err != nil {
		t.Fatal(err)
	}
	err := set.Add(codec.Of("line/2", func(b []byte, _ line) ([]byte, error) { return b, nil }, func([]byte) (line, error) { return line{}, nil }))
	if err == nil || !strings.Contains(err.Error(), `"codec_test.line" and "line/2"`) {
		t.Errorf("a second codec: %v", err)
	}
}

func TestValuesThatContainThemselves(t *testing.T) {
	loop := &tree{Value: 1}
	loop.Left = loop
	if _, err := derive[tree](t).Append(nil, *loop); err == nil || !strings.Contains(err.Error(), "contain itself") {
		t.Errorf("a cycle: %v", err)
	}
}
