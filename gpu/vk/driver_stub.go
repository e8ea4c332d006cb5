//go:build !cgo || novulkan

package vk

func newDriver() (driver, error) { return nil, ErrNoCgo }
