package gpu

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/kernel"
	"tuff/gpu/memory"
	"tuff/host/compute"
)

// openLab opens the device under test as gpu_test does.
func openLab(t *testing.T) *Device {
	t.Helper()
	selector := os.Getenv("TUFF_DEVICE")
	if selector == "" {
		selector = "gpu"
	}
	d, err := Open(selector, Options{CacheDir: "-", Validation: os.Getenv("TUFF_VALIDATION") == "1"})
	if Absent(err) && os.Getenv("REQUIRE_GPU") != "1" {
		t.Skipf("no Vulkan device: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		messages := d.Messages()
		require.NoError(t, d.Close())
		require.Empty(t, messages, "what the validation layer said")
	})
	return d
}

// outputs runs a kernel of the measure family once and returns what it wrote to out.
func outputs(t *testing.T, d *Device, module string, out *memory.Buffer, push []byte, groups uint32, spec ...uint32) []float32 {
	t.Helper()
	require.NoError(t, d.mem.Fill(out, 0, out.Size(), 0x7fc00000))
	b, err := d.newBench(module, len(push), spec...)
	require.NoError(t, err)
	_, err = b.time(push, [3]uint32{groups, 1, 1}, 1)
	require.NoError(t, errors.Join(append([]error{err}, b.close()...)...))
	sums := make([]float32, out.Size()/4)
	require.NoError(t, d.mem.Download(compute.Bytes(sums), out, 0))
	return sums
}

// TestStreamReadsAll counts ones: what is not read, or read twice, would make a bandwidth that nobody has.
func TestStreamReadsAll(t *testing.T) {
	d := openLab(t)
	pad := &scratchpad{d: d}
	defer func() { require.NoError(t, errors.Join(pad.close()...)) }()
	const groups, wg = 6, 32
	for _, count := range []uint32{1, 5, 191, 192, 193, 10007} {
		src, err := pad.alloc(memory.Weights, 16*uint64(count), "ones")
		require.NoError(t, err)
		out, err := pad.alloc(memory.Scratch, 4*groups*wg, "sums")
		require.NoError(t, err)
		require.NoError(t, d.mem.Fill(src, 0, src.Size(), 0x3f800000))
		for _, lanes := range []uint32{groups * wg, wg, 8, 4} {
			var sum float32
			for _, s := range outputs(t, d, "measure_bandwidth", out, pack(src.Address(), out.Address(), count, lanes), groups, wg, 0) {
				sum += s
			}
			assert.Equal(t, float32(4*count), sum, "%d vectors, %d lanes", count, lanes)
		}
		sums := outputs(t, d, "measure_bandwidth", out, pack(src.Address(), out.Address(), count, uint32(wg)), groups, wg, 1)
		for lane := range wg {
			var sum float32
			for g := range groups {
				sum += sums[g*wg+lane]
			}
			assert.Equal(t, float32(4*count), sum, "%d vectors, alike, lane %d", count, lane)
		}
	}
}

// TestMatricesMultiply holds the products of cooperative matrices of every listed shape against the formula in measure_matrix.comp,
// in small numbers that all types hold exactly.
func TestMatricesMultiply(t *testing.T) {
	d := openLab(t)
	if len(d.caps.CoopMat) == 0 {
		t.Skip("no cooperative matrices")
	}
	pad := &scratchpad{d: d}
	defer func() { require.NoError(t, errors.Join(pad.close()...)) }()
	out, err := pad.alloc(memory.Scratch, 4*measureWG, "sums")
	require.NoError(t, err)
	count, err := pad.alloc(memory.Scratch, 256, "subgroups")
	require.NoError(t, err)
	const rounds, a, b = 2, 1, 2
	for _, s := range d.caps.CoopMat {
		for vary := range uint32(2) {
			got := 0.0
			for _, v := range outputs(t, d, matrixModules[s.Kind], out, pack(out.Address(), count.Address(), uint32(rounds), float32(a), float32(b), float32(1)), 1, measureWG, s.M, s.N, s.K, vary) {
				got += float64(v)
			}
			var n [4]byte
			require.NoError(t, d.mem.Download(n[:], count, 0))
			subgroups := binary.LittleEndian.Uint32(n[:])
			assert.Contains(t, []uint32{measureWG / 4, measureWG / 8, measureWG / 16, measureWG / 32, measureWG / 64, 1}, subgroups)
			want := 0.0
			for i := range 4 {
				want += float64(i) + rounds*float64(s.K)*float64(a+i%2)*float64(b-i/2)
			}
			assert.Equal(t, want*float64(s.M*s.N*subgroups), got, "%v, vary %d", s, vary)
		}
	}
}

// TestPartsFollowTheDevice: a device without half precision, packed dot products or matrices has no part that measures them.
func TestPartsFollowTheDevice(t *testing.T) {
	d := &Device{caps: kernel.Caps{SubgroupSize: 8}}
	assert.Empty(t, d.peaks())
	d.caps.Float16 = true
	assert.Len(t, d.peaks(), 1)
	d.caps.IntegerDot = true
	assert.Len(t, d.peaks(), 2)
	d.caps.CoopMat = []kernel.CoopMatShape{{Kind: kernel.CoopMatFloat, M: 8, N: 8, K: 8}, {Kind: kernel.CoopMatInt8, M: 8, N: 8, K: 8}}
	assert.Len(t, d.peaks(), 4)
	d.caps.SubgroupSize = 2 * measureWG
	assert.Len(t, d.peaks(), 2, "no workgroup of the measurement holds a subgroup")
}
