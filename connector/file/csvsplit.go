package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

// splitter cuts a CSV record into its fields.
type splitter struct {
	comma byte
	// limit is how many fields to look for; one more is returned if there are more, so that they can be told.
	limit  int
	fields [][]byte
	// unescaped holds the fields that had doubled quotes.
	unescaped []byte
}

// What is wrong with quotes.
var (
	errOpenQuote = errors.New("the quoted field does not end")
	errTextAfter = errors.New("there is text after the closing quote of a field")
	errCutOff    = errors.New("the record goes on after the window")
	errCutQuote  = errors.New("the record goes on after the window, at least to the next quote")
)

const ones = 0x0101010101010101

// plain splits a line without quotes, eight bytes at a time.
func (s *splitter) plain(line []byte) {
	s.fields = s.fields[:0]
	from, i := 0, 0
	for ; i+8 <= len(line) && len(s.fields) <= s.limit; i += 8 {
		// A byte of x is 0 where there is a comma; the top bit of a byte of found is 1 there, and nowhere else.
		x := binary.LittleEndian.Uint64(line[i:]) ^ ones*uint64(s.comma)
		found := ^(x&(0x7f*ones) + 0x7f*ones | x | 0x7f*ones)
		for ; found != 0; found &= found - 1 {
			at := i + bits.TrailingZeros64(found)/8
			s.fields = append(s.fields, line[from:at])
			from = at + 1
		}
	}
	for ; i < len(line) && len(s.fields) <= s.limit; i++ {
		if line[i] == s.comma {
			s.fields = append(s.fields, line[from:i])
			from = i + 1
		}
	}
	s.fields = append(s.fields, line[from:])
}

// quoted splits the record at the start of the window, which may have quoted fields and several lines, and says how many
// bytes and lines it takes. errCutOff and errCutQuote ask for a longer window, unless there is no more: then complete says
// that the window's end is the stream's.
func (s *splitter) quoted(window []byte, complete bool) (size, lines int, err error) {
	s.fields, s.unescaped = s.fields[:0], s.unescaped[:0]
	for at := 0; ; at++ {
		field, length, err := s.field(window[at:], complete)
		if err != nil {
			return 0, 0, err
		}
		s.fields = append(s.fields, field)
		at += length
		if at < len(window) && window[at] == s.comma && len(s.fields) <= s.limit {
			continue
		}
		// The record's end; or too many fields, the rest of whose line is skipped.
		return endOfRecord(window, at, complete)
	}
}

// endOfRecord measures the record whose last field ends at a byte of the window.
func endOfRecord(window []byte, at int, complete bool) (size, lines int, err error) {
	size = len(window)
	if rest := bytes.IndexByte(window[at:], '\n'); rest >= 0 {
		size = at + rest + 1
	} else if !complete {
		return 0, 0, errCutOff
	}
	return size, bytes.Count(window[:at], newline) + 1, nil
}

var newline = []byte{'\n'}

// field is the first field of the text, and where it ends: at a comma, a line's end or the text's.
func (s *splitter) field(text []byte, complete bool) (field []byte, end int, err error) {
	if len(text) > 0 && text[0] == '"' {
		return s.quotedField(text, complete)
	}
	for end < len(text) && text[end] != s.comma && text[end] != '\n' {
		end++
	}
	if end == len(text) && !complete {
		return nil, 0, errCutOff
	}
	field = text[:end]
	if end == len(text) || text[end] == '\n' {
		field = trimCR(field)
	}
	return field, end, nil
}

// quotedField is the field whose opening quote begins the text.
func (s *splitter) quotedField(text []byte, complete bool) (field []byte, end int, err error) {
	escaped := false
	for end = 1; ; end += 2 {
		n := bytes.IndexByte(text[end:], '"')
		if n < 0 && !complete {
			return nil, 0, errCutQuote
		} else if n < 0 {
			return nil, 0, errOpenQuote
		}
		end += n
		if end+1 == len(text) || text[end+1] != '"' {
			break
		}
		escaped = true
	}
	field = text[1:end]
	if escaped {
		field = s.unescape(field)
	}
	end++
	return field, end, s.checkAfter(text[end:], complete)
}

// checkAfter checks what follows a closing quote.
func (s *splitter) checkAfter(text []byte, complete bool) error {
	switch {
	case len(text) == 0 || len(text) == 1 && text[0] == '\r':
		if !complete {
			return errCutOff
		}
		return nil
	case text[0] == s.comma || text[0] == '\n' || text[0] == '\r' && text[1] == '\n':
		return nil
	}
	return errTextAfter
}

// unescape makes one quote of each two.
func (s *splitter) unescape(field []byte) []byte {
	from := len(s.unescaped)
	for {
		n := bytes.IndexByte(field, '"')
		if n < 0 {
			break
		}
		s.unescaped = append(s.unescaped, field[:n+1]...)
		field = field[n+2:]
	}
	s.unescaped = append(s.unescaped, field...)
	return s.unescaped[from:]
}
