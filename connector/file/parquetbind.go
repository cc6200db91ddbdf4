package file

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// binding is a shape and where a file has it.
type binding struct {
	*shape
	// column is its path in the file.
	column string
	// optional says that it may be null: where the definition level is below def, and nowhere else.
	optional bool
	// def, rep and elementDef are levels of the file: of what is there, of a list's further elements, and of a list that has
	// an element.
	def, rep, elementDef int
	// first and end are the columns below among those that are read.
	first, end int
	parts      []*binding
	read       leafReader
}

// binder gathers the columns that a record needs.
type binder struct{ leaves []*parquet.Column }

// bind finds the columns of a shape in a file's. An element of a list may be what repeats itself.
func (b *binder) bind(s *shape, c *parquet.Column, isElement bool) (*binding, error) {
	to := &binding{
		shape: s, column: strings.Join(c.Path(), "."), optional: c.Optional(), def: c.MaxDefinitionLevel(), rep: c.MaxRepetitionLevel(),
		first: len(b.leaves),
	}
	if c.Repeated() && !isElement && s.kind != listShape && s.kind != arrayShape {
		return nil, to.mismatch(c)
	}
	var err error
	switch s.kind {
	case leafShape:
		err = b.bindLeaf(to, c)
	case groupShape:
		err = b.bindGroup(to, c)
	case maybeShape:
		err = b.bindPart(to, s.parts[0], c, isElement)
	case listShape, arrayShape:
		err = b.bindList(to, c, isElement)
	case dictShape:
		err = b.bindMap(to, c)
	}
	to.end = len(b.leaves)
	return to, err
}

func (b *binder) bindPart(to *binding, s *shape, c *parquet.Column, isElement bool) error {
	part, err := b.bind(s, c, isElement)
	to.parts = append(to.parts, part)
	return err
}

// mismatch says that a column can't be read as its field.
func (to *binding) mismatch(c *parquet.Column) error {
	return fmt.Errorf("column %s is %s, and field %s is %s", to.column, describe(c), to.path, to.typ)
}

// describe is the type of a column for people.
func describe(c *parquet.Column) string {
	var words []string
	switch {
	case c.Repeated():
		words = append(words, "repeated")
	case c.Optional():
		words = append(words, "optional")
	}
	if !c.Leaf() {
		names := make([]string, len(c.Columns()))
		for i, below := range c.Columns() {
			names[i] = below.Name()
		}
		return strings.Join(append(words, "group of "+strings.Join(names, ", ")), " ")
	}
	return strings.Join(append(words, c.Type().String()), " ")
}

func (b *binder) bindLeaf(to *binding, c *parquet.Column) error {
	if !c.Leaf() {
		return to.mismatch(c)
	}
	if to.read = to.leafReader(c.Type()); to.read == nil {
		return to.mismatch(c)
	}
	b.leaves = append(b.leaves, c)
	return to.checkCodec(c)
}

// checkCodec refuses LZ4: of damaged data the library's decoder makes ever more memory, up to the process's end.
func (to *binding) checkCodec(c *parquet.Column) error {
	if codec := c.Compression(); codec != nil && codec.CompressionCodec() == pq.Lz4Raw {
		return fmt.Errorf("column %s is compressed by LZ4, which is not read here: write the file with Zstandard or Snappy", to.column)
	}
	return nil
}

func (b *binder) bindGroup(to *binding, c *parquet.Column) error {
	if c.Leaf() {
		return to.mismatch(c)
	}
	names := make([]string, len(c.Columns()))
	for i, below := range c.Columns() {
		names[i] = below.Name()
	}
	for _, field := range to.shape.parts {
		f := csvField{column: field.name, path: field.path, tagged: field.tagged}
		i, err := f.find(names)
		if err != nil {
			return fmt.Errorf("%w; the columns are %s", err, strings.Join(names, ", "))
		}
		if err := b.bindPart(to, field, c.Columns()[i], false); err != nil {
			return err
		}
	}
	return nil
}

// bindList knows the lists that the format has had: a group with a repeated group around the element, the same without
// the inner group, and a column that repeats.
func (b *binder) bindList(to *binding, c *parquet.Column, isElement bool) error {
	repeated := c
	if isElement || !c.Repeated() {
		if repeated = onlyRepeated(c); repeated == nil {
			return to.mismatch(c)
		}
	} else {
		to.def--
	}
	to.elementDef, to.rep = repeated.MaxDefinitionLevel(), repeated.MaxRepetitionLevel()
	element := repeated
	if wrapsElement(repeated, c) {
		element = repeated.Columns()[0]
	}
	return b.bindPart(to, to.shape.parts[0], element, element == repeated)
}

// onlyRepeated is what repeats in a list or map.
func onlyRepeated(c *parquet.Column) *parquet.Column {
	if below := c.Columns(); len(below) == 1 && below[0].Repeated() {
		return below[0]
	}
	return nil
}

// wrapsElement says whether what repeats is not the element, but around it, as the format's rules for older files have it.
func wrapsElement(repeated, list *parquet.Column) bool {
	return repeated != list && len(repeated.Columns()) == 1 && !repeated.Columns()[0].Repeated() &&
		repeated.Name() != "array" && repeated.Name() != list.Name()+"_tuple"
}

func (b *binder) bindMap(to *binding, c *parquet.Column) error {
	entry := onlyRepeated(c)
	if entry == nil || len(entry.Columns()) != 2 {
		return to.mismatch(c)
	}
	to.elementDef, to.rep = entry.MaxDefinitionLevel(), entry.MaxRepetitionLevel()
	for i, part := range to.shape.parts {
		if err := b.bindPart(to, part, entry.Columns()[i], false); err != nil {
			return err
		}
	}
	return nil
}
