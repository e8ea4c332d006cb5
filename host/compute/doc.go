// Package compute is the seam between what knows models and what knows devices.
//
// A model is a [Program]: an ordered list of ops over named tensors, built once and polymorphic in the number of tokens.
// Ops are data (one struct per op, one file per op) with a Check; devices execute programs, so adding an op never adds a
// method to [Device]. What changes from one run to the next (token ids, positions, sequences, pages of the KV cache)
// is a [Step]; a device may therefore record a program once and replay it.
//
// Scratch tensors are written once per run (single assignment); State tensors (the KV cache) are read and written in
// program order. Devices plan scratch memory themselves and may fuse ops: [Executable.Placement] tells what they did.
//
// The package must not know any model family, file format, Vulkan word or CPU feature. It imports the standard library only.
package compute
