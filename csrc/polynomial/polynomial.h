// The colour polynomial of iph_rt: 11 terms (Afifi et al. 2019, "When Color Constancy Goes Wrong"), RGB in [0, 1]
//
//     phi(R, G, B) = (R, G, B, RG, RB, GB, R^2, G^2, B^2, RGB, 1)        P(x) = C^T phi(x), C is 11 x 3
//
// Fit (fit.h), from weighted moments A = sum w phi phi^T (11 x 11) and T = sum w phi y^T (11 x 3) of source x and target y:
//
//     C = argmin sum w |C^T phi - y|^2 / sum w + ridge |C - I|^2,   I the coefficients of P(x) = x
//
// Use, with a guard against extrapolation: with d^2 = (x - center)^T precision (x - center),
//
//     P'(x) = clamp(x + g(d^2) (P(x) - x)),   g = smoothstep from 1 at d = kGuardInner to 0 at d = kGuardOuter
#pragma once
#include <cstddef>
#include <cstdint>

namespace iph {

constexpr int kTerms = 11;
// In standard deviations of the fitted colours. Photographs have colours that far out (small bright or vivid parts) that the
// fit has seen: on 12 strong changes of light of a group photograph's parts, no guard gave 47.5 dB, fading from 5.5 on
// 46.9, from 4.5 on 46.0, from 3.5 on 45.1. Twice as far out nothing of the change is left.
constexpr double kGuardInner = 4.5;
constexpr double kGuardOuter = 9.0;

// One polynomial made ready for pixels of 0..255 whose channels (x, y, z) come in the order of the image.
// Terms of `delta` in the order x, y, z, xy, xz, yz, xx, yy, zz, xyz, 1: P(x) - x in 0..255 for each channel of the image.
// Terms of `falloff`, the same without xyz: (outer^2 - d^2) / (outer^2 - inner^2), to be clamped to [0, 1].
struct PackedPolynomial {
  float delta[3][kTerms];
  float falloff[kTerms - 1];
};

// coefficients 11 x 3 row-major for RGB in [0, 1], center 3, precision 3 x 3; bgr: the image has blue first.
PackedPolynomial pack_polynomial(const double* coefficients, const double* center, const double* precision, bool bgr);

// Estimates of clean colours at a low resolution, planes in rows: value of plane p at row y, column x is
// values[(y * 6 + p) * width + x]; planes 0..2 foreground, 3..5 old background, 0..255, in the image's order of channels.
// Each value stands for a cell of kEdgeCell x kEdgeCell pixels, at its centre.
constexpr int kEdgeCell = 16;
struct EdgeView {
  const float* values;
  int64_t height;
  int64_t width;
};

// Rows may lie any number of bytes apart; pixels of a row are dense (3 bytes, or 1 for alpha).
struct Composite {
  const uint8_t* foreground;
  const uint8_t* alpha;       // null: 255 everywhere
  const uint8_t* background;  // null if and only if alpha is
  uint8_t* out;               // may be background or, without alpha, foreground
  ptrdiff_t foreground_stride, alpha_stride, background_stride, out_stride;
  int64_t height, width;
  PackedPolynomial polynomial;
  EdgeView edge;  // values null: no decontamination
};

// out = a P'(F) + (1 - a) B, each in 0..255, rounded to nearest; a = alpha / 255. With `edge`, pixels with 0 < a < 1 take
// F = clamp(F^ + a (I - a F^ - (1 - a) B^)) in the place of their own colour I (Forte 2021, "Approximate Fast Foreground
// Colour Estimation", eq. 4), with F^ and B^ interpolated bilinearly from the cells. Same result for any number of threads.
void apply_composite(const Composite& job, int threads);

// Fills edge cells (height = ceil(H / kEdgeCell), width likewise; values for height * 6 * width floats) for an image and alpha:
// F^ = blur(a^2 I) / blur(a^2), B^ = blur((1 - a)^2 I) / blur((1 - a)^2). Squared, unlike Forte's, because the mixed pixels
// that a weight of a would let in carry the other side's colour. Cells far from any 0 < a < 1 are left at 0: nobody reads them.
void edge_colors(const uint8_t* image, ptrdiff_t image_stride, const uint8_t* alpha, ptrdiff_t alpha_stride, int64_t height,
                 int64_t width, float* values, int threads);

}  // namespace iph
