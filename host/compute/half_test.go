package compute

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every half goes to float32 and back; between each pair of neighbours the nearer one wins, and the even one at the middle.
func TestHalfRoundsToNearestEven(t *testing.T) {
	for h := range uint32(1 << 16) {
		f := F16ToF32(uint16(h))
		if f != f {
			g := F32ToF16(f)
			require.True(t, g&0x7c00 == 0x7c00 && g&0x3ff != 0, "%#x", h)
			continue
		}
		require.Equal(t, uint16(h), F32ToF16(f), "%#x", h)
	}
	for h := range uint32(0x7bff) {
		lo, hi := F16ToF32(uint16(h)), F16ToF32(uint16(h+1))
		mid := float32((float64(lo) + float64(hi)) / 2)
		even := uint16(h)
		if h&1 == 1 {
			even = uint16(h + 1)
		}
		require.Equal(t, even, F32ToF16(mid), "%#x", h)
		require.Equal(t, uint16(h), F32ToF16(math.Nextafter32(mid, lo)), "%#x", h)
		require.Equal(t, uint16(h+1), F32ToF16(math.Nextafter32(mid, hi)), "%#x", h)
	}
	assert.Equal(t, uint16(0x7c00), F32ToF16(65520))
	assert.Equal(t, uint16(0x7bff), F32ToF16(65519.99))
	assert.Equal(t, float32(0x1p-24), F16ToF32(1))
	assert.Equal(t, float32(1.5), F16ToF32(0x3e00))
}

func TestBFloat16RoundsToNearestEven(t *testing.T) {
	assert.Equal(t, uint16(0x3f80), F32ToBF16(1))
	assert.Equal(t, uint16(0x3f80), F32ToBF16(math.Float32frombits(0x3f808000)))
	assert.Equal(t, uint16(0x3f82), F32ToBF16(math.Float32frombits(0x3f818000)))
	assert.Equal(t, uint16(0x3f81), F32ToBF16(math.Float32frombits(0x3f808001)))
	assert.True(t, BF16ToF32(F32ToBF16(float32(math.NaN()))) != BF16ToF32(F32ToBF16(float32(math.NaN()))))
}
