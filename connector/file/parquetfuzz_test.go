package file

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"leat.dev/leat/connector"
)

// parcel has columns of several types and depths.
type parcel struct {
	ID     int64
	Small  int8
	Weight float64
	To     string
	Sent   time.Time
	Back   *bool
	Notes  [][]string
	Stamps map[string]int32
	Hash   [3]byte
	Legs   []leg
}

type leg struct {
	From string
	Took *time.Duration
}

func parcels(n int) (all []parcel) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		yes := i%2 == 0
		p := parcel{ID: int64(i), Small: int8(i), Weight: random.Float64(), To: string(rune('a' + i%5)), Sent: time.UnixMicro(int64(i) * 1e6).UTC(), Hash: [3]byte{byte(i)}}
		if i%3 > 0 {
			took := time.Duration(i)
			p.Back = &yes
			p.Notes = [][]string{{"x", p.To}, {}, nil}
			p.Stamps = map[string]int32{p.To: int32(i)}
			p.Legs = []leg{{p.To, &took}, {"y", nil}}[:i%3]
		}
		all = append(all, p)
	}
	return all
}

// encodeParquet is a part with several row groups and pages.
func encodeParquet[T any](t testing.TB, records []T, sizes parquetSizes) (b []byte) {
	t.Helper()
	plan, err := planParquet[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := newParquetEncoder[T](plan, sizes)
	b = e.begin(b)
	for i := range records {
		if b, err = e.append(b, &records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = e.end(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeParquet reads all row groups, at most limit records.
func decodeParquet[T any](t testing.TB, b []byte, limit int) (all []T, rejected int, err error) {
	t.Helper()
	plan, err := planParquet[T]()
	if err != nil {
		t.Fatal(err)
	}
	f := &parquetFile{path: "test.parquet"}
	if err := f.open(bytes.NewReader(b), int64(len(b))); err != nil {
		return nil, 0, err
	}
	for group := range f.RowGroups() {
		r, err := newParquetReader[T](f, plan, group)
		if err != nil {
			return nil, 0, err
		}
		batch := connector.Batch[T]{Max: limit}
		err = r.Read(t.Context(), &batch)
		r.release()
		all, rejected = append(all, batch.Values...), rejected+len(batch.Rejected)
		if err != nil && err != io.EOF {
			return all, rejected, err
		}
	}
	return all, rejected, nil
}

var smallSizes = parquetSizes{rowGroupBytes: 8 << 10, pageBytes: 1 << 10}

// FuzzParquet reads damaged files: an error or records, and never a panic. A whole file is read as it was written.
func FuzzParquet(f *testing.F) {
	want := parcels(300)
	whole := encodeParquet(f, want, smallSizes)
	small := encodeParquet(f, want[:3], oneFolder)
	f.Add(whole, 0, byte(0))
	f.Add(small, 0, byte(0))
	f.Add([]byte("PAR1\x00\x00\x00\x00PAR1"), 0, byte(0))
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		f.Add(small, random.IntN(len(small)), byte(1<<random.IntN(8)))
		f.Add(small[:random.IntN(len(small))], 0, byte(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, flip byte) {
		if len(b) > 1<<16 {
			return
		}
		b = bytes.Clone(b)
		if at >= 0 && at < len(b) {
			b[at] ^= flip
		}
		got, rejected, err := decodeParquet[parcel](t, b, 1000)
		if bytes.Equal(b, whole) && (err != nil || rejected > 0 || !reflect.DeepEqual(got, want)) {
			t.Errorf("a whole file is read as %d of %d records, %d rejects, %v", len(got), len(want), rejected, err)
		}
	})
}

// A bit that is another before the footer is found: pages have checksums.
func TestParquetFlippedBits(t *testing.T) {
	want := parcels(300)
	whole := encodeParquet(t, want, smallSizes)
	pages := len(whole) - 8 - int(binary.LittleEndian.Uint32(whole[len(whole)-8:]))
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		b := bytes.Clone(whole)
		at, bit := random.IntN(pages), byte(1<<random.IntN(8))
		b[at] ^= bit
		if got, rejected, err := decodeParquet[parcel](t, b, 1000); err == nil && (rejected > 0 || !reflect.DeepEqual(got, want)) {
			t.Errorf("bit %#x of byte %d of %d is another, and nobody says so", bit, at, pages)
		}
	}
}
