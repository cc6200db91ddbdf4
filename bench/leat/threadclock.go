package main

import (
	"syscall"
	"time"
	"unsafe"
)

// threadCPUClock is CLOCK_THREAD_CPUTIME_ID of Linux.
const threadCPUClock = 3

// threadCPU is the CPU time of the calling thread: what else the machine does is not in it.
func threadCPU() time.Duration {
	var ts syscall.Timespec
	if _, _, err := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, threadCPUClock, uintptr(unsafe.Pointer(&ts)), 0); err != 0 {
		return 0
	}
	return time.Duration(ts.Nano())
}
