package file_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/file"
)

func checkPlan[T any](t *testing.T, want string) {
	t.Helper()
	for what, c := range map[string]any{"read": file.Read("x").Parquet[T](), "write": file.Write("x").Parquet[T]()} {
		if err := c.(connector.Checked).Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", what, err, want)
		}
	}
}

// Types that columns can't hold are refused when the job is planned, and the field is named.
func TestParquetRefusesTypes(t *testing.T) {
	type tree struct{ Branches []tree }
	type inner struct{ F any }
	type list []list
	checkPlan[int](t, "Parquet needs a struct whose fields are columns; int is none")
	checkPlan[time.Time](t, "time.Time is none")
	checkPlan[struct{ a int }](t, "has no exported field")
	checkPlan[struct{ C chan int }](t, "field .C: a column of Parquet can't hold chan int")
	checkPlan[struct{ In map[string][]inner }](t, "field .In.F: a column of Parquet can't hold interface {}")
	checkPlan[struct{ C complex128 }](t, "can't hold complex128")
	checkPlan[struct{ P **int }](t, "field .P: a column of Parquet can't hold **int: take *int, which can be nil itself")
	checkPlan[struct{ P *[]byte }](t, "take []uint8")
	checkPlan[struct{ P *map[string]int }](t, "take map[string]int")
	checkPlan[struct{ M map[*int]int }](t, "field .M: a key of Parquet can't be *int")
	checkPlan[tree](t, "field tree.Branches: file_test.tree contains itself")
	checkPlan[struct{ L list }](t, "contains itself")
	checkPlan[struct {
		A int `parquet:"B"`
		B int
	}](t, "fields .A and .B are both column B")
	checkPlan[struct {
		A int `parquet:"a,nanos"`
	}](t, "field .A: nanos is for time.Time, not for int")
	checkPlan[struct {
		A int `parquet:"a,optional"`
	}](t, `field .A: the parquet tag has the option "optional": want empty, millis, micros or nanos`)
	if err := file.Stdin().Parquet[place]().(connector.Checked).Check(); err == nil {
		t.Error("standard input is accepted")
	}
}

func openError[T any](t *testing.T, path, want string) {
	t.Helper()
	in := file.Read(path).Parquet[T]()
	_, err := in.Splits(t.Context())
	if err == nil {
		_, err = in.Open(t.Context(), connector.Split{Name: path + "#0"}, nil)
	}
	if err == nil || !strings.HasPrefix(err.Error(), "file: "+path+": ") || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A column of another type is one error, with the file, the column and both types.
func TestParquetMismatch(t *testing.T) {
	const path = "testdata/pyarrow.parquet"
	openError[struct{ ID string }](t, path, "column ID is optional INT32, and field .ID is string")
	openError[struct{ Name int }](t, path, "column Name is optional STRING, and field .Name is int")
	openError[struct{ At int64 }](t, path, "column at is optional TIMESTAMP(isAdjustedToUTC=true,unit=MICROS), and field .At is int64")
	openError[struct{ Price int }](t, path, "column price is optional FLOAT, and field .Price is int")
	openError[struct{ Tags string }](t, path, "column tags is optional group of list, and field .Tags is string")
	openError[struct{ Stop struct{ City int } }](t, path, "column stop.city is optional STRING, and field .Stop.City is int")
	openError[struct{ ID []int }](t, path, "column ID is optional INT32, and field .ID is []int")
	openError[struct{ Hash [4]byte }](t, path, "and field .Hash is [4]uint8")
	openError[struct{ Missing int }](t, path, "there is no column Missing for field .Missing; the columns are ID, Name, at")
}

// What is no whole Parquet file is named as what it is.
func TestParquetDamage(t *testing.T) {
	whole, err := os.ReadFile("testdata/pyarrow.parquet")
	if err != nil {
		t.Fatal(err)
	}
	lying := append([]byte{}, whole...)
	binary.LittleEndian.PutUint32(lying[len(lying)-8:], 1<<31)
	for name, c := range map[string]struct{ text, want string }{
		"empty":  {"", "no Parquet file: it has only 0 bytes"},
		"text":   {"a,b\n1,2\n3,4\n5,6\n", `no Parquet file: it begins with "a,b\n" and not with PAR1`},
		"cut":    {string(whole[:len(whole)-9]), "no whole Parquet file: it ends with"},
		"footer": {string(lying), "the footer is damaged: its length is 2147483648 of the file's 5977 bytes"},
		"thrift": {string(whole[:len(whole)-40]) + strings.Repeat("\xff", 32) + string(whole[len(whole)-8:]), "the footer is damaged: "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name+".parquet")
			if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
				t.Fatal(err)
			}
			openError[struct{ ID int }](t, path, c.want)
		})
	}
}

// A position of another file does not fit.
func TestParquetReplacedFile(t *testing.T) {
	in := file.Read("testdata/pyarrow.parquet").Parquet[struct{ ID int }]()
	for name, position := range map[string][]byte{"testdata/pyarrow.parquet#1": connector.EncodePosition(2, 3), "testdata/pyarrow.parquet#0": connector.EncodePosition(4, 3)} {
		if _, err := in.Open(t.Context(), connector.Split{Name: name}, position); err == nil || !strings.Contains(err.Error(), "the file was replaced since") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := in.Open(t.Context(), connector.Split{Name: "testdata/pyarrow.parquet#2"}, nil); err == nil || !strings.Contains(err.Error(), "there is no row group 2, only 2") {
		t.Errorf("got %v", err)
	}
}

// A time that its unit can't count fails the attempt, and the field is named.
func TestParquetTimeTooFar(t *testing.T) {
	type row struct {
		At time.Time `parquet:",nanos"`
	}
	w, err := file.Write(t.TempDir()).Parquet[row]().Open(t.Context(), connector.Subtask{})
	if err != nil {
		t.Fatal(err)
	}
	err = w.Write(t.Context(), &connector.Batch[row]{Values: []row{{}}})
	if err == nil || !strings.Contains(err.Error(), "field row.At: 0001-01-01 00:00:00 +0000 UTC is too far from 1970 for a count of nanos") {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
