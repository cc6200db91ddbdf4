module leat.dev/leat/bench/kit

go 1.27.0

toolchain go1.27.4
