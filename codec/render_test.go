package codec_test

import (
	"strings"
	"testing"
	"time"

	"leat.dev/leat/codec"
)

func TestSchemaAsText(t *testing.T) {
	type inner struct{ A, B int8 }
	for want, s := range map[string]codec.Schema{
		"int64":    derive[int](t).Schema(),
		"[]string": derive[[]string](t).Schema(),
		"struct{SKU string; Count uint16; Old [2]string}": derive[lineV1](t).Schema(),
		"struct{At time.Time; By map[string]*float64}": derive[struct {
			At time.Time
			By map[string]*float64
		}](t).Schema(),
		"struct{First codec_test.inner struct{A int8; B int8}; Second codec_test.inner}": derive[struct{ First, Second inner }](t).Schema(),
		"codec_test.listV1 struct{Value int16; Next *codec_test.listV1}":                 derive[listV1](t).Schema(),
		"struct{Peer binary:codec_test.stampless; At time.Time}":                         derive[opaqueOld](t).Schema(),
		"route/1": codec.Opaque("route/1"),
		"old":     {Name: "old", Definition: "{"},
		"pb.Msg":  {Name: "pb.Msg", Definition: "CgR0ZXN0"},
	} {
		if got := s.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestFit(t *testing.T) {
	type old struct {
		Name string
		Gone []struct{ A int }
	}
	wrote := derive[old](t).Schema()
	same, err := codec.FitOf(derive[old](t), wrote)
	if err != nil || same != (codec.Fit{}) {
		t.Errorf("the same: %v, %v", same, err)
	}
	near, err := codec.FitOf(derive[struct {
		Name string
		Gone []struct{ A, B int }
	}](t), wrote)
	if err != nil || near != (codec.Fit{Added: 1}) {
		t.Errorf("a field more: %v, %v", near, err)
	}
	far, err := codec.FitOf(derive[struct{ First, Last string }](t), wrote)
	if err != nil || far != (codec.Fit{Skipped: 2, Added: 2}) || !near.Nearer(far) || far.Nearer(near) || near.Nearer(near) {
		t.Errorf("other fields: %v, %v", far, err)
	}
	if _, err := codec.FitOf(derive[struct{ Name int }](t), wrote); err == nil {
		t.Error("what can't be read fits")
	}
}

// A field that was renamed must not be read twice, whichever of its names an older version had at the same time.
func TestFieldsOfTwoNames(t *testing.T) {
	type now struct {
		Account string `leat:"account,was=acct|customer"`
	}
	evolves(t, "the new name and an old one", struct {
		Account string `leat:"account"`
		Acct    string `leat:"acct"`
	}{"new", "old"}, now{"new"})
	evolves(t, "an old name before the new one", struct {
		Acct    string `leat:"acct"`
		Account string `leat:"account"`
	}{"old", "new"}, now{"new"})
	_, err := reread[now](t, struct {
		Acct     string `leat:"acct"`
		Customer string `leat:"customer"`
	}{"a", "b"})
	if err == nil || !strings.Contains(err.Error(), "field .account: does not fit: both acct and customer were written") {
		t.Errorf("error %v", err)
	}
}
