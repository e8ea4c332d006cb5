// memory: the kinds of memory that kernels reach through buffer device addresses. No descriptor set is ever bound, so no
// limit on a binding's size applies. buffer_reference_align is the alignment that every address of the kind has; the
// loads promise the driver no more. Marks: restrict, because no op works in place (host/compute checks aliasing).
#ifndef MEMORY_GLSL
#define MEMORY_GLSL
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_control_flow_attributes : require

layout(buffer_reference, std430, buffer_reference_align = 4) restrict readonly buffer F32In { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) restrict readonly buffer F32x4In { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) restrict writeonly buffer F32Out { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) restrict readonly buffer U16In { uint16_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) restrict writeonly buffer U16Out { uint16_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) restrict readonly buffer U32In { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) restrict readonly buffer U32x2In { uvec2 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) restrict readonly buffer U32x4In { uvec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) restrict readonly buffer U64In { uint64_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) restrict writeonly buffer U32Out { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) restrict buffer U32InOut { uint v[]; };

// No kernel relies on infinities: a driver may assume that there are none. NEG stands for minus infinity.
const float NEG = -1.0e30;
#endif
