//go:build !cgo || novulkan

package vk

func newDriver() (driver, error) { return nil, ErrNoCgo }

// Binding names the Go binding that this program was built with: none.
const Binding = ""
