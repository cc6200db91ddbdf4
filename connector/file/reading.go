// Package file reads and writes files: comma-separated values, JSON lines, Parquet and lines of text.
//
//	job.From("payments", file.Read("payments-*.csv.gz").CSV[Txn])
//	alerts.To("alerts", file.Write("alerts").JSONLines)
//
// # Reading
//
// Each file that matches the pattern is a split. Files whose names end in .gz (gzip, also of several members) or .zst
// (Zstandard) are decompressed. A reader's position is a line and an offset into the uncompressed bytes: a restored
// reader of a plain file jumps there, one of a compressed file reads again what comes before and skips it. Files
// must not change while a job reads them, or between a snapshot and its restore.
//
// A record that can't be read is rejected with its text, its place, such as "payments-3.csv:1042: column 4 (amount)",
// and what is wrong with it.
//
// # CSV
//
// The first line names the columns; fields are separated by commas, may be quoted as RFC 4180 has it, and may then
// hold separators, line breaks and doubled quotes. Lines end in LF or CR LF. Empty lines count for nothing. A quoted
// field that is damaged, or that the end of the file or [Reading.MaxLine] cuts off, rejects the line where its
// record begins; reading goes on with the next line.
//
// A struct says which column goes where. A field's column is the name in its tag, or else the field's own name, whose
// case does not matter when reading. Fields of embedded structs count as the struct's own; those of other structs within have
// their path as name (Home.City). The tag csv:"-" leaves a field out. Options follow the name:
//
//	type Flight struct {
//		Hour    time.Time `csv:"time_hour,layout=2006-01-02 15:04:05"`
//		Delay   *float64  `csv:"dep_delay"`       // an empty cell is nil
//		Seats   int       `csv:"seats,empty"`     // an empty cell is 0
//		TailNum string    // column TailNum, tailnum, TAILNUM …
//	}
//
//	empty       an empty cell is the zero value; without it, only strings and bytes, pointers, slices and maps may be empty
//	layout=L    how a time.Time is written, as for time.Parse; or unix, unixmilli, unixmicro, unixnano for a count since 1970.
//	            The default is RFC 3339. It is the last option, as a layout may hold commas.
//
// Cells hold integers, floats, booleans, strings, []byte (as text), time.Time, time.Duration (1m30s), what implements
// [encoding.TextUnmarshaler] and [encoding.TextMarshaler], pointers to these, and anything else that encoding/json can
// read and write, as JSON. A column without a field is ignored; a field without a column is an error.
//
// # Parquet
//
// A struct's fields are columns, and structs within are groups of columns. Names and tags are as with CSV, in the tag parquet: the
// column's name, parquet:"-" to leave a field out, and fields of embedded structs count as the struct's own. Columns are matched by
// name; one without a field is not read, and a field without a column is an error, as is a column of another type:
//
//	type Flight struct {
//		Hour    time.Time     `parquet:"time_hour"`     // TIMESTAMP, UTC, in microseconds
//		Delay   *float64      `parquet:"dep_delay"`     // optional DOUBLE
//		Seats   int           `parquet:"seats,empty"`   // INT64; a null is read as 0
//		Seen    time.Time     `parquet:"seen,nanos"`    // for the years 1678 to 2261; or millis, or micros
//		Took    time.Duration                           // INT64, nanoseconds
//		Stops   []Stop                                  // optional LIST; nil is null
//		Tags    map[string]string                       // optional MAP
//	}
//
// Also booleans, integers and floats of all sizes, strings, []byte (optional: nil is null), [N]byte, arrays, and what implements both
// [encoding.TextMarshaler] and [encoding.TextUnmarshaler], as text. Interfaces, channels, functions, complex numbers, pointers
// to what may be nil itself, and types that contain themselves are refused when the job is planned. Times finer than the column's unit
// are cut.
//
// When reading, an integer column of any size goes with an integer field of any size, a 4-byte float with float64, dates and the 96-bit
// times of older programs with time.Time, times of day with time.Duration, and times without a zone are taken for UTC. A null where there must
// be a value, and a number that does not fit, reject the record. Each row group is a split, such as flights.parquet#2; the position is a row in
// it, and a restored reader reads again what comes before in the row group and skips it. A damaged file is an error that names it. Encrypted files and
// columns compressed by LZ4 are refused.
//
// A part holds its records in row groups of at most 64 MiB before compression (2 MiB with [WriteBy], as parts are many), compressed by
// Zstandard, with a checksum for each page. The part that is being written takes so much memory. Its footer is written last, so a part ends at
// each checkpoint, as with all formats, and each checkpoint that has records makes at least a file a subtask: an interval of a second makes 3,600 small files an
// hour, which are slow to read. Where Parquet is for later readers, minutes are better, with [Writing.Roll] as the bound above. Of what is not
// compressed yet, Roll counts the bytes as they are, so that such a part is smaller than asked for.
//
// # Writing
//
// [Write] writes to a folder and [WriteBy] to sub-folders of it. With leat.ExactlyOnce each record is seen once, whatever
// fails, and no part changes or goes once it can be seen:
//
//	alerts.To("alerts", file.WriteBy("alerts", Alert.Day).JSONLines, leat.ExactlyOnce())
//
//	written      alerts/.pending-fraud-alerts-8c1f00d2b7a3.7/.part-0-00003-5f1d09c2ab7e.jsonl.pending
//	prepared     the same, synced and closed; its name, size and checksum are in the checkpoint
//	committed    alerts/2026-11-22/part-0-00003-5f1d09c2ab7e.jsonl, once the checkpoint is durable
//
// So records are seen one checkpoint later than written. Each attempt of each sink of each job has a pending folder of its own,
// named by job, sink, a hash and the attempt's number, so that several may write to one folder. The last part of a name is the writer's own, so that no attempt and no
// restore takes a name that another had. A job that goes on from a snapshot first commits what that has prepared, after comparing
// the checksums, and deletes what else earlier attempts have left in their pending folders. A part that is neither pending nor visible then, or that has other
// bytes, is an error that names it: a part must stay where it is, unchanged, as long as the snapshots in use were taken
// before it was committed. The folder may be moved with all that is in it, and a job may be given another folder.
//
// This holds on file systems that rename files atomically, also between folders, and keep what was synced. The pending folder
// is in the folder written to, and sub-folders may not be on other file systems.
package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"leat.dev/leat/connector"
)

// Reading is a set of files to read; a method names their format. The methods that refine it return a copy.
type Reading struct {
	glob    string
	comma   rune
	nulls   []string
	maxLine int
}

// DefaultMaxLine is how many bytes a line, or a CSV record of several lines, may have unless [Reading.MaxLine] says
// otherwise: 16 MiB.
const DefaultMaxLine = 16 << 20

// Read reads the files that match the pattern, as [filepath.Match] has it, each as a split, in the order of their
// names. As in a shell, * matches no leading dot. A job whose pattern matches no file fails when it starts. The pattern "-"
// is standard input, see [Stdin].
func Read(glob string) Reading { return Reading{glob: glob, comma: ',', maxLine: DefaultMaxLine} }

// Stdin reads standard input, uncompressed, as one split. It can't be read again: a job that fails after it has begun
// to read can't be restarted. Where standard input can't be interrupted (a terminal), the goroutine that waits for it
// lives until there is input or the process ends.
func Stdin() Reading { return Read(stdin) }

// stdin is the pattern and the split's name of standard input.
const stdin = "-"

// Comma sets what separates the fields of CSV: an ASCII character other than a quote or the end of a line. The default is a
// comma.
func (r Reading) Comma(c rune) Reading {
	r.comma = c
	return r
}

// Null names the cells of CSV that stand for no value, such as "NA": they are read as nil or the zero value,
// whatever the field's type. Null("") lets all fields be empty.
func (r Reading) Null(words ...string) Reading {
	r.nulls = append(slices.Clip(r.nulls), words...)
	return r
}

// MaxLine bounds the length of a line, or of a CSV record of several lines, in bytes; it is the memory a reader may take.
// A longer line fails the attempt. The default is [DefaultMaxLine].
func (r Reading) MaxLine(bytes int) Reading {
	r.maxLine = bytes
	return r
}

// CSV reads comma-separated values into structs; the first line names the columns. See the package's documentation. A
// file without a line has no records.
func (r Reading) CSV[T any]() connector.Input[T] {
	plan, err := planCSV[T]()
	if err == nil {
		err = r.checkComma()
	}
	return input[T]{r, err, func(s *scanner) format[T] { return newCSVReader[T](r, plan, s) }}
}

// JSONLines reads one JSON value a line, by encoding/json. Empty lines count for nothing.
func (r Reading) JSONLines[T any]() connector.Input[T] {
	return input[T]{r, nil, func(s *scanner) format[T] { return jsonReader[T]{s} }}
}

// Parquet reads columns into structs, by name; the split is a row group of a file. See the package's documentation.
// What is about lines and cells, such as [Reading.Null], has no meaning here.
func (r Reading) Parquet[T any]() connector.Input[T] {
	plan, err := planParquet[T]()
	if err == nil && r.glob == stdin {
		err = errors.New("Parquet begins at a file's end, and standard input can't be read from there")
	}
	return parquetInput[T]{input[T]{Reading: r, err: err}, plan}
}

// Lines reads lines of text, without their LF or CR LF. The last line needs neither.
func (r Reading) Lines() connector.Input[string] {
	return input[string]{r, nil, func(s *scanner) format[string] { return lineReader{s} }}
}

func (r Reading) checkComma() error {
	if r.comma <= 0 || r.comma >= 0x80 || strings.ContainsRune("\"\r\n", r.comma) {
		return fmt.Errorf("%q can't separate fields: want an ASCII character other than a quote or the end of a line", r.comma)
	}
	return nil
}

// input is a set of files in one format.
type input[T any] struct {
	Reading
	err    error // what is wrong with T or the settings
	format func(*scanner) format[T]
}

// Check refuses a type or settings that can't work.
func (in input[T]) Check() error {
	if in.err != nil {
		return fmt.Errorf("file: read %q: %w", in.glob, in.err)
	}
	if in.maxLine < 1 {
		return fmt.Errorf("file: read %q: MaxLine is %d: want at least 1 byte", in.glob, in.maxLine)
	}
	return nil
}

// Splits names each split by the file's path.
func (in input[T]) Splits(context.Context) ([]connector.Split, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	if in.glob == stdin {
		return []connector.Split{{Name: stdin}}, nil
	}
	paths, err := match(in.glob)
	if err != nil {
		return nil, err
	}
	splits := make([]connector.Split, len(paths))
	for i, path := range paths {
		splits[i].Name = path
	}
	return splits, nil
}

// match lists the regular files that a pattern matches, or that it names literally.
func match(glob string) ([]string, error) {
	if info, err := os.Stat(glob); err == nil && info.IsDir() {
		return nil, fmt.Errorf("file: %s is a folder: name files, such as %s", glob, filepath.Join(glob, "*.csv"))
	} else if err == nil {
		return []string{glob}, nil
	}
	found, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("file: pattern %q: %w", glob, err)
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir() || hidden(path) && !hidden(glob)
	})
	if len(found) == 0 {
		where, _ := os.Getwd() // an empty name still makes a sentence
		return nil, fmt.Errorf("file: no file matches %q (working directory %s)", glob, where)
	}
	slices.Sort(found)
	return found, nil
}

func hidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// Open opens a file at a position of its uncompressed bytes.
func (in input[T]) Open(ctx context.Context, s connector.Split, position []byte) (connector.Reader[T], error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	if s.Name == stdin {
		return in.openStdin(position)
	}
	r, err := in.openFile(ctx, s.Name, position)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return r, nil
}

func (in input[T]) openFile(ctx context.Context, path string, position []byte) (connector.Reader[T], error) {
	var offset, line uint64
	if position != nil {
		if err := connector.DecodePosition(position, &offset, &line); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	from, err := openStream(path)
	if err != nil {
		return nil, err
	}
	scan := newScanner(path, from, in.maxLine)
	r := &fileReader[T]{reader[T]{scan, in.format(scan)}, from}
	if err = r.begin(); err == nil && position != nil {
		err = scan.seek(ctx, from, offset, line)
	}
	if err != nil {
		from.Close()
		return nil, err
	}
	return r, nil
}
