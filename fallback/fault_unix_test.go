//go:build unix

package fallback_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"tuff/host/compute"
)

// A weights file that shrinks while it is mapped raises SIGBUS at the next read. That must be an error of the run.
func TestATruncatedMappingIsAnError(t *testing.T) {
	const cols, page = 64, 1 << 16
	path := filepath.Join(t.TempDir(), "weights")
	require.NoError(t, os.WriteFile(path, make([]byte, 4*page), 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	data, err := unix.Mmap(int(f.Fd()), 0, 4*page, unix.PROT_READ, unix.MAP_SHARED)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(data)) }()

	for _, threads := range []int{1, 3} {
		require.NoError(t, f.Truncate(4*page))
		d := open(t, threads)
		rowsOf := 4 * page / (4 * cols)
		b, err := d.NewBuffer(compute.BufferSpec{Name: "w", Usage: compute.UseWeights, Size: 4 * page, DType: compute.F32, Rows: rowsOf, Cols: cols, Data: data})
		require.NoError(t, err)
		p := compute.NewProgram("mapped")
		p.VocabSize = rowsOf
		w := p.Declare(compute.Tensor{Name: "w", Role: compute.Weight, DType: compute.F32, Rows: compute.Rows(rowsOf), Cols: cols, Buffer: b})
		x := p.Scratch("x", compute.PerToken(1), cols)
		out := p.Declare(compute.Tensor{Name: "out", Role: compute.Output, DType: compute.F32, Rows: compute.PerToken(1), Cols: rowsOf})
		p.Add("embd", compute.Embed{Table: w, Out: x, Scale: 1})
		p.Add("head", compute.MatMul{X: x, W: w, Out: out})
		e, err := d.Compile(t.Context(), p, compute.Options{})
		require.NoError(t, err)
		require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(1)}))
		require.NoError(t, f.Truncate(page))
		err = e.Run(t.Context(), &compute.Call{Step: rows(1)})
		assert.ErrorContains(t, err, "head: read memory at")
		require.NoError(t, f.Truncate(4*page))
		require.NoError(t, e.Run(t.Context(), &compute.Call{Step: rows(1)}), "the device goes on")
	}
}
