package heap
import ("fmt";"testing";"leat.dev/leat/codec";"leat.dev/leat/internal/keygroup")
func mixx(z uint64) uint64 { z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9; z = (z ^ (z >> 27)) * 0x94D049BB133111EB; return z ^ (z >> 31)}
func BenchmarkTmp(b *testing.B){ for _,n:=range []uint64{1000,10000,100000,300000,1000000}{ b.Run(fmt.Sprint(n),func(b *testing.B){ tmp(b,n)})}}
func tmp(b *testing.B,n uint64){
 keys,_:=keygroup.Derive[uint64](nil)
 s:=New(Config{From:0,To:128,Max:128},keys)
 c,_:=codec.Derive[int64](nil)
 v:=AddValue(s,"n",c)
 ks:=make([]uint64,512); hs:=make([]uint64,512)
 k:=uint64(0)
 step:=func(){ for j:=range ks { ks[j]=mixx(mixx(k)%n); k++}; keys.HashAll(ks,hs); s.Begin(ks,hs); for i:=range ks { s.Select(i); v.Set(v.Get()+1)}; s.End()}
 for i:=0;i<10000;i++ {step()}
 b.ResetTimer()
 for i:=0;i<b.N;i+=512 { step() }
}
