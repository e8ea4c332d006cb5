package simd

func (l Level) exp(n int, dst, x *float32) {
	if l >= AVX512 {
		expAVX512(n, dst, x)
	} else {
		expAVX2(n, dst, x)
	}
}

func (l Level) gate(n int, dst, x, y *float32, a, b float32) {
	if l >= AVX512 {
		gateAVX512(n, dst, x, y, a, b)
	} else {
		gateAVX2(n, dst, x, y, a, b)
	}
}

func (l Level) gelu(n int, dst, x, y *float32) {
	if l >= AVX512 {
		geluAVX512(n, dst, x, y)
	} else {
		geluAVX2(n, dst, x, y)
	}
}

func (l Level) max(n int, x *float32) float32 {
	if l >= AVX512 {
		return maxAVX512(n, x)
	}
	return maxAVX2(n, x)
}

func (l Level) expSum(n int, x *float32, top float32) float32 {
	if l >= AVX512 {
		return expSumAVX512(n, x, top)
	}
	return expSumAVX2(n, x, top)
}

func (l Level) softCap(n int, dst, x *float32, factor, limit float32) {
	if l >= AVX512 {
		softCapAVX512(n, dst, x, factor, limit)
	} else {
		softCapAVX2(n, dst, x, factor, limit)
	}
}
