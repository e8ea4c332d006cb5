package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"tuff/host/compute"
)

// A model moves to the CPU only when auto chose a device that lacks a kernel for it.
func TestOnlyAutoMoves(t *testing.T) {
	lacks := fmt.Errorf("engine: compile: %w", &compute.UnsupportedError{Device: "gpu", Label: "blk.0.attn", Stem: "attention", What: "got heads of 9999"})
	assert.True(t, (&common{device: "auto"}).mayMove(lacks))
	assert.False(t, (&common{device: "auto", strict: true}).mayMove(lacks), "--strict")
	assert.False(t, (&common{device: "gpu"}).mayMove(lacks), "asked for")
	assert.False(t, (&common{device: "auto"}).mayMove(errors.New("out of memory")))
	assert.False(t, (&common{device: "auto"}).mayMove(nil))
}

// Where auto cannot take a hardware GPU that is there, it says so, and with --strict that is an error.
func TestStrictLeavesNoGPU(t *testing.T) {
	dev, why, err := (&common{device: "auto"}).leave("too small")
	assert.Nil(t, dev)
	assert.Equal(t, "too small", why)
	assert.NoError(t, err)
	dev, _, err = (&common{device: "auto", strict: true}).leave("too small")
	assert.Nil(t, dev)
	assert.EqualError(t, err, "--strict: auto would take the CPU: too small")
}

// Every command that reads a model takes the common flags, and an empty name is no wish for the embedded model.
func TestCommonFlags(t *testing.T) {
	all := []string{"--device", "cpu", "--math", "exact", "-t", "1", "--strict", "--json", "-v"}
	const messages = `{"messages":[{"role":"user","content":"Hi"}]}`
	for _, c := range []struct {
		name, stdin string
		args        []string
	}{
		{"inspect", "", nil},
		{"tokenize", `{"text":"Hi"}`, nil},
		{"template", messages, nil},
		{"logits", `{"ids":[1]}`, nil},
		{"perplexity", "Once upon a time", []string{"-f", "-"}},
		{"run", "", []string{"-n", "1", "Hi"}},
	} {
		args := append([]string{c.name}, c.args...)
		plain := tuffIn(t, c.stdin, append(args, all...)...).ok(t)
		assert.NotEmpty(t, plain.out, c.name)
		empty := tuffIn(t, c.stdin, append(args, "-m", "")...)
		assert.Equal(t, exitUsage, empty.code, c.name)
		assert.Contains(t, lastLine(empty.err), "--model: got nothing")
		assert.Empty(t, empty.out)
	}
	for _, name := range []string{"inspect", "tokenize", "template"} {
		assert.NotContains(t, tuff(t, name, "--help").ok(t).out, "--device", "nothing runs there")
	}
	extra := tuff(t, "tokenize", "model.gguf")
	assert.Equal(t, exitUsage, extra.code)
	assert.Contains(t, lastLine(extra.err), `tokenize: got the argument "model.gguf", want flags only`)
}
