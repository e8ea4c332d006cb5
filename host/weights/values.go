package weights

import "slices"

// Keys are the metadata keys in the order of the file.
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Value is the metadata value of key as its Go type, or nil.
func (f *File) Value(key string) any { return f.values[key] }

// String is the value of a string key.
func (f *File) String(key string) (string, bool) { return get[string](f, key) }

// Bool is the value of a boolean key.
func (f *File) Bool(key string) (bool, bool) { return get[bool](f, key) }

// Strings is the value of an array of strings. The caller must not change it.
func (f *File) Strings(key string) ([]string, bool) { return get[[]string](f, key) }

// Bools is a list of booleans.
func (f *File) Bools(key string) ([]bool, bool) { return get[[]bool](f, key) }

func get[T any](f *File, key string) (T, bool) {
	v, ok := f.values[key].(T)
	return v, ok
}

// Uint is the value of a key of any whole number type, if it is not negative.
func (f *File) Uint(key string) (uint64, bool) {
	if v, ok := f.values[key].(uint64); ok {
		return v, true
	}
	v, ok := f.Int(key)
	return uint64(v), ok && v >= 0
}

// Int is the value of a key of any whole number type, if it fits.
func (f *File) Int(key string) (int64, bool) {
	switch v := f.values[key].(type) {
	case uint8:
		return int64(v), true
	case int8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case uint64:
		return int64(v), int64(v) >= 0
	}
	return 0, false
}

// Float is the value of a key of any number type.
func (f *File) Float(key string) (float64, bool) {
	switch v := f.values[key].(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	if v, ok := f.Uint(key); ok {
		return float64(v), true
	}
	v, ok := f.Int(key)
	return float64(v), ok
}

// Ints is the value of an array of any whole number type.
func (f *File) Ints(key string) ([]int64, bool) {
	switch v := f.values[key].(type) {
	case []uint8:
		return widen(v), true
	case []int8:
		return widen(v), true
	case []uint16:
		return widen(v), true
	case []int16:
		return widen(v), true
	case []uint32:
		return widen(v), true
	case []int32:
		return widen(v), true
	case []int64:
		return slices.Clone(v), true
	case []uint64:
		for _, x := range v {
			if int64(x) < 0 {
				return nil, false
			}
		}
		return widen(v), true
	}
	return nil, false
}

func widen[T uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64](v []T) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// Floats is the value of an array of floats.
func (f *File) Floats(key string) ([]float32, bool) {
	switch v := f.values[key].(type) {
	case []float32:
		return slices.Clone(v), true
	case []float64:
		out := make([]float32, len(v))
		for i, x := range v {
			out[i] = float32(x)
		}
		return out, true
	}
	return nil, false
}
