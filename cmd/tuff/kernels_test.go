package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTilingLesson(t *testing.T) {
	needGPU(t)
	var rows []squareRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "--tile", "1,8,16,32", "--size", "128", "-r", "3", "--json").ok(t).out), &rows))
	require.Len(t, rows, 4)
	for i, tile := range []int{1, 8, 16, 32} {
		assert.Equal(t, tile, rows[i].Tile)
		assert.Equal(t, uint64(2*128*128*128/tile), rows[i].Loads, "2·S³/tile, counted by the kernel")
		assert.Equal(t, rows[i].Predicted, rows[i].LoadsPerResult)
		assert.Positive(t, rows[i].Seconds)
		assert.Positive(t, rows[i].OfFLOPs)
		assert.Positive(t, rows[i].OfBandwidth)
	}
	assert.Less(t, rows[3].Seconds, rows[0].Seconds, "time falls with the loads, 2 to 9 times on CPUs")
	// A size that no tile divides loads fewer than whole tiles would.
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "--tile", "1,16", "--size", "37", "-r", "1", "--json").ok(t).out), &rows))
	assert.Equal(t, uint64(2*37*37*37), rows[0].Loads)
	assert.Less(t, rows[1].Loads, rows[0].Loads/8)
	// Without any shape, kernels and tiles are shown one after the other.
	text := tuff(t, "kernels", "bench", "matmul", "-r", "1").ok(t).out
	for _, want := range []string{"Q8_0 2048×2048", "matmul_naive", "matmul_square_32", "33554432", "512.00"} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, exitUsage, tuff(t, "kernels", "bench", "matmul", "--tile", "1", "--size", "0").code)
	assert.Equal(t, exitError, tuff(t, "kernels", "bench", "matmul", "--tile", "5").code)
}

func TestKernelsBench(t *testing.T) {
	needGPU(t)
	var rows []kernelRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "256", "--rows", "1,20", "--type", "q4_k", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 2)
	assert.Contains(t, rows[0].Kernel, laneOr(t, "matmul_q4_k_vec")) // of exact arithmetic
	assert.Contains(t, rows[1].Kernel, laneOr(t, "matmul_q4_k_tile"))
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "attention", "--context", "70", "--rows", "1", "--variant", "attention_split", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Contains(t, rows[0].Kernel, "attention_combine")
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "attention", "--context", "70", "--rows", "1", "--variant", "attention_joined", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, "attention_decode_joined_4", rows[0].Kernel)
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "512", "--rows", "20", "--variant", "matmul_tile_32,matmul_tile_split", "-r", "1", "--json").ok(t).out), &rows))
	require.Len(t, rows, 2)
	assert.Equal(t, "matmul_q8_0_tile_32", rows[0].Kernel)
	assert.Equal(t, "matmul_q8_0_tile_32_k3+matmul_join", rows[1].Kernel)
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "256", "--rows", "1", "-r", "1", "--variant", "all", "--json").ok(t).out), &rows))
	names, chosen := map[string]bool{}, ""
	for _, r := range rows {
		assert.False(t, names[r.Kernel], "%s twice", r.Kernel)
		names[r.Kernel] = true
		assert.NotEmpty(t, r.Tier, r.Kernel)
		assert.Positive(t, r.OfLimit, r.Kernel)
		assert.GreaterOrEqual(t, r.OfLimit, r.OfBandwidth, r.Kernel)
		chosen += r.Chosen
	}
	assert.True(t, names[laneOr(t, "matmul_q8_0_vec")+"_1"] && names["matmul_q8_0_tile_32"], "%v", names)
	assert.Equal(t, 1, strings.Count(chosen, "exact"))
	assert.Equal(t, 1, strings.Count(chosen, "fast"))
	r := tuff(t, "kernels", "bench", "matmul", "-m", "64", "-k", "250")
	assert.Equal(t, exitUsage, r.code)
	assert.Contains(t, r.err, "250")
	assert.Equal(t, exitUsage, tuff(t, "kernels", "bench", "matmul", "--type", "Q9").code)
}

func TestKernelsTest(t *testing.T) {
	needGPU(t)
	var rows []testRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", "rmsnorm", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Greater(t, rows[0].Passed, 20)
	assert.Empty(t, rows[0].Failed)
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", "--variant", "attention_split", "--json").ok(t).out), &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, "attention", rows[0].Op)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "nosuch").code)
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "--variant", "nosuch").code)
	breakShader(t, "rmsnorm")
	r := tuff(t, "kernels", "test", "rmsnorm")
	assert.Equal(t, exitGate, r.code)
	assert.Contains(t, r.out, "failed rmsnorm/")
}

func TestKernelsList(t *testing.T) {
	needGPU(t)
	out := tuff(t, "kernels", "list").ok(t).out
	for _, v := range []string{"matmul_vec", "matmul_tile_64", "attention_split", "rope_kvstore", "HERE"} {
		assert.Contains(t, out, v)
	}
	var rows []choiceRow
	require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "list", "-m", filepath.Join("..", "..", "testdata", "oracle", "mistral"), "--rows", "1,40", "--json").ok(t).out), &rows))
	seen := map[string]int{}
	for _, r := range rows {
		assert.NotEmpty(t, r.Kernels)
		assert.NotEmpty(t, r.Why)
		if strings.Contains(r.Op, "matmul") {
			seen[strings.Join(r.Kernels, " ")] += r.Groups
			assert.NotEmpty(t, r.Others)
		}
	}
	assert.Greater(t, len(seen), 3, "few rows and many run on other kernels: %v", seen)
	assert.Contains(t, tuff(t, "kernels", "list", "-m", filepath.Join("..", "..", "testdata", "oracle", "mistral"), "--rows", "40", "--why").ok(t).out, "not matmul_vec")
}

// A few of the planted bugs of tuff kernels test --mutate, which finds them all.
func TestKernelsMutate(t *testing.T) {
	needGPU(t)
	dir := needGLSLC(t)
	for _, op := range []string{"add", "rmsnorm"} {
		var rows []mutantRow
		require.NoError(t, json.Unmarshal([]byte(tuff(t, "kernels", "test", op, "--mutate", "--shaders", dir, "--json").ok(t).out), &rows))
		require.NotEmpty(t, rows)
		for _, r := range rows {
			assert.True(t, r.Found, "%s: %s", r.Source, r.Old)
			assert.Contains(t, r.By, op)
		}
	}
	assert.Equal(t, exitUsage, tuff(t, "kernels", "test", "nosuch", "--mutate", "--shaders", dir).code)
	assert.Equal(t, exitError, tuff(t, "kernels", "test", "--mutate", "--shaders", t.TempDir()).code)
}
