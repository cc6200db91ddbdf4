package snapshot_test

import (
	"context"
	"fmt"
)

// background is what examples run in.
var background = context.Background()

func printed(_ context.Context, line string) error {
	fmt.Println(line)
	return nil
}
