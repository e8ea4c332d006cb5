package weights

import (
	"runtime/metrics"
	"testing"
)

// FuzzGGUF: any bytes give a typed error or a file whose every part can be used, with memory in proportion.
func FuzzGGUF(f *testing.F) {
	data := sample()
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte(header(0, 0)))
	f.Add([]byte(header(2, 0).tensor("a", 0, 0, 16).tensor("b", 2, 64, 32).data(96)))
	f.Add([]byte(header(1, 1).key("general.alignment", typeU32).u32(64).tensor("t", 12, 0, 256, 2).data(512)))
	f.Add([]byte(header(0, 1).key("k", typeArray).u32(typeArray).u64(1).u32(typeString).u64(2).str("a").str("b")))
	f.Fuzz(func(t *testing.T, data []byte) {
		allocs := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
		metrics.Read(allocs)
		before := allocs[0].Value.Uint64()
		file, err := OpenBytes("fuzz", data)
		metrics.Read(allocs)
		if used := allocs[0].Value.Uint64() - before; used > uint64(8*len(data)+16<<20) {
			t.Fatalf("%d bytes took %d of memory", len(data), used)
		}
		if err != nil {
			if !typed(err) {
				t.Fatalf("untyped error: %v", err)
			}
			return
		}
		use(file)
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
