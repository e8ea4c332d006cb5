// Package vk is tuff's hold on Vulkan: it opens the loader, describes and opens devices, owns handles, turns every VkResult
// into an error, and replays recorded op streams in one C call. It is the only package with cgo and unsafe.
//
// Layers, top to bottom:
//
//	Instance, Device, Buffer, Pipeline, …   plain Go: validation, errors, fault injection, live object counts
//	driver.go                               the Vulkan entry points used, as three interfaces
//	driver_cgo*.go, vkx.c, vkx.h            those interfaces over a C file of our own, with its own function tables
//	binding_goki.go, binding_vulkango.go    the calls that take one create-info, through a Go binding
//	emulated*.go                            the same interfaces over package emulator: devices without Vulkan
//
// Why the split in two below driver.go: the binding's functions that take slices of structs free their C arguments from a
// finalizer while the call runs, and the binding ends at Vulkan 1.0. So only its single-struct calls are used, and only in
// the two binding files (build tag vulkango picks the second); everything else is in vkx.c, which needs no Vulkan headers.
// Without cgo, or with the build tag novulkan, Open answers ErrNoCgo but for emulated devices, and nothing else of the package can be reached.
//
// Memory is reached through buffer device addresses only, so there are no descriptor sets here. One queue is used per
// device, from a family without graphics where there is one: it does not stand behind the desktop's compositor, and drivers
// give such queues longer watchdogs. Submissions are counted by one timeline semaphore; a Ticket is its value.
//
// The package must not know tensors, ops, models or purposes of memory, and it reads no environment variable.
package vk
