module leat.dev/leat/bench

go 1.27.0

toolchain go1.27.4

replace leat.dev/leat => ../

require leat.dev/leat v0.0.0
