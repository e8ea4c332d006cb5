package simd

func (l Level) exp(n int, dst, x *float32)                    { expNEON(n, dst, x) }
func (l Level) swiglu(n int, dst, x, y *float32)              { swigluNEON(n, dst, x, y) }
func (l Level) max(n int, x *float32) float32                 { return maxNEON(n, x) }
func (l Level) expSum(n int, x *float32, top float32) float32 { return expSumNEON(n, x, top) }
