package file_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"leat.dev/leat/connector"
	"leat.dev/leat/connector/file"
)

func ExampleReading_CSV() {
	type Payment struct {
		Account string
		Amount  float64 `csv:"amount"`
		Fee     *int    `csv:"fee_cents"`
	}
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "payments.csv")
	_ = os.WriteFile(path, []byte("account,amount,fee_cents\nanna,12.50,\nbert,12x,3\n"), 0o666)

	r, _ := file.Read(path).CSV[Payment]().Open(context.Background(), connector.Split{Name: path}, nil)
	defer r.Close()
	batch := connector.Batch[Payment]{Max: 10}
	err := r.Read(context.Background(), &batch)

	fmt.Println(err == io.EOF, batch.Values)
	bad := batch.Rejected[0]
	fmt.Printf("%s %s: %s\n", bad.Raw, filepath.Base(bad.Position), bad.Err)
	// Output:
	// true [{anna 12.5 <nil>}]
	// bert,12x,3 payments.csv:3: column 2 (amount): "12x" is no float64
}

func ExampleWriteBy() {
	type Payment struct {
		City   string
		Amount float64
	}
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)

	sink := file.WriteBy(dir, func(p Payment) string { return "city=" + p.City }).Roll(time.Hour, 64<<20).CSV
	w, _ := sink().Open(context.Background(), connector.Subtask{Job: "job", Operator: "sink", Count: 1})
	defer w.Close()
	_ = w.Write(context.Background(), &connector.Batch[Payment]{Values: []Payment{{"delft", 1}, {"gouda", 2.5}, {"delft", 3}}})
	_ = w.Flush(context.Background())

	parts, _ := filepath.Glob(filepath.Join(dir, "*", "*.csv"))
	for _, part := range parts {
		text, _ := os.ReadFile(part)
		fmt.Printf("%s: %q\n", filepath.Base(filepath.Dir(part)), text)
	}
	// Output:
	// city=delft: "City,Amount\ndelft,1\ndelft,3\n"
	// city=gouda: "City,Amount\ngouda,2.5\n"
}

func ExampleWriting_Parquet() {
	type Payment struct {
		Account string
		Amount  float64   `parquet:"amount"`
		Fee     *int      `parquet:"fee_cents"`
		Items   []string  `parquet:"items"`
		At      time.Time `parquet:"at,millis"`
	}
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)

	w, _ := file.Write(dir).Parquet[Payment]().Open(context.Background(), connector.Subtask{Job: "job", Operator: "sink", Count: 1})
	defer w.Close()
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	_ = w.Write(context.Background(), &connector.Batch[Payment]{Values: []Payment{{"anna", 12.5, nil, []string{"book", "pen"}, at}, {"bert", 3, new(int), nil, at}}})
	_ = w.Flush(context.Background()) // a part without its footer can't be read

	// Another program's struct has the columns that it wants.
	type Sum struct {
		Amount float64
		Items  []string
	}
	in := file.Read(filepath.Join(dir, "*.parquet")).Parquet[Sum]()
	splits, _ := in.Splits(context.Background())
	r, _ := in.Open(context.Background(), splits[0], nil)
	defer r.Close()
	batch := connector.Batch[Sum]{Max: 10}
	err := r.Read(context.Background(), &batch)
	fmt.Println(filepath.Base(splits[0].Name), err == io.EOF, batch.Values)
	// Output:
	// part-0-00000.parquet#0 true [{12.5 [book pen]} {3 []}]
}
