package file

import (
	"context"

	"leat.dev/leat/connector"
)

// number is a number as a record of Parquet.
type number struct{ N int }

// asNumbers is a sink of numbers for the engine of the crash tests, which has integers.
type asNumbers struct{ connector.Output[number] }

func (o asNumbers) Recover(ctx context.Context, s connector.Subtask, committables [][]byte) error {
	return o.Output.(connector.Transactional).Recover(ctx, s, committables)
}

func (o asNumbers) Open(ctx context.Context, s connector.Subtask) (connector.Writer[int], error) {
	w, err := o.Output.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	return numbersWriter{w, w.(connector.Committer)}, nil
}

type numbersWriter struct {
	connector.Writer[number]
	connector.Committer
}

func (w numbersWriter) Write(ctx context.Context, b *connector.Batch[int]) error {
	var to connector.Batch[number]
	for _, n := range b.Values {
		to.Values = append(to.Values, number{n})
	}
	return w.Writer.Write(ctx, &to)
}

func parquetNumbers(f *fakeFiles) connector.Output[int] {
	w := Write("/made/out")
	w.files = f
	return asNumbers{w.Parquet[number]()}
}

// rollingParquetNumbers ends a part after each record.
func rollingParquetNumbers(f *fakeFiles) connector.Output[int] {
	w := WriteBy("/out", func(n number) string { return []string{"even", "odd"}[n.N%2] }).Roll(0, 1)
	w.to.files = f
	return asNumbers{w.Parquet()}
}

// numbersIn are the numbers in a part, which has to be whole.
func (e *engine) numbersIn(name string, part []byte) (all []int) {
	e.t.Helper()
	records, _, err := decodeParquet[number](e.t, part, 1000)
	if err != nil {
		e.t.Errorf("%s is torn: %v", name, err)
	}
	for _, n := range records {
		all = append(all, n.N)
	}
	return all
}
