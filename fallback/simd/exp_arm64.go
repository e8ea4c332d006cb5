package simd

func (l Level) exp(n int, dst, x *float32)                    { expNEON(n, dst, x) }
func (l Level) gate(n int, dst, x, y *float32, a, b float32)  { gateNEON(n, dst, x, y, a, b) }
func (l Level) gelu(n int, dst, x, y *float32)                { geluNEON(n, dst, x, y) }
func (l Level) max(n int, x *float32) float32                 { return maxNEON(n, x) }
func (l Level) expSum(n int, x *float32, top float32) float32 { return expSumNEON(n, x, top) }
func (l Level) softCap(n int, dst, x *float32, factor, limit float32) {
	softCapNEON(n, dst, x, factor, limit)
}
