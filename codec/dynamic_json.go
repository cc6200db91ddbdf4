package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// JSON appends a value that a [Dynamic] returned, or one that JSON has itself, as JSON on one line:
//
//	structs                         objects, fields in order
//	maps with string, integer keys  objects, in order of the keys' bytes
//	other maps                      arrays of {"key": …, "value": …}
//	time.Time                       RFC 3339, with as many digits of a second as it has
//	[]byte, [n]byte                 base64
//	NaN, infinities, complex        strings, as Go prints them
//	what only its codec understands {"codec": name, "hex": …}
func JSON(to []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(to, "null"...)
	case bool:
		return strconv.AppendBool(to, v)
	case int64:
		return strconv.AppendInt(to, v, 10)
	case uint64:
		return strconv.AppendUint(to, v, 10)
	case int:
		return strconv.AppendInt(to, int64(v), 10)
	case float32:
		return appendFloat(to, float64(v), 32)
	case float64:
		return appendFloat(to, v, 64)
	case complex128:
		return appendText(to, fmt.Sprint(v))
	case string:
		return appendText(to, v)
	case time.Time:
		return appendText(to, v.Format(time.RFC3339Nano))
	case Document:
		return append(to, v...)
	}
	return appendComposed(to, v)
}

// appendComposed appends what has parts.
func appendComposed(to []byte, v any) []byte {
	switch v := v.(type) {
	case []byte:
		if v == nil {
			return append(to, "null"...)
		}
		to = append(to, '"')
		return append(base64.StdEncoding.AppendEncode(to, v), '"')
	case []any:
		if v == nil {
			return append(to, "null"...)
		}
		return appendAll(to, '[', ']', len(v), func(to []byte, i int) []byte { return JSON(to, v[i]) })
	case Record:
		return appendAll(to, '{', '}', len(v), func(to []byte, i int) []byte {
			return JSON(append(appendText(to, v[i].Name), ':'), v[i].Value)
		})
	case Pairs:
		return appendPairs(to, v)
	case Unread:
		return JSON(to, Record{{"codec", v.Codec}, {"hex", hexText(v.Bytes)}})
	}
	text, err := json.Marshal(v)
	if err != nil {
		return appendText(to, fmt.Sprint(v))
	}
	return append(to, text...)
}

func appendPairs(to []byte, m Pairs) []byte {
	switch {
	case m.All == nil:
		return append(to, "null"...)
	case m.Object:
		return appendAll(to, '{', '}', len(m.All), func(to []byte, i int) []byte {
			return JSON(append(appendText(to, fmt.Sprint(m.All[i].Key)), ':'), m.All[i].Value)
		})
	}
	return appendAll(to, '[', ']', len(m.All), func(to []byte, i int) []byte {
		return JSON(to, Record{{"key", m.All[i].Key}, {"value", m.All[i].Value}})
	})
}

func appendAll(to []byte, open, end byte, n int, each func(to []byte, i int) []byte) []byte {
	to = append(to, open)
	for i := range n {
		if i > 0 {
			to = append(to, ',')
		}
		to = each(to, i)
	}
	return append(to, end)
}

func appendFloat(to []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendText(to, fmt.Sprint(f))
	}
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(to, f, format, -1, bits)
}

// appendText appends a string; what is no UTF-8 becomes U+FFFD.
func appendText(to []byte, s string) []byte {
	if plain(s) {
		to = append(to, '"')
		return append(append(to, s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return append(to, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// plain says whether a string needs no escapes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// MarshalJSON writes the fields in order.
func (r Record) MarshalJSON() ([]byte, error) { return JSON(nil, r), nil }

// MarshalJSON writes an object, or an array of keys and values.
func (p Pairs) MarshalJSON() ([]byte, error) { return JSON(nil, p), nil }

// MarshalJSON writes the codec's name and the bytes in hexadecimal.
func (u Unread) MarshalJSON() ([]byte, error) { return JSON(nil, u), nil }

// MarshalJSON is the document.
func (d Document) MarshalJSON() ([]byte, error) { return d, nil }
