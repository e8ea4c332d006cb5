// Package emulator runs compute modules of SPIR-V in Go the way a GPU does, and checks on the way what no GPU checks.
//
// Drivers for CPUs run a few invocations together and know matrices of 8 by 8; GPUs have subgroups of 32 or 64 and matrices of 16 by 16.
// Here both are what the caller asks for, so that what a kernel does on hardware can be seen without any. A workgroup's subgroups take
// turns from barrier to barrier in an order that changes, the invocations of one go in lockstep and join where the structure of the
// program says, and matrices lie spread over the invocations.
//
// What is checked, each a Fault that ends the dispatch:
//
//   - every access by address lies within one mapping and is aligned as the module promises
//   - invocations do not race in shared memory between two barriers, of the workgroup or of a subgroup
//   - barriers are passed by all invocations or none, and subgroup operations by what is left of a subgroup
//   - dispatches without a barrier between them do not touch the same bytes, if one of them writes
//   - workgroups of a dispatch do not touch what others of it write, unless both do so as coherent
//   - indices stay within arrays, and integers are not divided by zero
//
// Memory that nobody wrote (shared, private or mapped) holds a pattern that is no number in half and single precision, and so does every
// result that SPIR-V leaves open, such as a number shifted by more than its bits.
//
// The package knows SPIR-V and nothing of tuff's kernels. What it knows not is an error of Compile, never a guess.
//
// Sources: the SPIR-V specification 1.6, SPV_KHR_cooperative_matrix, SPV_KHR_integer_dot_product, SPV_KHR_physical_storage_buffer and the
// extended instructions for GLSL.
package emulator
