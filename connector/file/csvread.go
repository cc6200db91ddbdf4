package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"leat.dev/leat/connector"
)

// maxColumns bounds a header, and with it what a line of nothing but commas can make a reader allocate.
const maxColumns = 1 << 16

// csvReader makes structs of rows.
type csvReader[T any] struct {
	scan    *scanner
	split   splitter
	plan    []csvField
	nulls   []string
	columns []csvColumn
	texts   texts
}

// csvColumn is a column that a field wants.
type csvColumn struct {
	csvField
	index int
}

func newCSVReader[T any](r Reading, plan []csvField, s *scanner) *csvReader[T] {
	return &csvReader[T]{scan: s, plan: plan, nulls: r.nulls, split: splitter{comma: byte(r.comma), limit: maxColumns}}
}

// begin reads the header and finds the columns that the fields want.
func (r *csvReader[T]) begin() error {
	raw, err := r.row()
	if err != nil {
		return err
	}
	if raw.err != nil {
		return fmt.Errorf("%s: the header: %w", r.scan.place(), raw.err)
	}
	header := make([]string, len(r.split.fields))
	for i, name := range r.split.fields {
		header[i] = string(name)
	}
	if len(header) > maxColumns {
		return fmt.Errorf("%s: the header has more than %d columns", r.scan.place(), maxColumns)
	}
	r.split.limit = len(header)
	return r.bind(header)
}

func (r *csvReader[T]) bind(header []string) error {
	for _, f := range r.plan {
		index, err := f.find(header)
		if err != nil {
			return fmt.Errorf("%s: %w; the columns are %s", r.scan.place(), err, strings.Join(header, ", "))
		}
		r.columns = append(r.columns, csvColumn{f, index})
	}
	return nil
}

// find is which column of a header is the field's: the one of that name, or else, unless a tag names it, the one of that
// name in another case.
func (f *csvField) find(header []string) (int, error) {
	found := indexes(header, func(name string) bool { return name == f.column })
	if len(found) == 0 && !f.tagged {
		found = indexes(header, func(name string) bool { return strings.EqualFold(name, f.column) })
	}
	switch len(found) {
	case 0:
		return 0, fmt.Errorf("there is no column %s for field %s", f.column, f.path)
	case 1:
		return found[0], nil
	}
	return 0, fmt.Errorf("there are %d columns %s for field %s", len(found), f.column, f.path)
}

func indexes(header []string, match func(name string) bool) (found []int) {
	for i, name := range header {
		if match(name) {
			found = append(found, i)
		}
	}
	return found
}

// csvRow is a record as it came; its fields are the splitter's. It is valid until the next one.
type csvRow struct {
	raw []byte
	err error // what is wrong with its quotes
}

// row takes the next record that is not an empty line.
func (r *csvReader[T]) row() (csvRow, error) {
	for {
		line, size, err := r.scan.peek()
		if err != nil {
			return csvRow{}, err
		}
		if bytes.IndexByte(line, '"') >= 0 {
			return r.quotedRow(line, size)
		}
		r.scan.advance(size, 1)
		if len(line) > 0 {
			r.split.plain(line)
			return csvRow{raw: line}, nil
		}
	}
}

// quotedRow takes a record whose first line is given. If its quotes are damaged it takes that line only.
func (r *csvReader[T]) quotedRow(line []byte, lineSize int) (csvRow, error) {
	for {
		size, lines, err := r.split.quoted(r.scan.window(), r.scan.err == io.EOF)
		if err == nil {
			raw := bytes.TrimSuffix(r.scan.window()[:size], newline)
			r.scan.advance(size, lines)
			return csvRow{raw: trimCR(raw)}, nil
		}
		if err == errCutOff || err == errCutQuote {
			err = r.longer(err == errCutQuote)
			if err == nil || err == io.EOF {
				continue
			}
			if _, ok := errors.AsType[*tooLongError](err); !ok {
				return csvRow{}, err
			}
			err = fmt.Errorf("%w within %d bytes", errOpenQuote, r.scan.maxLine)
		}
		line = r.scan.window()[:len(line)] // reading on may have moved it
		r.scan.advance(lineSize, 1)
		return csvRow{raw: line, err: err}, nil
	}
}

// longer makes the window longer: within quotes by another quote at least. A record that comes in many small pieces would
// otherwise be split again for each.
func (r *csvReader[T]) longer(untilQuote bool) error {
	for {
		known := len(r.scan.window())
		err := r.scan.more()
		if err != nil || !untilQuote || bytes.IndexByte(r.scan.window()[known:], '"') >= 0 {
			return err
		}
	}
}

func (r *csvReader[T]) next(into *connector.Batch[T]) error {
	row, err := r.row()
	if err != nil {
		return err
	}
	if row.err == nil {
		row.err = r.checkCount()
	}
	if row.err != nil {
		into.Rejected = append(into.Rejected, r.reject(row.raw, "", row.err))
		return nil
	}
	var zero T
	at := len(into.Values)
	into.Values = append(into.Values, zero)
	if c, err := r.decode(unsafe.Pointer(&into.Values[at])); err != nil {
		into.Values[at] = zero
		into.Values = into.Values[:at]
		into.Rejected = append(into.Rejected, r.reject(row.raw, fmt.Sprintf(": column %d (%s)", c.index+1, c.column), err))
	}
	return nil
}

func (r *csvReader[T]) checkCount() error {
	switch got, want := len(r.split.fields), r.split.limit; {
	case got < want:
		return fmt.Errorf("the record has %d fields, the header has %d", got, want)
	case got > want:
		return fmt.Errorf("the record has more fields than the header, which has %d", want)
	}
	return nil
}

func (r *csvReader[T]) reject(raw []byte, column string, err error) connector.Rejected {
	return connector.Rejected{Raw: append([]byte{}, raw...), Position: r.scan.place() + column, Err: err.Error()}
}

// decode fills the struct from the splitter's fields. Its error is that of the column it returns.
func (r *csvReader[T]) decode(to unsafe.Pointer) (*csvColumn, error) {
	for i := range r.columns {
		c := &r.columns[i]
		cell := r.split.fields[c.index]
		if r.isNull(cell) {
			continue
		}
		if len(cell) == 0 && c.empty != emptyIsText {
			if c.empty == emptyIsWrong {
				return c, fmt.Errorf("the cell is empty; want %s (a pointer or the tag's option empty would allow it)", c.typ)
			}
			continue
		}
		if err := c.read(&r.texts, unsafe.Add(to, c.offset), cell); err != nil {
			return c, err
		}
	}
	return nil, nil
}

func (r *csvReader[T]) isNull(cell []byte) bool {
	for _, word := range r.nulls {
		if string(cell) == word {
			return true
		}
	}
	return false
}
