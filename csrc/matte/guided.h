// Edge-aware upsampling of a low-resolution confidence to a full-resolution alpha: a fast colour guided filter
// (He, Sun, Tang, "Guided Image Filtering", 2013, eq. 14-16; He and Sun, "Fast Guided Filter", 2015).
//
// In every window of (2r+1)^2 low-resolution cells, cut at the borders, the confidence p is regressed on the colour I in [0, 1]:
//     a = (cov(I) + epsilon Id)^-1 cov(I, p),   b = mean(p) - a . mean(I)
// a and b are averaged over the windows that hold a cell. Far from an edge of p the regression has nothing to say about p and
// would only print the picture's texture into alpha, so both fade to the confidence itself as the window's variance of p falls:
//     t = clamp(trust * var(p), 0, 1),   a <- t a,   b <- t b + (1 - t) p
//
// Cell (x, y) of w x h lies on pixel (x W / w, y H / h) of the W x H frame: where MediaPipe samples it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iph {

constexpr int kMaxRadius = 15;

// guide: h x w x 3 uint8, confidence: h x w in [0, 1] (held to 1/1023), coefficients: 4 x h x w (a0, a1, a2, b).
// 1 <= radius <= kMaxRadius, epsilon > 0, trust >= 0. Box sums are exact integers: the same input gives the same bits.
void guided_coefficients(const uint8_t* guide, const float* confidence, int h, int w, int radius, float epsilon, float trust,
                         float* coefficients);

struct AlphaJob {
  const uint8_t* frame;     // H x W x 3, channels as in the guide
  ptrdiff_t frame_stride;   // bytes from row to row
  int height, width;
  const float* coefficients;
  int h, w;
  float low, high;          // alpha = clamp((a . I + b - low) / (high - low)); 0 <= low < high <= 1
  uint8_t* alpha;           // H x W
  ptrdiff_t alpha_stride;
};

// Cells where a = 0 and b is <= low or >= high are filled with 0 or 255; pixels are read only in between. Rows on threads.
void guided_alpha(const AlphaJob& job, int threads);

}  // namespace iph
