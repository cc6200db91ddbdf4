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
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/klauspost/cpuid/v2 v2.2.10 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	golang.org/x/sys v0.38.0 // indirect
	golang.org/x/term v0.36.0 // indirect
)
