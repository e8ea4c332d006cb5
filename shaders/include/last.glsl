// last: what many workgroups make together, and the one that brings the last part of it finishes. Each leaves its part in
// memory and counts it. Nobody waits for anybody, so that it does not matter in which order a device runs workgroups, and with
// parts taken in a fixed order the result is the same whoever is last.
#ifndef LAST_GLSL
#define LAST_GLSL
#include "memory.glsl"

// What other workgroups write while this one runs is read past caches that are not shared.
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer F32Shared { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) coherent buffer Counts { uint v[]; };

shared bool complete;

// bringsLast counts mine of all parts at word at, which is 0 before the first and behind the last, and says whether they are
// the last: then the parts of all workgroups are there to be read. The whole workgroup calls it, its own parts written.
bool bringsLast(uint64_t counts, uint at, uint mine, uint all) {
  memoryBarrierBuffer();
  barrier(); // the workgroup's parts are in memory before they are counted
  if (gl_LocalInvocationID.x == 0u) {
    complete = atomicAdd(Counts(counts).v[at], mine) + mine == all;
    if (complete) Counts(counts).v[at] = 0u; // for the next run
  }
  barrier(); // it is known whether they are the last
  if (complete) memoryBarrierBuffer();
  return complete;
}
#endif
