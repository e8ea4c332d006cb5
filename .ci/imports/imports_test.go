package imports

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryImportIsAllowed(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	findings, files, imports, err := scan(root)
	require.NoError(t, err)
	for _, f := range findings {
		t.Error(f)
	}
	// A scan that saw nothing would pass as well.
	assert.Greater(t, files, 10)
	assert.Greater(t, imports, 20)
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		file, imported string
		allowed        bool
	}{
		{"host/compute/op.go", "fmt", true},
		{"host/compute/op.go", "golang.org/x/sys/cpu", false},
		{"host/compute/op.go", "tuff/host/weights", false},
		{"host/compute/op.go", "tuff/fallback", false},
		{"host/compute/op.go", "unsafe", false},
		{"host/compute/op_test.go", "github.com/stretchr/testify/assert", true},
		{"host/compute/op.go", "github.com/stretchr/testify/assert", false},
		{"host/weights/gguf.go", "tuff/host/model", false},
		{"host/weights/gguf/reader.go", "tuff/host/weights", true},
		{"host/weights/mmap_unix.go", "unsafe", true},
		{"host/weights/gguf.go", "unsafe", false},
		{"host/model/llama.go", "tuff/host/compute", true},
		{"host/model/llama.go", "tuff/gpu", false},
		{"host/model/llama_test.go", "tuff/fallback", true},
		{"host/model/llama_test.go", "tuff/cmd/tuff", false},
		{"host/engine/generate.go", "github.com/goki/vulkan", false},
		{"host/conformance/suite.go", "tuff/gpu", false},
		{"gpu/device.go", "tuff/gpu/vk", true},
		{"gpu/device.go", "tuff/shaders", true},
		{"gpu/device.go", "tuff/host/model", false},
		{"gpu/device.go", "tuff/fallback", false},
		{"gpu/device_test.go", "tuff/fallback", true},
		{"gpu/device.go", "C", false},
		{"gpu/device.go", "github.com/goki/vulkan", false},
		{"gpu/device_test.go", "github.com/goki/vulkan", false},
		{"gpu/vk/binding_goki.go", "github.com/goki/vulkan", true},
		{"gpu/vk/vkx.go", "C", true},
		{"gpu/vk/vkx.go", "tuff/host/compute", false},
		{"gpu/memory/pool.go", "tuff/gpu/vk", true},
		{"gpu/memory/pool.go", "tuff/gpu", false},
		{"shaders/embed.go", "embed", true},
		{"shaders/embed.go", "tuff/host/compute", false},
		{"fallback/matmul.go", "tuff/fallback/quant", true},
		{"fallback/matmul.go", "tuff/gpu", false},
		{"fallback/matmul.go", "tuff/host/weights", false},
		{"cmd/tuff/run.go", "tuff/gpu", true},
		{"cmd/tuff/run.go", "tuff/fallback", true},
		{"cmd/tuff/run.go", "github.com/spf13/cobra", true},
		{"cmd/tuff/run.go", "unsafe", false},
		{"server/main.go", "fmt", false},
	} {
		f := check(c.file, c.imported)
		assert.Equal(t, c.allowed, f == nil, "%s imports %s: %v", c.file, c.imported, f)
	}
}
