// Package shaders holds the compute kernels: GLSL sources, the manifest that says how each is compiled, and the compiled
// SPIR-V, embedded. No compiler is needed to build or run the engine; go run ./shaders/gen makes spv anew, and the tests
// fail when it is stale.
//
// A module is reached by name. Kernels take one block of push constants with the addresses of all they touch (buffer
// device addresses; there are no descriptor sets) and specialization constants for sizes; the head of each source says
// what they mean. The package must not know Vulkan's API, ops or models: it imports the standard library only.
package shaders

import (
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"
)

//go:embed spv/*.spv
var spv embed.FS

// magic begins every SPIR-V module.
const magic = 0x07230203

// Module is the SPIR-V of a module of the manifest, in words of the machine's order.
func Module(name string) ([]uint32, error) {
	b, err := spv.ReadFile("spv/" + name + ".spv")
	if err != nil {
		return nil, fmt.Errorf("shaders: load %q: no such module", name)
	}
	return Words(name, b)
}

// words copies: embedded bytes have no alignment.
// Words are the words of a SPIR-V module, in the machine's order; name is for the error.
func Words(name string, b []byte) ([]uint32, error) {
	if len(b) < 20 || len(b)%4 != 0 || binary.LittleEndian.Uint32(b) != magic {
		return nil, fmt.Errorf("shaders: load %q: got %d bytes that are no SPIR-V", name, len(b))
	}
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return w, nil
}

//go:embed manifest.json
var made []byte

// Hash identifies the whole set of modules and what Specialize makes of them, for caches of what was made from them. It is taken of the
// modules' hashes that the generator wrote down, not of the modules: a start needs it, and would have to read 16 MB of which it runs a tenth.
var Hash = sync.OnceValue(func() string {
	h := sha256.New()
	fmt.Fprintln(h, "specialize", specializes)
	h.Write(made)
	return hex.EncodeToString(h.Sum(nil))
})
