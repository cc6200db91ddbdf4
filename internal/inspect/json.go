package inspect

import "leat.dev/leat/codec"

// JSON appends a row as a JSON object on one line.
func (t *Table) JSON(to []byte, row []any) []byte {
	r := make(codec.Record, len(row))
	for i, v := range row {
		r[i] = codec.Field{Name: t.Columns[i].Name, Value: v}
	}
	return codec.JSON(to, r)
}

// Text is a value as a table shows it: strings and times as they are, all else as JSON.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	text := codec.JSON(nil, v)
	if len(text) > 1 && text[0] == '"' {
		return string(text[1 : len(text)-1]) // a time, bytes in base64, or a number that is none
	}
	return string(text)
}
