package gpu_test

import (
	"testing"

	"tuff/gpu"
	"tuff/host/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, openGPU(t, gpu.Options{}), openCPU(t), conformance.Options{Short: testing.Short()})
}
