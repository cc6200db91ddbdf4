package file

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// assembler puts records together from their columns, as the shredder takes them apart.
type assembler struct {
	file    *parquetFile
	root    *binding
	columns []*columnCursor
	texts   texts
	wrong   *wrongValue
}

// wrongValue is the first value of a record that its field can't hold.
type wrongValue struct {
	column string
	raw    []byte
	err    error
}

// assemble fills a record. An error is the file's; a value that is wrong spoils this record only.
func (a *assembler) assemble(to unsafe.Pointer) (*wrongValue, error) {
	a.wrong = nil
	for _, c := range a.columns {
		if !c.repeats {
			continue
		}
		if v, err := c.peek(); err != nil {
			return nil, err
		} else if v.RepetitionLevel() != 0 {
			return nil, fmt.Errorf("column %s is damaged: the record begins in the middle of a list", c.name)
		}
	}
	err := a.fill(a.root, to)
	return a.wrong, err
}

// fill sets what lies at a place, which is the zero value.
func (a *assembler) fill(b *binding, to unsafe.Pointer) error {
	if b.optional {
		if v, err := a.columns[b.first].peek(); err != nil {
			return err
		} else if v.DefinitionLevel() < b.def {
			return a.null(b)
		}
	}
	switch b.kind {
	case leafShape:
		return a.fillLeaf(b, to)
	case maybeShape:
		v := reflect.New(b.typ.Elem()).UnsafePointer()
		*(*unsafe.Pointer)(to) = v
		return a.fill(b.parts[0], v)
	case listShape:
		return a.fillList(b, reflect.NewAt(b.typ, to).Elem())
	case arrayShape:
		return a.fillArray(b, to)
	case dictShape:
		return a.fillMap(b, reflect.NewAt(b.typ, to).Elem())
	}
	for _, part := range b.parts {
		if err := a.fill(part, unsafe.Add(to, part.offset)); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembler) fillLeaf(b *binding, to unsafe.Pointer) error {
	c := a.columns[b.first]
	v, err := c.peek()
	if err != nil {
		return err
	}
	c.at++
	if err := b.read(&a.texts, to, v); err != nil {
		raw := v.AppendBytes(nil)
		if number, ok := errors.AsType[*misfit](err); ok {
			raw = []byte(number.text)
		}
		a.reject(b, raw, fmt.Errorf("%w (field %s)", err, b.path))
	}
	return nil
}

// skip takes one value of each column below.
func (a *assembler) skip(b *binding) error {
	for _, c := range a.columns[b.first:b.end] {
		if _, err := c.peek(); err != nil {
			return err
		}
		c.at++
	}
	return nil
}

// null leaves a field at its zero value, if that may stand for a null.
func (a *assembler) null(b *binding) error {
	if !b.takesNull() {
		a.reject(b, nil, fmt.Errorf("the value is null; want %s (a pointer or the tag's option empty would allow it)", b.typ))
	}
	return a.skip(b)
}

// takesNull is as with the empty cells of CSV.
func (b *binding) takesNull() bool {
	if b.options.empty {
		return true
	}
	switch b.kind {
	case maybeShape, listShape, dictShape:
		return true
	case leafShape:
		return b.nullable || b.typ.Kind() == reflect.String && !isParquetText(b.typ)
	}
	return false
}

func (a *assembler) reject(b *binding, raw []byte, err error) {
	if a.wrong == nil {
		a.wrong = &wrongValue{b.column, raw, err}
	}
}

// elements has fill called for each element of a list.
func (a *assembler) elements(b *binding, fill func(i int) error) (count int, err error) {
	first := a.columns[b.first]
	v, err := first.peek()
	if err != nil {
		return 0, err
	}
	if v.DefinitionLevel() < b.elementDef {
		return 0, a.skip(b)
	}
	for {
		if err := fill(count); err != nil {
			return 0, err
		}
		count++
		if v, err = first.peek(); err == errColumnEnds {
			return count, nil
		} else if err != nil {
			return 0, err
		}
		if v.RepetitionLevel() < b.rep {
			return count, nil
		}
	}
}

func (a *assembler) fillList(b *binding, list reflect.Value) error {
	count, err := a.elements(b, func(i int) error {
		list.Grow(1)
		list.SetLen(i + 1)
		return a.fill(b.parts[0], list.Index(i).Addr().UnsafePointer())
	})
	if err == nil && count == 0 {
		list.Set(reflect.MakeSlice(b.typ, 0, 0))
	}
	return err
}

func (a *assembler) fillArray(b *binding, to unsafe.Pointer) error {
	size := b.typ.Len()
	var beyond reflect.Value // takes what the array has no room for
	count, err := a.elements(b, func(i int) error {
		if i < size {
			return a.fill(b.parts[0], unsafe.Add(to, uintptr(i)*b.typ.Elem().Size()))
		}
		if i == size {
			beyond = reflect.New(b.typ.Elem())
		}
		beyond.Elem().SetZero()
		return a.fill(b.parts[0], beyond.UnsafePointer())
	})
	if err == nil && count != size {
		a.reject(b, nil, fmt.Errorf("the list has %d elements; want %d (field %s)", count, size, b.path))
	}
	return err
}

func (a *assembler) fillMap(b *binding, m reflect.Value) error {
	m.Set(reflect.MakeMap(b.typ))
	key, value := reflect.New(b.parts[0].typ), reflect.New(b.parts[1].typ)
	_, err := a.elements(b, func(int) error {
		key.Elem().SetZero()
		value.Elem().SetZero()
		for i, to := range []reflect.Value{key, value} {
			if err := a.fill(b.parts[i], to.UnsafePointer()); err != nil {
				return err
			}
		}
		m.SetMapIndex(key.Elem(), value.Elem())
		return nil
	})
	return err
}

// columnCursor goes through the values of a column in a row group.
type columnCursor struct {
	name    string
	repeats bool
	pages   parquet.Pages
	page    parquet.Page
	from    parquet.ValueReader
	values  []parquet.Value
	at, end int // of values
	err     error
}

// cursorValues is how many values a cursor takes from a page at a time.
const cursorValues = 256

var errColumnEnds = errors.New("the file is damaged: a column ends too early")

func newColumnCursor(leaf *parquet.Column, chunk parquet.ColumnChunk) *columnCursor {
	return &columnCursor{
		name: leaf.Name(), repeats: leaf.MaxRepetitionLevel() > 0, pages: chunk.Pages(), values: make([]parquet.Value, cursorValues),
	}
}

// peek is the next value. It is valid until the one after it is asked for.
func (c *columnCursor) peek() (*parquet.Value, error) {
	if c.at < c.end {
		return &c.values[c.at], nil
	}
	if c.err == nil {
		c.err = c.more()
	}
	if c.err != nil {
		return nil, c.err
	}
	return &c.values[c.at], nil
}

// more reads values, of the next pages if need be.
func (c *columnCursor) more() error {
	for {
		if c.from != nil {
			n, err := c.from.ReadValues(c.values)
			if err != nil && err != io.EOF {
				return fmt.Errorf("column %s: %w", c.name, err)
			}
			if n > 0 {
				c.at, c.end = 0, n
				return nil
			}
			if err == nil {
				return fmt.Errorf("column %s: %w", c.name, io.ErrNoProgress)
			}
			c.release()
		}
		page, err := c.pages.ReadPage()
		if err == io.EOF {
			return errColumnEnds
		} else if err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
		c.page, c.from = page, page.Values()
	}
}

// skip goes to a row.
func (c *columnCursor) skip(row int64) error {
	for rows := int64(0); ; c.at++ {
		v, err := c.peek()
		if err == errColumnEnds && rows == row {
			return nil
		} else if err != nil {
			return err
		}
		if v.RepetitionLevel() == 0 {
			if rows == row {
				return nil
			}
			rows++
		}
	}
}

func (c *columnCursor) release() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	c.page, c.from = nil, nil
}

func (c *columnCursor) close() {
	c.release()
	c.pages.Close()
}
