package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tuff/gpu/kernel"
	"tuff/host/compute"
	"tuff/shaders"
)

// writeModule writes a built-in module as a file of SPIR-V.
func writeModule(t *testing.T, name string) string {
	t.Helper()
	code, err := shaders.Module(name)
	require.NoError(t, err)
	b := make([]byte, 0, 4*len(code))
	for _, w := range code {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	path := filepath.Join(t.TempDir(), name+".spv")
	require.NoError(t, os.WriteFile(path, b, 0o644))
	return path
}

// Two files of SPIR-V, with warm and cold caches: both are checked, timed and judged.
func TestKernelsBenchOfSPIRV(t *testing.T) {
	needGPU(t)
	module := laneOr(t, "matmul_q8_0_tile")
	file := writeModule(t, module)
	args := []string{"kernels", "bench", "matmul", "-m", "64", "-k", "64", "--rows", "20", "-r", "5"}
	r := tuff(t, append(args, "--a", file, "--b", module+"="+file, "--caches", "both", "--json")...).ok(t)
	var rows []sideRow
	require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
	require.Len(t, rows, 2)
	assert.Equal(t, 1, rows[0].Copies)
	assert.Greater(t, rows[1].Copies, 1)
	for _, r := range rows {
		assert.Contains(t, []string{"faster", "slower", "no evidence"}, r.Change.Verdict)
		assert.Contains(t, r.Change.KernelB, module)
		assert.True(t, r.Change.Low <= r.Change.Ratio && r.Change.Ratio <= r.Change.High && r.Change.Low > 0)
	}
}

func TestKernelsBenchRefusesSides(t *testing.T) {
	needGPU(t)
	args := []string{"kernels", "bench", "matmul", "-m", "64", "-k", "64", "--rows", "20", "-r", "5", "--b"}
	code := func(side ...string) (int, string) {
		r := tuff(t, append(args, side...)...)
		return r.code, r.err
	}
	n, _ := code("nosuch")
	assert.Equal(t, exitUsage, n)
	n, _ = code("built-in", "-r", "3")
	assert.Equal(t, exitUsage, n)
	file := writeModule(t, "attention_prefill")
	n, said := code("nosuch=" + file)
	assert.Equal(t, exitError, n)
	assert.Contains(t, said, "nosuch")
	n, said = code("rmsnorm=" + file) // which takes other arguments
	assert.Equal(t, exitError, n)
	assert.Contains(t, said, "push constants")
	n, said = code(file)
	assert.Equal(t, exitError, n)
	assert.Contains(t, said, "no dispatch of attention_prefill")
}

// An edit that computes wrongly is found before anything is timed.
func TestKernelsBenchFindsAWrongEdit(t *testing.T) {
	needGPU(t)
	const name = "matmul_tile.comp"
	bug := shaders.Mutants[slices.IndexFunc(shaders.Mutants, func(m shaders.Mutant) bool { return m.Source == name && m.Kind == "missing tail" })]
	dir := editedCopy(t, name, bug.Old, bug.New)
	r := tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "64", "--rows", "20", "-r", "5", "--a", "variant=matmul_tile_32", "--b", "variant=matmul_tile_32,shaders="+dir)
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.err, "is wrong: matmul/")
	assert.Contains(t, r.out, "not timed")
}

// A model's own shapes, and a line for every case.
func TestKernelsBenchOfAModel(t *testing.T) {
	needGPU(t)
	path := filepath.Join(t.TempDir(), "m.gguf")
	tuff(t, "synth", "--preset", "tiny", "--type", "Q8_0", "-o", path).ok(t)
	out := tuff(t, "kernels", "bench", "matmul", "--model", path, "--rows", "1", "-r", "1", "-o", "jsonl").ok(t).out
	lines := strings.Split(strings.TrimSpace(out), "\n")
	assert.Greater(t, len(lines), 2)
	for _, l := range lines {
		var rec caseRecord
		require.NoError(t, json.Unmarshal([]byte(l), &rec))
		assert.Equal(t, "perf", rec.Mode)
		assert.True(t, rec.Supported && rec.Time > 0 && rec.FLOPs > 0 && rec.Bandwidth > 0, l)
	}
	out = tuff(t, "kernels", "test", "add", "-o", "jsonl").ok(t).out
	lines = strings.Split(strings.TrimSpace(out), "\n")
	assert.Greater(t, len(lines), 20)
	var rec caseRecord
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &rec))
	assert.True(t, rec.Mode == "test" && rec.Supported && rec.Passed && rec.Op == "add" && rec.Params != "", lines[0])
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "add", "-o", "yaml").code)
}

// The cases of a model are the groups of its program: what is timed of each is one group, on the kernels that the model would run it on.
func TestKernelsBenchOfAProgram(t *testing.T) {
	needGPU(t)
	for _, name := range []string{"mistral", "qwen3-next", "deepseek-v3", "falcon-h1", "modernbert"} {
		c := common{device: "gpu", math: "fast", model: filepath.Join("..", "..", "testdata", "oracle", name), out: io.Discard, err: io.Discard}
		dev, err := c.openLab()
		require.NoError(t, err)
		for _, n := range []int{1, 20} {
			s := labShape{rows: []int{n}, context: []int{70}}
			seen := 0
			for _, op := range []string{"matmul", "attention"} {
				all, err := s.shapes(t.Context(), &c, dev, op)
				require.NoError(t, err)
				for i := range all {
					x := all[i].part
					want, err := kernel.Choices(dev.Caps(), x.p, x.o, kernel.Shape{Tokens: n, Outputs: 1, Seqs: 1})
					require.NoError(t, err)
					at := slices.IndexFunc(want, func(c kernel.Choice) bool { return slices.Equal(c.Ops, x.ops) })
					b, err := newBench1(t.Context(), dev, op, &all[i], n, all[i].keys, "", compute.Fast)
					require.NoError(t, err, "%s: %s %s", name, x.stem, x.shape)
					got, err := kernel.Choices(dev.Caps(), b.p, b.o, kernel.Shape{Tokens: n, Outputs: 1, Seqs: 1})
					require.NoError(t, err)
					var of []int
					for g, copy := range b.copies {
						if copy == 0 {
							of = append(of, g)
						}
					}
					require.Len(t, of, 1, "%s: %s %s", name, x.stem, x.shape)
					assert.Equal(t, want[at].Kernels, got[of[0]].Kernels, "%s: %s %s of %d rows", name, x.stem, x.shape, n)
					assert.Equal(t, x.shape, b.p.NewGroup(b.measured[0]...).Shape)
					require.NoError(t, b.close())
					seen++
				}
			}
			assert.Greater(t, seen, 3, name)
		}
		require.NoError(t, dev.Close())
	}
}

// Fused ops, experts and attention at the model's shapes are checked, run and judged like any other case.
func TestKernelsBenchOfExperts(t *testing.T) {
	needGPU(t)
	path := filepath.Join("..", "..", "testdata", "oracle", "phimoe")
	var rows []kernelRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul_experts", "--model", path, "--rows", "1", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 2)
	assert.Contains(t, rows[0].Kernel, "matmul_experts_bf16")
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "attention", "--model", path, "--rows", "1", "--context", "40", "-r", "1", "--caches", "cold", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, 40, rows[0].Keys)
	assert.Greater(t, rows[0].Copies, 1)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "bench", "topk", "--model", path).code)
	_, variants := labDevice(t)
	for _, v := range variants { // on matrix units both multiplications of experts are one group
		if v.Name == "matmul_experts_coop" && v.Lacks == "" {
			require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul_experts", "--model", path, "--rows", "20", "--variant", v.Name, "-r", "1", "--json").ok(t).out), &rows))
			require.Len(t, rows, 2)
			assert.Contains(t, rows[1].Kernel, "matmul_experts_bf16_coop")
		}
	}
}

// Sides of all comparisons name a variant in the same ways.
func TestVariantsOfSides(t *testing.T) {
	for _, text := range []string{"matmul_tile_32", "matmul:matmul_tile_32"} {
		op, name, err := opAndVariant(text)
		require.NoError(t, err)
		assert.Equal(t, []string{"matmul", "matmul_tile_32"}, []string{op, name})
		side, err := parseSide("variant=" + text)
		require.NoError(t, err)
		assert.Equal(t, "matmul_tile_32", side.variant)
		s, err := new(common).parseSetting("gpu,variant=" + text)
		require.NoError(t, err)
		assert.Equal(t, map[string]string{"matmul": "matmul_tile_32"}, s.variant)
	}
	_, err := parseSide("variant=nosuch")
	assert.ErrorContains(t, err, "nosuch")
}
