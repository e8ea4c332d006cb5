// good: reverses every 64 values, divides and counts: s = v / d, then v[i] = s of the mirrored place + i
// Params    v: n uint32 values by buffer address; d: the divisor
// Grid      (n/64, 1, 1), 64 invocations a workgroup; n is a multiple of 64
// Shared    256 bytes
// Compile   glslc --target-env=vulkan1.2 -O -o good.spv good.comp
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
layout(local_size_x = 64) in;
layout(buffer_reference, std430) buffer Values { uint v[]; };
layout(push_constant) uniform Params { uvec2 v; uint d; } p;
shared uint s[64];
void main() {
	uint i = gl_GlobalInvocationID.x, l = gl_LocalInvocationID.x;
	s[l] = Values(p.v).v[i] / p.d;
	barrier(); // separates the writes of s from the reads by other invocations
	Values(p.v).v[i] = s[63u - l] + i;
}
