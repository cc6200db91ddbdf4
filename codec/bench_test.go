package codec_test

import (
	"testing"
	"time"

	"leat.dev/leat/codec"
)

type six struct {
	Account string
	Amount  int64
	Rate    float64
	At      time.Time
	Country string
	Flag    bool
}

func benchmark[T any](b *testing.B, v T) {
	c := derive[T](b)
	in := c.(codec.InPlace[T])
	bytes, err := c.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bytes, _ = in.AppendPtr(bytes[:0], &v)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v, _ = c.Decode(bytes)
		}
	})
}

func BenchmarkInt64(b *testing.B) { benchmark(b, int64(7)) }
func BenchmarkPoint(b *testing.B) { benchmark(b, point{1, 2}) }
func BenchmarkSix(b *testing.B) {
	benchmark(b, six{"account-17", 5, 1.5, time.Unix(7, 7), "DE", true})
}

func BenchmarkTags(b *testing.B) {
	benchmark(b, map[string]int{"a": 1, "bb": 2, "ccc": 3, "dddd": 4})
}
