package inspect

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Formats are what Export writes: lines of JSON, comma-separated values, Parquet.
var Formats = []string{"csv", "json", "parquet"}

// Exported is a file that Export has written.
type Exported struct {
	State *State
	File  string
	Rows  int64
}

// Export writes states to files of a folder, one each, called OPERATOR.STATE.FORMAT: all states, or those of the paths. A
// file that is there already is an error.
func (s *Snapshot) Export(ctx context.Context, paths []string, format, folder string, done func(Exported)) error {
	if !slices.Contains(Formats, format) {
		return fmt.Errorf("format %s: there are %s", format, strings.Join(Formats, ", "))
	}
	states, err := s.chosen(ctx, paths)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for _, state := range states {
		file := filepath.Join(folder, url.PathEscape(state.Operator)+"."+url.PathEscape(state.Name)+"."+format)
		rows, err := s.exportState(ctx, state, format, file)
		if err != nil {
			return fmt.Errorf("state %s: %w", state.Path(), err)
		}
		done(Exported{state, file, rows})
	}
	return nil
}

func (s *Snapshot) chosen(ctx context.Context, paths []string) (states []*State, err error) {
	for _, path := range paths {
		state, err := s.Find(ctx, path)
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	if len(paths) > 0 {
		return states, nil
	}
	all, err := s.States(ctx)
	for i := range all {
		states = append(states, &all[i])
	}
	return states, err
}

// rowWriter writes a table's rows.
type rowWriter interface {
	Write(row []any) error
	Close() error
}

// exportState writes one state. A file that could not be written whole is removed.
func (s *Snapshot) exportState(ctx context.Context, state *State, format, file string) (rows int64, err error) {
	t, err := s.Table(state)
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s exists already: remove it, or export to another folder", file)
	}
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := t.writer(format, buffered)
	err = t.Rows(ctx, nil, func(row []any) error {
		rows++
		return w.Write(row)
	})
	if err != nil {
		return rows, err
	}
	if err := w.Close(); err != nil {
		return rows, err
	}
	return rows, buffered.Flush()
}

func (t *Table) writer(format string, to io.Writer) rowWriter {
	switch format {
	case "csv":
		return newCSV(t, to)
	case "parquet":
		return newParquet(t, to)
	}
	return &jsonLines{table: t, to: to}
}

// jsonLines writes an object a line.
type jsonLines struct {
	table *Table
	to    io.Writer
	line  []byte
}

func (w *jsonLines) Write(row []any) error {
	w.line = append(w.table.JSON(w.line[:0], row), '\n')
	_, err := w.to.Write(w.line)
	return err
}

func (w *jsonLines) Close() error { return nil }

// csvWriter writes a header and a line for each row; values that have parts are JSON.
type csvWriter struct {
	to    *csv.Writer
	cells []string
	begun error
}

func newCSV(t *Table, to io.Writer) *csvWriter {
	w := &csvWriter{to: csv.NewWriter(to)}
	for _, c := range t.Columns {
		w.cells = append(w.cells, c.Name)
	}
	w.begun = w.to.Write(w.cells)
	return w
}

func (w *csvWriter) Write(row []any) error {
	for i, v := range row {
		w.cells[i] = Text(v)
	}
	return errors.Join(w.begun, w.to.Write(w.cells))
}

func (w *csvWriter) Close() error {
	w.to.Flush()
	return errors.Join(w.begun, w.to.Error())
}
