// vadd: out[i] = a[i] + scale * b[i], through buffer addresses. Used by the tests of gpu/vk only.
// Params  a, b, out: addresses of n f32 each; n in elements; scale.   Spec 0: workgroup size.   Grid ceil(n / WG).
#version 460
#extension GL_EXT_buffer_reference : require

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint WG = 64;
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer In { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly buffer Out { float v[]; };
layout(push_constant) uniform Params { In a; In b; Out o; uint n; float scale; };

void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i < n) o.v[i] = a.v[i] + scale * b.v[i];
}
