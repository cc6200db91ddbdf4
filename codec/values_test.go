package codec_test

import (
	"math/big"
	"net/netip"
	"time"
)

type cents int64

type level uint8

type meta struct {
	Source string
	Tags   map[string]int
	note   string
}

type base struct{ ID string }

type txn struct {
	base
	Account string `leat:"account,was=acct|customer"`
	Amount  cents
	Rate    float64
	Flag    bool
	Small   int8
	Wide    uint32
	Level   level
	At      time.Time
	Meta    meta
	Next    *meta
	Lines   []line
	Raw     []byte
	Grid    [2][3]int16
	Texts   [2]string
	Peer    netip.AddrPort
	Big     *big.Int
	Floats  map[float64]bool
	Z       complex64
	Empty   []struct{}
	cached  []byte `leat:"-"`
}

type line struct {
	SKU   string
	Count int
}

type point struct{ X, Y int32 }

type scalars struct {
	A, B, C int64
	D       float64
	E, F    uint32
	G       bool
	H       time.Time
	I       string
}

type tree struct {
	Value int
	Left  *tree
	Kids  []tree
	Named map[string]tree
}
