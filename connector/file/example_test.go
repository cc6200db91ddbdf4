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
