// indirect: make the records of indirect dispatches anew after the step has changed on the device.
//   record[i] = indirectCounts(i), include/indirect.glsl
// Shapes    step: the step buffer; records at word STEP_HEADER
// Params    address of the step buffer, twice: as read and as written
// Spec      0 WG: power of two
// Grid      one workgroup
// Shared    none
// Source    twin of the end of EncodeStep, gpu/kernel/step.go
#version 460
#include "include/indirect.glsl"

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 8;

layout(push_constant) uniform Params {
  U32In step;
  U32Out o;
};

void main() {
  for (uint i = gl_LocalInvocationID.x; i < step.v[STEP_RECORDS]; i += WG) {
    uvec3 n = indirectCounts(step, i);
    o.v[STEP_HEADER + 3u * i] = n.x;
    o.v[STEP_HEADER + 3u * i + 1u] = n.y;
    o.v[STEP_HEADER + 3u * i + 2u] = n.z;
  }
}
