// Compiles one body of plain loops for AVX-512, AVX2 and the baseline (SSE2, or NEON on aarch64) and calls the one that
// cpu_path() names. Nothing else of the translation unit is compiled for the wider sets.
//
//     IPH_INLINE void body(int n, float* x) { ... }
//     IPH_DISPATCH(kernel, body, (int n, float* x), (n, x))        // defines: static void kernel(int n, float* x)
#pragma once
#include <cstddef>

#include "common/cpu.h"
#include "common/targets.h"

namespace iph {
// What loops count with: under -fwrapv, with which Python builds its extensions, an int may wrap inside an address, and loops over
// rows that lie `stride` apart are then not vectorised.
using Index = ptrdiff_t;
}  // namespace iph

#if defined(__GNUC__) || defined(__clang__)
#define IPH_INLINE static inline __attribute__((always_inline))
#define IPH_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define IPH_INLINE static __forceinline
#define IPH_RESTRICT __restrict
#else
#define IPH_INLINE static inline
#define IPH_RESTRICT
#endif

#if IPH_HAS_X86_TARGETS
#define IPH_DISPATCH(name, body, parameters, arguments)                                                                \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))) static void name##_avx512 parameters {        \
    body arguments;                                                                                                    \
  }                                                                                                                    \
  __attribute__((target("avx2,fma"))) static void name##_avx2 parameters { body arguments; }                           \
  static void name parameters {                                                                                        \
    switch (cpu_path()) {                                                                                              \
      case CpuPath::avx512: return name##_avx512 arguments;                                                            \
      case CpuPath::avx2: return name##_avx2 arguments;                                                                \
      case CpuPath::plain: break;                                                                                      \
    }                                                                                                                  \
    body arguments;                                                                                                    \
  }
#else
#define IPH_DISPATCH(name, body, parameters, arguments) \
  static void name parameters { body arguments; }
#endif
