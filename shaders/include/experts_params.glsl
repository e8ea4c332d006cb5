// experts_params: parameters of multiplications in tiles of the uses of one expert (experts.glsl).
#ifndef EXPERTS_PARAMS_GLSL
#define EXPERTS_PARAMS_GLSL
layout(push_constant) uniform Params {
  F32In x;
  Row w;
  Row w1;
  F32In bias;
  F32In b1;
  U32In order;
  U32In tiles;
  F32Out o;
#ifdef CODEBOOK
  U32In codebook;
#endif
  uint slots;
  uint used;
  uint n;
  uint k;
  uint rowBytes;
};
#endif
