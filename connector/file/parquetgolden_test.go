package file_test

import (
	"reflect"
	"testing"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/connectortest"
	"leat.dev/leat/connector/file"
)

// arrowRow is a row of testdata/pyarrow.parquet: pyarrow 21.0.0 wrote it with Snappy, and five rows in groups of three.
type arrowRow struct {
	ID    int64
	Name  string
	At    time.Time
	Local time.Time
	Day   time.Time
	Clock time.Duration
	Price *float64
	Flag  *bool
	Big   uint64
	Hash  [3]byte
	Tags  []*string
	Props map[string]*int32
	Stop  *arrowStop
}

type arrowStop struct {
	City *string
	Zip  []uint16
}

func to[T any](v T) *T { return &v }

var arrowRows = func() []arrowRow {
	rows := make([]arrowRow, 5)
	for i := range rows {
		second := time.Duration(i) * time.Second
		rows[i] = arrowRow{
			ID: int64(i) + 1, Big: uint64(i) - 1, Hash: [3]byte([]byte("abc")),
			At:    time.Date(2026, 11, 22, 10, 0, 0, 123456000, time.UTC).Add(second),
			Local: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).Add(second),
			Day:   time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Clock: time.Hour + 2*time.Minute + 3*time.Second + 4*time.Microsecond,
			Name: []string{"anna", "bert", "anna", "", "émile"}[i], Price: []*float64{to(1.5), nil, to(2.25), to(-0.5), to(0.0)}[i],
			Flag: []*bool{to(true), to(false), nil, to(true), to(true)}[i],
			Tags: [][]*string{{to("a"), to("b")}, {}, nil, {to("c"), nil}, {to("d")}}[i],
		}
	}
	rows[0].Day = time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)
	rows[0].Props, rows[1].Props = map[string]*int32{"x": to[int32](1)}, map[string]*int32{}
	rows[3].Props, rows[4].Props = map[string]*int32{"y": to[int32](2), "z": nil}, map[string]*int32{"x": to[int32](3)}
	rows[0].Stop, rows[2].Stop = &arrowStop{to("delft"), []uint16{1}}, &arrowStop{}
	rows[3].Stop, rows[4].Stop = &arrowStop{to("gouda"), []uint16{2, 3}}, &arrowStop{to(""), []uint16{}}
	return rows
}()

// Files of another program are read, from each of their rows on.
func TestParquetOfPyarrow(t *testing.T) {
	connectortest.TestSource(t, file.Read("testdata/pyarrow.parquet").Parquet[arrowRow], connectortest.Expect[arrowRow]{Records: arrowRows})
}

// The 96-bit times of older programs, and pages of the format's second version.
func TestParquetInt96(t *testing.T) {
	type row struct {
		ID   uint8
		At   time.Time
		Tags []string
	}
	var rows []row
	for _, r := range arrowRows {
		tags := make([]string, len(r.Tags))
		for i, tag := range r.Tags {
			if tag != nil {
				tags[i] = *tag
			}
		}
		if r.Tags == nil {
			tags = nil
		}
		rows = append(rows, row{uint8(r.ID), r.At, tags})
	}
	connectortest.TestSource(t, file.Read("testdata/pyarrow-int96.parquet").Parquet[row], connectortest.Expect[row]{Records: rows})
}

// What a field can't hold rejects the row, and says where and what it is.
func TestParquetRejects(t *testing.T) {
	type row struct {
		ID    int8
		Price float32
		Zips  struct {
			City string
			Zip  []uint16
		} `parquet:"stop"`
		Big int64
	}
	const path = "testdata/pyarrow.parquet"
	zips := row{}.Zips
	connectortest.TestSource(t, file.Read(path).Parquet[row], connectortest.Expect[row]{
		Records: func() []row {
			third, fourth, fifth := row{ID: 3, Price: 2.25, Big: 1}, row{ID: 4, Price: -0.5, Big: 2}, row{ID: 5, Big: 3}
			fourth.Zips, fifth.Zips = zips, zips
			fourth.Zips.City, fourth.Zips.Zip, fifth.Zips.Zip = "gouda", []uint16{2, 3}, []uint16{}
			return []row{third, fourth, fifth}
		}(),
		Rejected: []connector.Rejected{
			{Raw: []byte("18446744073709551615"), Position: path + ":1: column big", Err: "18446744073709551615 does not fit int64 (field row.Big)"},
			{Position: path + ":2: column price", Err: "the value is null; want float32 (a pointer or the tag's option empty would allow it)"},
		},
	})
	type lenient struct {
		Price float32               `parquet:"price,empty"`
		Stop  struct{ City string } `parquet:"stop,empty"`
		Tags  [1]string             `parquet:"tags,empty"`
	}
	got, rejected := readAll(t, file.Read(path).Parquet[lenient])
	if want := []lenient{{Price: 2.25}}; !reflect.DeepEqual(got, want) || len(rejected) != 2 ||
		rejected[0].Err != "the list has 2 elements; want 1 (field lenient.Tags)" {
		t.Errorf("got %+v, %q", got, rejected)
	}
}
