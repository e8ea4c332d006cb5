package fallback

import (
	"sync"

	"tuff/host/compute"
)

// halves is every binary16 value as float32: reading the KV cache converts the same few values over and over, and a look-up
// costs a fifth of the conversion.
var halves = sync.OnceValue(func() *[1 << 16]float32 {
	t := new([1 << 16]float32)
	for i := range t {
		t[i] = compute.F16ToF32(uint16(i))
	}
	return t
})
