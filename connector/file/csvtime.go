package file

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// epochs are the layouts that count from 1970: how a count becomes a time, and a time a count.
var epochs = map[string]struct {
	read  func(int64) time.Time
	write func(time.Time) int64
}{
	"unix":      {func(n int64) time.Time { return time.Unix(n, 0) }, time.Time.Unix},
	"unixmilli": {time.UnixMilli, time.Time.UnixMilli},
	"unixmicro": {time.UnixMicro, time.Time.UnixMicro},
	"unixnano":  {func(n int64) time.Time { return time.Unix(0, n) }, time.Time.UnixNano},
}

// compileTime reads and writes a time.Time in its layout.
func (f *csvField) compileTime() bool {
	if f.typ != timeType {
		return false
	}
	if epoch, ok := epochs[f.layout]; ok {
		f.read = epochReader(f.layout, epoch.read)
		f.write = func(b []byte, from unsafe.Pointer) ([]byte, error) {
			return strconv.AppendInt(b, epoch.write(*(*time.Time)(from)), 10), nil
		}
		return true
	}
	layout := f.layout
	if layout == "" {
		layout = time.RFC3339Nano
	}
	f.read = layoutReader(layout)
	f.write = func(b []byte, from unsafe.Pointer) ([]byte, error) {
		return (*time.Time)(from).AppendFormat(b, layout), nil
	}
	return true
}

// epochReader makes times in UTC, so that the machine's time zone changes nothing.
func epochReader(layout string, at func(int64) time.Time) cellReader {
	return func(_ *texts, to unsafe.Pointer, cell []byte) error {
		n, err := strconv.ParseInt(text(cell), 10, 64)
		if err != nil {
			return notA(cell, "count of time as layout="+layout+" has it", err)
		}
		*(*time.Time)(to) = at(n).UTC()
		return nil
	}
}

func layoutReader(layout string) cellReader {
	// time.Parse keeps the name of a time zone as a piece of the text.
	keeps := strings.Contains(layout, "MST")
	return func(_ *texts, to unsafe.Pointer, cell []byte) error {
		s := text(cell)
		if keeps {
			s = string(cell)
		}
		v, err := time.Parse(layout, s)
		if err != nil {
			return fmt.Errorf("%q is no time as %q has it (see the tag's option layout)", cell, layout)
		}
		*(*time.Time)(to) = v
		return nil
	}
}
