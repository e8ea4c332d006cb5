//go:build race

package conformance

func init() { raced = true }
