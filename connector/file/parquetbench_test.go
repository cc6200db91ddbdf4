package file

import (
	"bytes"
	"io"
	"testing"
	"time"

	"leat.dev/leat/connector"
)

// ride is a flat record, as most are.
type ride struct {
	Vendor   string
	Begin    time.Time
	Took     time.Duration
	Miles    float64
	From, To int32
	Riders   uint8
	Cents    int64
	Paid     *bool
}

func rides(n int) []ride {
	vendors := []string{"yellow", "green", "black", "blue"}
	yes := true
	all := make([]ride, n)
	for i := range all {
		all[i] = ride{
			vendors[i*7%4], time.UnixMicro(1_700_000_000_000_000 + int64(i)*1_000_003).UTC(), time.Duration(i%3600) * time.Second,
			float64(i*i%10_007) / 100, int32(i * 31 % 263), int32(i * 17 % 263), uint8(i % 5), int64(i*i%10_000) + 250, nil,
		}
		if i%3 > 0 {
			all[i].Paid = &yes
		}
	}
	return all
}

// BenchmarkParquetWrite encodes parts of 100,000 records, as an encoder that has had others.
func BenchmarkParquetWrite(b *testing.B) {
	all := rides(100_000)
	plan, err := planParquet[ride]()
	if err != nil {
		b.Fatal(err)
	}
	e := newParquetEncoder[ride](plan, oneFolder)
	var part []byte
	encode := func() {
		part = e.begin(part[:0])
		for i := range all {
			if part, err = e.append(part, &all[i]); err != nil {
				b.Fatal(err)
			}
		}
		if part, err = e.end(part); err != nil {
			b.Fatal(err)
		}
	}
	encode()
	b.ReportAllocs()
	for b.Loop() {
		encode()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/record")
	b.ReportMetric(float64(len(part))/float64(len(all)), "bytes/record")
}

// BenchmarkParquetRead reads a part of 100,000 records in batches.
func BenchmarkParquetRead(b *testing.B) {
	all := rides(100_000)
	part := encodeParquet(b, all, oneFolder)
	plan, err := planParquet[ride]()
	if err != nil {
		b.Fatal(err)
	}
	batch := connector.Batch[ride]{Max: 256}
	b.ReportAllocs()
	for b.Loop() {
		f := &parquetFile{path: "bench.parquet"}
		if err := f.open(bytes.NewReader(part), int64(len(part))); err != nil {
			b.Fatal(err)
		}
		r, err := newParquetReader[ride](f, plan, 0)
		for err == nil {
			batch.Clear()
			err = r.Read(b.Context(), &batch)
		}
		r.release()
		if err != io.EOF || r.row != int64(len(all)) {
			b.Fatal(r.row, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(all)), "ns/record")
}
