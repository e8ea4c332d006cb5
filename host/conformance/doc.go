// Package conformance is the op suite: one list of cases, run by every compute.Device. A device calls [Run] in its tests;
// tuff kernels test runs [Cases] one by one.
//
// A case is a small program with inputs made from a seed. What it must give is worked out here in float64 from the
// textbook's formulas (naive*.go), element by element and independent of both devices, so that they cannot share a mistake.
// With every value goes a proven bound of the error that float32 arithmetic in any order may make on the way, so that
// a fused kernel, a whole layer and a single op are judged by one rule: |got − want| ≤ bound, and NaN fails.
// The reference device is asked only for what has no textbook form: the decoding of the rarer weight formats, and long
// programs where the bound says too little.
//
// Outputs hold NaN before a run, so that an element left unwritten fails. Memory next to the inputs (rows in front of
// a tensor, pages of nobody, slots after the last key) holds NaN too, so that reading past the end fails.
//
// The package must not know what a device is made of: it sees compute's interfaces only. It imports the standard library
// and host/compute.
package conformance
