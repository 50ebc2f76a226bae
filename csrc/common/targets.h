// Compiles a region of one file for a wider instruction set than the rest of the extension. Use:
//
//     #include <everything the region needs>      // first: inline functions of the library must stay baseline code
//     IPH_TARGET_AVX2_BEGIN
//     namespace iph::avx2 { ... }                 // a namespace of its own, internal linkage inside
//     IPH_TARGET_END
//
// Only functions that cpu_path() guards may call into the region.
#pragma once

#if (defined(__x86_64__) || defined(__amd64__)) && (defined(__GNUC__) || defined(__clang__))
#define IPH_HAS_X86_TARGETS 1
#else
#define IPH_HAS_X86_TARGETS 0
#endif

#if IPH_HAS_X86_TARGETS && defined(__clang__)
#define IPH_TARGET_AVX2_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx2,fma\"))), apply_to = function)")
#define IPH_TARGET_AVX512_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512vl,avx512dq,avx2,fma\"))), apply_to = function)")
#define IPH_TARGET_END _Pragma("clang attribute pop")
#elif IPH_HAS_X86_TARGETS
#define IPH_TARGET_AVX2_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma\")")
#define IPH_TARGET_AVX512_BEGIN \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512\")")
#define IPH_TARGET_END _Pragma("GCC pop_options")
#endif
