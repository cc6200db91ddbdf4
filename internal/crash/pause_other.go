//go:build !unix

package main

import (
	"errors"
	"os"
)

// canPause says whether processes can be halted and resumed here.
const canPause = false

func pause(*os.Process) error { return errors.ErrUnsupported }

func resume(*os.Process) error { return errors.ErrUnsupported }
