module leat.dev/leat/rocksdb

go 1.27.0

toolchain go1.27.4

replace leat.dev/leat => ../

require leat.dev/leat v0.0.0

require (
	github.com/klauspost/cpuid/v2 v2.4.0 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)
