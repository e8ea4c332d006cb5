package quant

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/host/compute"
	"tuff/host/testkit"
)

func floatsOf(t *testing.T, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	f := make([]float32, len(b)/4)
	for i := range f {
		f[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return f
}

// blocks checks every format found in dir: decoding to the bit and encoding to the byte.
func blocks(t *testing.T, dir string) int {
	n := 0
	for d := compute.F32; d.Valid(); d++ {
		raw, err := os.ReadFile(filepath.Join(dir, d.String()+".bin"))
		if err != nil || !Supported(d) {
			continue
		}
		n++
		t.Run(d.String(), func(t *testing.T) {
			want := floatsOf(t, filepath.Join(dir, d.String()+".f32.bin"))
			got := make([]float32, len(want))
			require.NoError(t, Decode(d, got, raw))
			for i := range want {
				g, w := int32(math.Float32bits(got[i])), int32(math.Float32bits(want[i]))
				require.True(t, g == w || got[i] != got[i] && want[i] != want[i] || got[i] == 0 && want[i] == 0,
					"element %d: got %v, want %v", i, got[i], want[i])
			}
			src := filepath.Join(dir, d.String()+".src.f32.bin")
			if _, err := os.Stat(src); err != nil || !Encodable(d) {
				return
			}
			coded, err := os.ReadFile(filepath.Join(dir, d.String()+".q.bin"))
			require.NoError(t, err)
			out := make([]byte, len(coded))
			require.NoError(t, Encode(d, out, floatsOf(t, src)))
			for i := range out {
				require.Equal(t, coded[i], out[i], "byte %d of block %d", i%d.BlockBytes(), i/d.BlockBytes())
			}
		})
	}
	return n
}

// supported is the number of formats that can be decoded.
func supported() (n int) {
	for i := range formats {
		if Supported(compute.DType(i)) {
			n++
		}
	}
	return n
}

func TestBlocksOfTestdata(t *testing.T) {
	assert.Equal(t, supported()-6, blocks(t, testkit.Testdata(t, "blocks")), "all formats but those of TestBlocksByHand")
}

func TestBlocksOfTheReferenceCollection(t *testing.T) {
	assert.Equal(t, supported()-6, blocks(t, testkit.Shared(t, "oracle", "gguf", "blocks-a")), "all formats but those of TestBlocksByHand")
}

func TestWrongSizesAreErrors(t *testing.T) {
	assert.ErrorContains(t, Decode(compute.Q8_0, make([]float32, 31), make([]byte, 34)), "want a multiple of 32")
	assert.ErrorContains(t, Decode(compute.Q8_0, make([]float32, 32), make([]byte, 33)), "got 33 bytes for 32 elements, want 34")
	assert.ErrorContains(t, Decode(compute.I8, make([]float32, 1), make([]byte, 1)), "not supported")
	assert.ErrorContains(t, Encode(compute.Q6_K, make([]byte, 210), make([]float32, 256)), "not supported")
}

func TestDecodingAllocatesNothing(t *testing.T) {
	for i, f := range formats {
		d := compute.DType(i)
		if f.decode == nil {
			continue
		}
		dst, src := make([]float32, 256), make([]byte, 256/d.BlockLen()*d.BlockBytes())
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			if err := Decode(d, dst, src); err != nil {
				t.Fatal(err)
			}
		}), d.String())
	}
}
