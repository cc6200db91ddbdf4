package keygroup

import (
	"strings"
	"testing"
	"time"
)

type trip struct {
	Line string
	At   time.Time
}

type uid struct{ hi, lo uint64 }

func (u uid) MarshalBinary() ([]byte, error)  { return []byte{byte(u.hi), byte(u.lo)}, nil }
func (u *uid) UnmarshalBinary(_ []byte) error { return nil }

func derivationOf[K comparable]() func() error {
	return func() error {
		_, err := Derive[K](nil)
		return err
	}
}

func TestRefusals(t *testing.T) {
	type stamp time.Time
	for _, test := range []struct {
		derive func() error
		want   []string
	}{
		{derivationOf[trip](), []string{"key type keygroup.trip: field .At is a time.Time: it compares by location: use its UnixNano or a formatted day"}},
		{derivationOf[time.Time](), []string{"key type time.Time: it compares by location"}},
		{derivationOf[stamp](), []string{"it compares by location"}},
		{derivationOf[[2]struct{ T trip }](), []string{"field [].T.At is a time.Time"}},
		{derivationOf[float64](), []string{"key type float64: floats don't make keys", "cents", "Job.Encode"}},
		{derivationOf[struct{ A float32 }](), []string{"field .A is a float32"}},
		{derivationOf[struct{ A complex128 }](), []string{"field .A is a complex128: floats"}},
		{derivationOf[any](), []string{"key type interface {}: an interface"}},
		{derivationOf[struct{ E error }](), []string{"field .E is a error: an interface"}},
		{derivationOf[*int](), []string{"key type *int: a pointer is another one after a restart"}},
		{derivationOf[chan int](), []string{"means nothing to another process"}},
		{derivationOf[uintptr](), []string{"means nothing to another process"}},
		{derivationOf[struct {
			A int
			B int `leat:"-"`
		}](), []string{"field .B is a int", "remove the tag"}},
		{derivationOf[uid](), []string{"key type keygroup.uid: it writes itself down"}},
	} {
		err := test.derive()
		if err == nil {
			t.Errorf("a key type that should be refused with %q", test.want)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q lacks %q", err, want)
			}
		}
	}
}
