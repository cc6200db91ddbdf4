package file_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
