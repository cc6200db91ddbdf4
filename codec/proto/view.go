package proto

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"leat.dev/leat/codec"
)

// A program that links this package can show messages by the descriptors that were recorded with them.
func init() { codec.AddViewer(view) }

// view shows messages as protobuf's JSON. Codec takes pointers, which are written behind a byte for nil within other values.
func view(s codec.Schema) (show func(from []byte) (any, error), nilable bool) {
	m, err := message(s)
	if err != nil {
		return nil, false
	}
	return func(from []byte) (any, error) {
		v := dynamicpb.NewMessage(m)
		if err := proto.Unmarshal(from, v); err != nil {
			return nil, fmt.Errorf("%w: %w", codec.ErrCorrupt, err)
		}
		text, err := protojson.Marshal(v)
		if err != nil {
			return nil, err
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil { // protojson puts blanks at random
			return nil, err
		}
		return codec.Document(compact.Bytes()), nil
	}, true
}
