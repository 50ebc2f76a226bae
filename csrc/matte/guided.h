// Edge-aware upsampling of a low-resolution confidence to a full-resolution alpha: a fast colour guided filter
// (He, Sun, Tang, "Guided Image Filtering", 2013, eq. 14-16; He and Sun, "Fast Guided Filter", 2015).
//
// In every window of (2r+1)^2 low-resolution cells, cut at the borders, the confidence p is regressed on the colour I in [0, 1]:
//     a = (cov(I) + epsilon Id)^-1 cov(I, p),   b = mean(p) - a . mean(I)
// a and b are averaged over the windows that hold a cell. Two things are added to the paper. Far from an edge of p the regression has
// nothing to say about p and would only print the picture's texture into alpha. And where person and background have one colour (a
// cheek before a pale wall) it knows no edge and would only blur the one that p has. In both cases the confidence itself is kept:
//     R2 = a . cov(I, p) / var(p),   t = clamp(trust var(p), 0, 1) clamp((R2 - 0.4) / 0.3, 0, 1),   a <- t a,   b <- t b + (1 - t) p
// where R2, the share of p's variance that colour explains, and var(p) are those of the window around the cell.
//
// Cell (x, y) of w x h lies on pixel (x W / w, y H / h) of the W x H frame: where MediaPipe samples it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace iph {

constexpr int kMaxRadius = 15;
// Measured on a webcam clip (quartiles of R2): shaded cheek before a white door 0.38 to 0.60, hair 0.73 to 0.83, shoulders 0.91 to 0.96.
constexpr double kExplainedLow = 0.4, kExplainedHigh = 0.7;

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
