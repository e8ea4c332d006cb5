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
