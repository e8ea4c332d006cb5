//go:build amd64 && !linux

package simd

// allowTiles: how other systems are asked for the tile registers is not known here.
func allowTiles() bool { return false }
