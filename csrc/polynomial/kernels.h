// The kernels in each instruction set. One source (kernels.inl) compiled once for each; cpu_path() says which to call.
#pragma once
#include <cstddef>
#include <cstdint>

#include "common/targets.h"
#include "polynomial/polynomial.h"

namespace iph {

constexpr int kMomentBlock = 2048;  // pixels whose sums are kept in float before they join the sums in double
constexpr int kFeatures = 14;      // 11 terms, then the target's 3 channels

struct Kernels {
  // Rows [begin, end) of `job`.
  void (*composite_rows)(const Composite& job, int64_t begin, int64_t end);
  // Adds sum w phi_i f_j to sums[i * 14 + j] for j >= i, f the 14 features, over `count` <= kMomentBlock pixels of planar
  // RGB. False if a weight is negative or not finite.
  bool (*moments_block)(const float* const source[3], const float* const target[3], const float* weight, int64_t count,
                        double* sums);
  // Sums over one row of cells, kEdgeCell pixels high at most, for cells [begin, end): cells[(x * 8) + k] =
  // sum of a^2 I (k = 0..2), a^2 (3), (1 - a)^2 I (4..6), (1 - a)^2 (7); image and alpha at the row's first pixel.
  void (*edge_cells)(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride, int64_t rows,
                     int64_t width, int64_t begin, int64_t end, float* cells);
};

namespace plain { extern const Kernels kernels; }
#if IPH_HAS_X86_TARGETS
namespace avx2 { extern const Kernels kernels; }
namespace avx512 { extern const Kernels kernels; }
#endif

const Kernels& kernels();  // those of cpu_path()

}  // namespace iph
