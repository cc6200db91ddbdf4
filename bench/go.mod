module leat.dev/leat/bench

go 1.27.0

toolchain go1.27.4

replace (
	leat.dev/leat => ../
	leat.dev/leat/bench/kit => ./kit
)

require (
	leat.dev/leat v0.0.0
	leat.dev/leat/bench/kit v0.0.0
)

require (
	github.com/klauspost/cpuid/v2 v2.2.10 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	golang.org/x/sys v0.37.0 // indirect
)
