package vk

import (
	"errors"
	"fmt"
)

// Result is a VkResult.
type Result int32

// The results that the engine tells apart.
const (
	Success                    Result = 0
	NotReady                   Result = 1
	Timeout                    Result = 2
	Incomplete                 Result = 5
	ErrorOutOfHostMemory       Result = -1
	ErrorOutOfDeviceMemory     Result = -2
	ErrorInitializationFailed  Result = -3
	ErrorDeviceLost            Result = -4
	ErrorMemoryMapFailed       Result = -5
	ErrorLayerNotPresent       Result = -6
	ErrorExtensionNotPresent   Result = -7
	ErrorFeatureNotPresent     Result = -8
	ErrorIncompatibleDriver    Result = -9
	ErrorTooManyObjects        Result = -10
	ErrorFragmentedPool        Result = -12
	ErrorUnknown               Result = -13
	ErrorInvalidExternalHandle Result = -1000072003
	ErrorInvalidDeviceAddress  Result = -1000257000
	ErrorInvalidShader         Result = -1000012000
	ErrorPipelineCompileNeeded Result = 1000297000
	ErrorValidationFailed      Result = -1000011001
	ErrorNotPermitted          Result = -1000174001
	ErrorCompressionExhausted  Result = -1000338000
	errorEntryPointMissing     Result = -2000000001 // ours: a function that the driver should have is absent
	errorStreamMalformed       Result = -2000000002 // ours: the C replay met a word it does not know
)

var resultTexts = map[Result]string{
	Success: "success", NotReady: "not ready", Timeout: "timeout", Incomplete: "incomplete",
	ErrorOutOfHostMemory: "out of host memory", ErrorOutOfDeviceMemory: "out of device memory",
	ErrorInitializationFailed: "initialization failed", ErrorDeviceLost: "device lost",
	ErrorMemoryMapFailed: "memory map failed", ErrorLayerNotPresent: "layer not present",
	ErrorExtensionNotPresent: "extension not present", ErrorFeatureNotPresent: "feature not present",
	ErrorIncompatibleDriver: "incompatible driver", ErrorTooManyObjects: "too many objects",
	ErrorFragmentedPool: "fragmented pool", ErrorUnknown: "unknown error",
	ErrorInvalidExternalHandle: "invalid external handle", ErrorInvalidDeviceAddress: "invalid device address",
	ErrorInvalidShader: "invalid shader", ErrorPipelineCompileNeeded: "pipeline compile required",
	ErrorValidationFailed: "validation failed", ErrorNotPermitted: "not permitted",
	ErrorCompressionExhausted: "compression exhausted", errorEntryPointMissing: "entry point missing",
	errorStreamMalformed: "malformed op stream",
}

func (r Result) String() string {
	if s, ok := resultTexts[r]; ok {
		return s
	}
	return fmt.Sprintf("result %d", int32(r))
}

// Why there is no GPU to use. Each is an ordinary answer: the caller may go on with the CPU.
var (
	ErrNoCgo    = errors.New("built without cgo or with the tag novulkan: no Vulkan in this program")
	ErrNoLoader = errors.New("no Vulkan loader on this machine")
	ErrNoDriver = errors.New("no Vulkan driver on this machine")
	ErrNoDevice = errors.New("no Vulkan device on this machine")
)

// What can go wrong with a device that is there. errors.Is finds them in an *Error.
var (
	ErrOutOfDeviceMemory = errors.New("out of device memory")
	ErrOutOfHostMemory   = errors.New("out of host memory")
	ErrDeviceLost        = errors.New("device lost")
	ErrTimeout           = errors.New("timeout")
	ErrNotReady          = errors.New("not ready")
	ErrUnsupported       = errors.New("not supported by this device")
	ErrInvalid           = errors.New("invalid argument")
	ErrClosed            = errors.New("closed")
)

// Error is a failed step: the Vulkan call, its result, what was being done (Detail: verb, object, size, device) and what
// else helps (Note). Call is empty where the step was refused before any call was made.
type Error struct {
	Call   string
	Result Result
	Detail string
	Note   string
}

func (e *Error) Error() string {
	s := "vk: "
	if e.Detail != "" {
		s += e.Detail + ": "
	}
	if e.Call != "" {
		s += e.Call + ": "
	}
	s += e.Result.String()
	if e.Note != "" {
		s += " (" + e.Note + ")"
	}
	return s
}

// Is matches the sentinels above by result.
func (e *Error) Is(target error) bool {
	switch e.Result {
	case ErrorOutOfDeviceMemory:
		return target == ErrOutOfDeviceMemory
	case ErrorOutOfHostMemory:
		return target == ErrOutOfHostMemory
	case ErrorDeviceLost:
		return target == ErrDeviceLost
	case Timeout:
		return target == ErrTimeout
	case NotReady:
		return target == ErrNotReady
	case ErrorFeatureNotPresent, ErrorExtensionNotPresent, ErrorLayerNotPresent:
		return target == ErrUnsupported
	}
	return false
}

// invalid reports bad input, before any call is made.
func invalid(format string, args ...any) error {
	return fmt.Errorf("vk: %w: %w", fmt.Errorf(format, args...), ErrInvalid)
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("vk: %w: %w", fmt.Errorf(format, args...), ErrUnsupported)
}

// Bytes prints a size as people read it: 2.1 GiB, 64.0 MiB, 512 B.
func Bytes(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
