package file_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/file"
)

type place struct {
	City string
	Zip  uint32 `csv:"zip"`
}

type base struct {
	ID int64 `csv:"id"`
}

// level reads and writes itself.
type level int

func (l level) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "L%d", int(l)), nil }

func (l *level) UnmarshalText(b []byte) error {
	if _, err := fmt.Sscanf(string(b), "L%d", (*int)(l)); err != nil {
		return errors.New("want L and a number")
	}
	return nil
}

type currency string

// wide has a field of each kind.
type wide struct {
	base
	Small   int8
	Byte    uint8
	Ratio   float32
	Amount  float64 `csv:"amount"`
	Ok      bool
	Name    string
	Kind    currency
	At      time.Time
	Hour    time.Time  `csv:"hour,layout=Jan 2, 2006 15h"`
	Milli   time.Time  `csv:"ms,layout=unixmilli"`
	Until   *time.Time `csv:"until,layout=2006-01-02"`
	Took    time.Duration
	Delay   *int
	Label   *string
	Level   level
	IP      netip.Addr
	Raw     []byte
	Tags    []string
	Counts  map[string]int
	Home    place
	Work    *place
	Seats   int `csv:"seats,empty"`
	Skipped int `csv:"-"`
	_       int
}

const wideHeader = "id,Small,Byte,Ratio,amount,Ok,Name,Kind,At,hour,ms,until,Took,Delay,Label,Level,IP,Raw,Tags,Counts,Home.City,Home.zip,Work,seats"

func wideRecord() wide {
	delay, label := -5, "x,y"
	until := time.Date(2013, 2, 3, 0, 0, 0, 0, time.UTC)
	return wide{
		base: base{1 << 62}, Small: -128, Byte: 255, Ratio: 0.1, Amount: 1e-7, Ok: true, Name: `a "quoted" name`, Kind: "EUR",
		At: time.Date(2013, 1, 2, 3, 4, 5, 600, time.UTC), Hour: time.Date(2013, 1, 2, 3, 0, 0, 0, time.UTC),
		Milli: time.UnixMilli(1357095845123).UTC(), Until: &until, Took: 90 * time.Second, Delay: &delay, Label: &label, Level: 3,
		IP: netip.MustParseAddr("10.0.0.1"), Raw: []byte("line\r\nline"), Tags: []string{"a", "b"}, Counts: map[string]int{"n": 1},
		Home: place{"Hull", 7}, Work: &place{"York", 8}, Seats: 9,
	}
}

const wideRow = `4611686018427387904,-128,255,0.1,1e-07,true,"a ""quoted"" name",EUR,2013-01-02T03:04:05.0000006Z,"Jan 2, 2013 03h",` +
	`1357095845123,2013-02-03,1m30s,-5,"x,y",L3,10.0.0.1,"line` + "\r\n" + `line","[""a"",""b""]","{""n"":1}",Hull,7,"{""City"":""York"",""Zip"":8}",9`

func TestCSVEveryKind(t *testing.T) {
	path := put(t, "wide.csv", wideHeader+"\n"+wideRow+"\n")
	values, rejected := readAll(t, file.Read(path).CSV[wide])
	if len(rejected) > 0 || len(values) != 1 || !reflect.DeepEqual(values[0], wideRecord()) {
		t.Errorf("got %+v\nand rejects %q\nwant %+v", values, rejected, wideRecord())
	}
}

func TestCSVWritesEveryKind(t *testing.T) {
	dir := t.TempDir()
	write(t, file.Write(dir).CSV[wide], wideRecord(), wide{})
	empty := `0,0,0,0,0,false,,,0001-01-01T00:00:00Z,"Jan 1, 0001 00h",-62135596800000,,0s,,,L0,,,,,,0,,0`
	want := wideHeader + "\n" + wideRow + "\n" + empty + "\n"
	if got := get(t, dir, "part-0-00000.csv"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	values, rejected := readAll(t, file.Read(dir + "/*.csv").Null("").CSV[wide])
	if len(rejected) > 0 || len(values) != 2 || !reflect.DeepEqual(values[0], wideRecord()) {
		t.Errorf("read back %+v, rejects %q", values, rejected)
	}
}

type flight struct {
	Carrier string
	Flight  int32    `csv:"flight"`
	Delay   *float64 `csv:"dep_delay"`
	Air     int      `csv:"air_time"`
}

func TestCSVReads(t *testing.T) {
	delay := 2.5
	for _, c := range []struct {
		name, text string
		refine     func(file.Reading) file.Reading
		want       []flight
	}{
		{name: "order, case and other columns", text: "dep_delay,x,air_time,CARRIER,flight\n2.5,,3,UA,1\n,y,4,AA,2\n", want: []flight{{"UA", 1, &delay, 3}, {"AA", 2, nil, 4}}},
		{name: "byte order mark", text: "\xef\xbb\xbfcarrier,flight,dep_delay,air_time\nUA,1,,3\n", want: []flight{{"UA", 1, nil, 3}}},
		{name: "CR LF, no last line end", text: "carrier,flight,dep_delay,air_time\r\nUA,1,,3\r\nAA,2,2.5,4", want: []flight{{"UA", 1, nil, 3}, {"AA", 2, &delay, 4}}},
		{name: "empty lines", text: "\n\r\ncarrier,flight,dep_delay,air_time\n\nUA,1,,3\n\r\n\n", want: []flight{{"UA", 1, nil, 3}}},
		{name: "quotes", text: "\"carrier\",\"flight\",dep_delay,air_time\n\"U\"\"A,\n\r\n\",\"1\",\"\",\"3\"\r\nA\"A,2,,4\n\"\",2,,\"4\"", want: []flight{{"U\"A,\n\r\n", 1, nil, 3}, {"A\"A", 2, nil, 4}, {"", 2, nil, 4}}},
		{name: "only a header", text: "carrier,flight,dep_delay,air_time"},
		{name: "empty file", text: ""},
		{name: "only a mark", text: "\xef\xbb\xbf"},
		{
			name: "semicolons and null words", text: "carrier;flight;dep_delay;air_time\nUA,x;1;NA;NA\n-;1;;3\n",
			refine: func(r file.Reading) file.Reading { return r.Comma(';').Null("NA").Null("-") },
			want:   []flight{{"UA,x", 1, nil, 0}, {"", 1, nil, 3}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			reading := file.Read(put(t, "f.csv", c.text))
			if c.refine != nil {
				reading = c.refine(reading)
			}
			got, rejected := readAll(t, reading.CSV[flight])
			if len(rejected) > 0 || !(len(got) == 0 && len(c.want) == 0 || reflect.DeepEqual(got, c.want)) {
				t.Errorf("got %+v, rejects %q", got, rejected)
			}
		})
	}
}

type txn struct {
	ID     string
	When   time.Time
	Count  int8
	Amount float64 `csv:"amount"`
	Paid   bool
	Took   time.Duration
	Level  level
	Many   uint16
	Epoch  time.Time `csv:"epoch,layout=unix"`
	List   []int
}

func TestCSVRejects(t *testing.T) {
	const header = "ID,When,Count,amount,Paid,Took,Level,Many,epoch,List\n"
	const good = "a,2013-01-02T03:04:05Z,1,1.5,true,1s,L1,2,3,[4]"
	cell := func(column int, text string) string {
		cells := strings.Split(good, ",")
		cells[column-1] = text
		return strings.Join(cells, ",")
	}
	for _, c := range []struct{ row, place, err string }{
		{cell(2, "yesterday"), ":3: column 2 (When)", `"yesterday" is no time as "2006-01-02T15:04:05.999999999Z07:00" has it (see the tag's option layout)`},
		{cell(3, "128"), ":3: column 3 (Count)", `"128" does not fit int8`},
		{cell(3, "99999999999999999999"), ":3: column 3 (Count)", `"99999999999999999999" does not fit int8`},
		{cell(3, "1.0"), ":3: column 3 (Count)", `"1.0" is no int8`},
		{cell(3, "-"), ":3: column 3 (Count)", `"-" is no int8`},
		{cell(4, "12x"), ":3: column 4 (amount)", `"12x" is no float64`},
		{cell(4, "1e999"), ":3: column 4 (amount)", `"1e999" does not fit float64`},
		{cell(4, ""), ":3: column 4 (amount)", "the cell is empty; want float64 (a pointer or the tag's option empty would allow it)"},
		{cell(5, "yes"), ":3: column 5 (Paid)", `"yes" is no bool`},
		{cell(6, "10"), ":3: column 6 (Took)", `"10" is no time.Duration, such as 1m30s`},
		{cell(7, "7"), ":3: column 7 (Level)", "want L and a number"},
		{cell(7, ""), ":3: column 7 (Level)", "want L and a number"},
		{cell(8, "-1"), ":3: column 8 (Many)", `"-1" is no uint16`},
		{cell(8, "70000"), ":3: column 8 (Many)", `"70000" does not fit uint16`},
		{cell(9, "x"), ":3: column 9 (epoch)", `"x" is no count of time as layout=unix has it`},
		{"a,b", ":3", "the record has 2 fields, the header has 10"},
		{good + ",11,12,13,14,15,16,17,18,19", ":3", "the record has more fields than the header, which has 10"},
		{`"` + good + `",11,12,13,14,15,16,17,18,19,20,21`, ":3", "the record has more fields than the header, which has 10"},
		{`"a"b`, ":3", "there is text after the closing quote of a field"},
		{`"a`, ":3", "the quoted field does not end"},
	} {
		path := put(t, "p.csv", header+good+"\n"+c.row+"\n"+good+"\n")
		got, rejected := readAll(t, file.Read(path).CSV[txn])
		want := []connector.Rejected{{Raw: []byte(c.row), Position: path + c.place, Err: c.err}}
		if len(got) != 2 || !reflect.DeepEqual(rejected, want) {
			t.Errorf("row %s: got %d records, rejects %q, want %q", c.row, len(got), rejected, want)
		}
	}
}

// The lines of quoted fields count, and a damaged quote takes its line only.
func TestCSVLineNumbers(t *testing.T) {
	path := put(t, "p.csv", "id,zip\n\"a\nb\",1\n\n\"a\nb\",x\n\"c\n3,bad\n4,5")
	_, rejected := readAll(t, file.Read(path).CSV[struct {
		ID  string
		Zip int
	}])
	want := []connector.Rejected{
		{Raw: []byte("\"a\nb\",x"), Position: path + ":5: column 2 (Zip)", Err: `"x" is no int`},
		{Raw: []byte(`"c`), Position: path + ":7", Err: "the quoted field does not end"},
		{Raw: []byte("3,bad"), Position: path + ":8: column 2 (Zip)", Err: `"bad" is no int`},
	}
	if !reflect.DeepEqual(rejected, want) {
		t.Errorf("got %q, want %q", rejected, want)
	}
}

// A quoted record that is longer than a line may be is rejected, not read in part.
func TestCSVRecordTooLong(t *testing.T) {
	path := put(t, "p.csv", "City,zip\n\""+strings.Repeat("x\n", 40)+"\",1\nHull,7\n")
	got, rejected := readAll(t, file.Read(path).MaxLine(50).CSV[place])
	if len(got) != 1 || got[0].City != "Hull" {
		t.Errorf("got %v", got)
	}
	if want := "the quoted field does not end within 50 bytes"; rejected[0].Err != want || string(rejected[0].Raw) != `"x` {
		t.Errorf("got %q, want %s", rejected[0], want)
	}
}

func TestCSVHeaderErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"carrier,flight\nUA,1\n", "file: PATH:1: there is no column dep_delay for field flight.Delay; the columns are carrier, flight"},
		{"\nCARRIER,carrier,flight,DEP_DELAY\n", "file: PATH:2: there are 2 columns Carrier for field flight.Carrier; the columns are CARRIER, carrier, flight, DEP_DELAY"},
		{"carrier,flight,dep_delay,dep_delay,air_time\n", "file: PATH:1: there are 2 columns dep_delay for field flight.Delay; the columns are carrier, flight, dep_delay, dep_delay, air_time"},
		{"\"carrier\"x,flight\n", "file: PATH:1: the header: there is text after the closing quote of a field"},
		{strings.Repeat(",", 1<<16) + "\n", "file: PATH:1: the header has more than 65536 columns"},
	} {
		path := put(t, "p.csv", c.text)
		_, err := file.Read(path).CSV[flight]().Open(t.Context(), connector.Split{Name: path}, nil)
		if want := strings.ReplaceAll(c.want, "PATH", path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestCSVTypeErrors(t *testing.T) {
	read := file.Read("x.csv")
	for _, c := range []struct {
		splits interface {
			Splits(ctx ctx) ([]connector.Split, error)
		}
		want string
	}{
		{read.CSV[int](), "CSV needs a struct whose fields are columns; int is none"},
		{read.CSV[struct{ a int }](), "CSV needs a struct whose fields are columns; struct { a int } has no exported field"},
		{read.CSV[bad1](), "field bad1.C: a cell of CSV can't hold chan int"},
		{read.CSV[bad2](), "fields bad2.A and bad2.B are both column x"},
		{read.CSV[bad3](), `field bad3.A: the csv tag has the option "omitempty": want empty or layout=…`},
		{read.CSV[bad4](), "field bad4.A: layout is for time.Time, not for int"},
		{read.CSV[bad5](), "field bad5.P: a cell of CSV can't hold func()"},
		{read.Comma('\n').CSV[place](), `'\n' can't separate fields: want an ASCII character other than a quote or the end of a line`},
		{read.Comma('é').CSV[place](), `'é' can't separate fields: want an ASCII character other than a quote or the end of a line`},
		{read.MaxLine(0).CSV[place](), "MaxLine is 0: want at least 1 byte"},
	} {
		_, err := c.splits.Splits(t.Context())
		if want := `file: read "x.csv": ` + c.want; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	_, err := file.Write(t.TempDir()).CSV[bad1]().Open(t.Context(), connector.Subtask{})
	if err == nil || !strings.Contains(err.Error(), "field bad1.C: a cell of CSV can't hold chan int") {
		t.Errorf("write: got %v", err)
	}
}

type (
	bad1 struct{ C chan int }
	bad2 struct {
		A int `csv:"x"`
		B int `csv:"x"`
	}
	bad3 struct {
		A int `csv:"a,omitempty"`
	}
	bad4 struct {
		A int `csv:"a,layout=unix"`
	}
	bad5 struct{ P *func() }
)

func TestCSVNumbersAllocateNothing(t *testing.T) {
	type numbers struct {
		A    int64
		B    float64
		C    uint16
		Kind string
		At   time.Time
	}
	text := "A,B,C,Kind,At\n" + strings.Repeat("-123,4.5,6,EUR,2013-01-02T03:04:05Z\n", 20000)
	r := openOne(t, file.Read(put(t, "n.csv", text)).CSV[numbers], nil)
	batch := connector.Batch[numbers]{Max: 100}
	allocs := testing.AllocsPerRun(150, func() {
		batch.Clear()
		if err := r.Read(t.Context(), &batch); err != nil || len(batch.Values) != 100 {
			t.Fatal(err, len(batch.Values), batch.Rejected)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations a batch of 100", allocs)
	}
}
