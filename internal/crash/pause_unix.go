//go:build unix

package main

import (
	"os"
	"syscall"
)

// canPause says whether processes can be halted and resumed here.
const canPause = true

func pause(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
