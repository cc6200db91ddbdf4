package file

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/parquet-go/parquet-go"

	"leat.dev/leat/connector"
)

// parquetInput is a set of Parquet files. Its splits are row groups: flights.parquet#0, flights.parquet#1 …
type parquetInput[T any] struct {
	input[T]
	plan *shape
}

// Splits reads each file's footer.
func (in parquetInput[T]) Splits(ctx context.Context) ([]connector.Split, error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	paths, err := match(in.glob)
	if err != nil {
		return nil, err
	}
	var splits []connector.Split
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := openParquet(path)
		if err != nil {
			return nil, fmt.Errorf("file: %w", err)
		}
		f.Close()
		// A file without a row group has a split too, so that its columns are looked at.
		for i := range max(1, len(f.RowGroups())) {
			splits = append(splits, connector.Split{Name: fmt.Sprintf("%s#%d", path, i)})
		}
	}
	return splits, nil
}

// Open opens a row group at one of its rows.
func (in parquetInput[T]) Open(ctx context.Context, s connector.Split, position []byte) (connector.Reader[T], error) {
	if err := in.Check(); err != nil {
		return nil, err
	}
	r, err := in.openGroup(ctx, s.Name, position)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return r, nil
}

func (in parquetInput[T]) openGroup(ctx context.Context, name string, position []byte) (*parquetReader[T], error) {
	at := strings.LastIndexByte(name, '#')
	group, err := strconv.Atoi(name[at+1:])
	if at < 0 || err != nil || group < 0 {
		return nil, fmt.Errorf("split %q names no row group", name)
	}
	f, err := openParquet(name[:at])
	if err != nil {
		return nil, err
	}
	r, err := newParquetReader[T](f, in.plan, group)
	if err == nil && position != nil {
		err = guard(func() error { return r.seek(ctx, position) })
	}
	if err != nil {
		r.release()
		f.Close()
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return r, nil
}

// parquetFile is an open file and its footer.
type parquetFile struct {
	*parquet.File
	path string
	from *os.File
}

func (f *parquetFile) Close() error { return f.from.Close() }

func openParquet(path string) (*parquetFile, error) {
	from, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &parquetFile{path: path, from: from}
	info, err := from.Stat()
	if err == nil {
		err = f.open(from, info.Size())
	}
	if err != nil {
		from.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// open reads the footer. The index of pages is not needed.
func (f *parquetFile) open(from io.ReaderAt, size int64) error {
	if err := checkFooter(from, size); err != nil {
		return err
	}
	err := guard(func() (err error) {
		f.File, err = parquet.OpenFile(from, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
		return err
	})
	if err != nil {
		return fmt.Errorf("the footer is damaged: %w", err)
	}
	return nil
}

// checkFooter looks at a file's first and last bytes: the format's mark, and the footer's length before the latter.
func checkFooter(from io.ReaderAt, size int64) error {
	const mark = "PAR1"
	if size < 12 {
		return fmt.Errorf("no Parquet file: it has only %d bytes", size)
	}
	var begin [4]byte
	var end [8]byte
	_, err := from.ReadAt(begin[:], 0)
	if err == nil {
		_, err = from.ReadAt(end[:], size-8)
	}
	switch {
	case err != nil:
		return err
	case string(begin[:]) == "PARE" || string(end[4:]) == "PARE":
		return errors.New("the Parquet file is encrypted")
	case string(begin[:]) != mark:
		return fmt.Errorf("no Parquet file: it begins with %q and not with %s", begin[:], mark)
	case string(end[4:]) != mark:
		return fmt.Errorf("no whole Parquet file: it ends with %q and not with %s, as one that was cut off", end[4:], mark)
	}
	if footer := int64(binary.LittleEndian.Uint32(end[:])); footer > size-12 {
		return fmt.Errorf("the footer is damaged: its length is %d of the file's %d bytes", footer, size)
	}
	return nil
}

// parquetReader reads a row group.
type parquetReader[T any] struct {
	assembler
	// row is the next one, before is how many the row groups before have.
	row, rows, before int64
}

func (*parquetReader[T]) Prompt() {}

func newParquetReader[T any](f *parquetFile, plan *shape, group int) (*parquetReader[T], error) {
	r := &parquetReader[T]{assembler: assembler{file: f}}
	return r, guard(func() error { return r.begin(plan, group) })
}

// begin finds the columns. A file without a row group has none to open.
func (r *parquetReader[T]) begin(plan *shape, group int) error {
	groups := r.file.RowGroups()
	if group >= max(1, len(groups)) {
		return fmt.Errorf("there is no row group %d, only %d: the file was replaced since", group, len(groups))
	}
	var b binder
	var err error
	if r.root, err = b.bind(plan, r.file.Root(), false); err != nil || len(groups) == 0 {
		return err
	}
	for _, g := range groups[:group] {
		r.before += g.NumRows()
	}
	if r.rows = groups[group].NumRows(); r.rows < 0 || r.before < 0 {
		return fmt.Errorf("the footer is damaged: row group %d has %d rows after %d", group, r.rows, r.before)
	}
	chunks := groups[group].ColumnChunks()
	for _, leaf := range b.leaves {
		r.columns = append(r.columns, newColumnCursor(leaf, chunks[leaf.Index()]))
	}
	return nil
}

// Position is a row and, to find out that it is another file's, how many there are.
func (r *parquetReader[T]) Position() []byte {
	return connector.EncodePosition(uint64(r.row), uint64(r.rows))
}

// seek reads the rows before a position again and skips them.
func (r *parquetReader[T]) seek(ctx context.Context, position []byte) error {
	var row, rows uint64
	if err := connector.DecodePosition(position, &row, &rows); err != nil {
		return err
	}
	if rows != uint64(r.rows) || row > rows {
		return fmt.Errorf("the position is row %d of %d, and the row group has %d: the file was replaced since", row, rows, r.rows)
	}
	r.row = int64(row)
	for _, c := range r.columns {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.skip(r.row); err != nil {
			return err
		}
	}
	return nil
}

func (r *parquetReader[T]) Read(_ context.Context, into *connector.Batch[T]) error {
	err := guard(func() error { return r.fillBatch(into) })
	if err != nil && err != io.EOF {
		return fmt.Errorf("file: %s: row %d: %w", r.file.path, r.before+r.row+1, err)
	}
	return err
}

func (r *parquetReader[T]) fillBatch(into *connector.Batch[T]) error {
	for into.Room() > 0 {
		if r.row == r.rows {
			return io.EOF
		}
		if err := r.next(into); err != nil {
			return err
		}
		r.row++
	}
	return nil
}

// next brings one record, or one reject, to the batch.
func (r *parquetReader[T]) next(into *connector.Batch[T]) error {
	var zero T
	at := len(into.Values)
	into.Values = append(into.Values, zero)
	wrong, err := r.assemble(unsafe.Pointer(&into.Values[at]))
	if err == nil && wrong == nil {
		return nil
	}
	into.Values[at] = zero
	into.Values = into.Values[:at]
	if err == nil {
		into.Rejected = append(into.Rejected, connector.Rejected{
			Raw: wrong.raw, Position: fmt.Sprintf("%s:%d: column %s", r.file.path, r.before+r.row+1, wrong.column), Err: wrong.err.Error(),
		})
	}
	return err
}

func (r *parquetReader[T]) Close() error {
	r.release()
	return r.file.Close()
}

func (r *parquetReader[T]) release() {
	for _, c := range r.columns {
		c.close()
	}
	r.columns = nil
}
