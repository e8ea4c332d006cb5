// race: good.comp without its barrier, so that shared memory is read while others write it
// Params    v: n uint32 values by buffer address; d: the divisor
// Grid      (n/64, 1, 1), 64 invocations a workgroup; n is a multiple of 64
// Shared    256 bytes
// Compile   glslc --target-env=vulkan1.2 -O -o race.spv race.comp
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
	Values(p.v).v[i] = s[63u - l] + i;
}
