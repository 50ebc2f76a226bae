// The low-resolution half of the guided filter: window statistics, regression, averaging. See guided.h.
#include <algorithm>
#include <cmath>
#include <vector>

#include "matte/dispatch.h"
#include "matte/guided.h"

namespace iph {
namespace {

// Sums over a window: I (3), p, I I^T (6), I p (3), p p. The largest, 1023^2 over 31 x 31 cells, is 1.0e9 and fits int32.
constexpr int kSums = 14;
constexpr int kScale = 1023;

struct Planes {  // what one call needs; kept for the next one
  std::vector<int32_t> quantities, columns, sums;
  std::vector<float> raw, column_mean, trusts, level;
  std::vector<double> reciprocal;
};

IPH_INLINE void multiply(const int32_t* IPH_RESTRICT a, const int32_t* IPH_RESTRICT b, int w, int32_t* IPH_RESTRICT out) {
  for (int x = 0; x < w; ++x) out[x] = a[x] * b[x];
}

// q[k]: row of quantity k, in the order of the sums.
IPH_INLINE void quantities_row_body(const uint8_t* IPH_RESTRICT guide, const float* IPH_RESTRICT confidence, int w,
                                    int32_t* const* q, float* IPH_RESTRICT level) {
  for (int c = 0; c < 3; ++c) {
    int32_t* IPH_RESTRICT channel = q[c];
    for (int x = 0; x < w; ++x) channel[x] = guide[3 * x + c];
  }
  int32_t* IPH_RESTRICT p = q[3];
  for (int x = 0; x < w; ++x) {
    const float low = confidence[x] > 0.0f ? confidence[x] : 0.0f;
    p[x] = static_cast<int32_t>((low < 1.0f ? low : 1.0f) * kScale + 0.5f);
    level[x] = static_cast<float>(p[x]) * (1.0f / kScale);
  }
  constexpr int pairs[kSums - 4][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}, {0, 3}, {1, 3}, {2, 3}, {3, 3}};
  for (int k = 4; k < kSums; ++k) multiply(q[pairs[k - 4][0]], q[pairs[k - 4][1]], w, q[k]);
}
IPH_DISPATCH(quantities_row, quantities_row_body,
             (const uint8_t* guide, const float* confidence, int w, int32_t* const* q, float* level),
             (guide, confidence, w, q, level))

// columns[x] += sign * row[x]
IPH_INLINE void accumulate_body(int32_t* IPH_RESTRICT columns, const int32_t* IPH_RESTRICT row, int w, int sign) {
  if (sign > 0) {
    for (int x = 0; x < w; ++x) columns[x] += row[x];
  } else {
    for (int x = 0; x < w; ++x) columns[x] -= row[x];
  }
}
IPH_DISPATCH(accumulate, accumulate_body, (int32_t* columns, const int32_t* row, int w, int sign), (columns, row, w, sign))

// columns has radius zeros on either side of its w values.
IPH_INLINE void widen_body(const int32_t* IPH_RESTRICT columns, int w, int radius, int32_t* IPH_RESTRICT sums) {
  for (int x = 0; x < w; ++x) sums[x] = columns[x];
  for (int d = 1; d <= 2 * radius; ++d) {
    for (int x = 0; x < w; ++x) sums[x] += columns[x + d];
  }
}
IPH_DISPATCH(widen, widen_body, (const int32_t* columns, int w, int radius, int32_t* sums), (columns, w, radius, sums))

// sums: kSums rows of w. reciprocal: 1 / number of cells in the window, by x.
IPH_INLINE void regress_row_body(const int32_t* IPH_RESTRICT sums, int w, const double* IPH_RESTRICT reciprocal, double epsilon,
                                 double trust, float* IPH_RESTRICT raw0, float* IPH_RESTRICT raw1, float* IPH_RESTRICT raw2,
                                 float* IPH_RESTRICT raw3, float* IPH_RESTRICT trusts) {
  for (int x = 0; x < w; ++x) {
    const double n = reciprocal[x], c = 1.0 / 255.0, s = 1.0 / kScale;
    const double m0 = sums[x] * n * c, m1 = sums[w + x] * n * c, m2 = sums[2 * w + x] * n * c, mp = sums[3 * w + x] * n * s;
    const double s00 = sums[4 * w + x] * n * c * c - m0 * m0 + epsilon, s01 = sums[5 * w + x] * n * c * c - m0 * m1;
    const double s02 = sums[6 * w + x] * n * c * c - m0 * m2, s11 = sums[7 * w + x] * n * c * c - m1 * m1 + epsilon;
    const double s12 = sums[8 * w + x] * n * c * c - m1 * m2, s22 = sums[9 * w + x] * n * c * c - m2 * m2 + epsilon;
    const double v0 = sums[10 * w + x] * n * c * s - m0 * mp, v1 = sums[11 * w + x] * n * c * s - m1 * mp;
    const double v2 = sums[12 * w + x] * n * c * s - m2 * mp, variance = sums[13 * w + x] * n * s * s - mp * mp;
    const double c00 = s11 * s22 - s12 * s12, c01 = s02 * s12 - s01 * s22, c02 = s01 * s12 - s02 * s11;
    const double c11 = s00 * s22 - s02 * s02, c12 = s01 * s02 - s00 * s12, c22 = s00 * s11 - s01 * s01;
    const double inverse = 1.0 / (s00 * c00 + s01 * c01 + s02 * c02);
    const double a0 = (c00 * v0 + c01 * v1 + c02 * v2) * inverse, a1 = (c01 * v0 + c11 * v1 + c12 * v2) * inverse;
    const double a2 = (c02 * v0 + c12 * v1 + c22 * v2) * inverse;
    raw0[x] = static_cast<float>(a0);
    raw1[x] = static_cast<float>(a1);
    raw2[x] = static_cast<float>(a2);
    raw3[x] = static_cast<float>(mp - a0 * m0 - a1 * m1 - a2 * m2);
    // Rounding leaves some 1e-17 where p is constant; one count of one cell is 1e-9 in the largest window.
    const double trusted = variance > 1e-10 ? variance * trust : 0.0;
    trusts[x] = static_cast<float>(trusted < 1.0 ? trusted : 1.0);
  }
}
IPH_DISPATCH(regress_row, regress_row_body,
             (const int32_t* sums, int w, const double* reciprocal, double epsilon, double trust, float* raw0, float* raw1, float* raw2,
              float* raw3, float* trusts),
             (sums, w, reciprocal, epsilon, trust, raw0, raw1, raw2, raw3, trusts))

// Mean of raw over rows first..last (w columns), then over 2 radius + 1 columns; column_mean has radius zeros on either side.
IPH_INLINE void average_row_body(const float* IPH_RESTRICT raw, int first, int last, int w, int radius,
                                 const double* IPH_RESTRICT reciprocal, float* IPH_RESTRICT column_mean, float* IPH_RESTRICT out) {
  float* centre = column_mean + radius;
  for (int x = 0; x < w; ++x) centre[x] = raw[static_cast<size_t>(first) * w + x];
  for (int y = first + 1; y <= last; ++y) {
    for (int x = 0; x < w; ++x) centre[x] += raw[static_cast<size_t>(y) * w + x];
  }
  for (int x = 0; x < w; ++x) out[x] = column_mean[x];
  for (int d = 1; d <= 2 * radius; ++d) {
    for (int x = 0; x < w; ++x) out[x] += column_mean[x + d];
  }
  for (int x = 0; x < w; ++x) out[x] *= static_cast<float>(reciprocal[x]);
}
IPH_DISPATCH(average_row, average_row_body,
             (const float* raw, int first, int last, int w, int radius, const double* reciprocal, float* column_mean, float* out),
             (raw, first, last, w, radius, reciprocal, column_mean, out))

void window_reciprocals(int y, int h, int w, int radius, std::vector<double>& reciprocal) {
  const int rows = std::min(y + radius, h - 1) - std::max(y - radius, 0) + 1;
  for (int x = 0; x < w; ++x) {
    const int columns = std::min(x + radius, w - 1) - std::max(x - radius, 0) + 1;
    reciprocal[x] = 1.0 / (static_cast<double>(rows) * columns);
  }
}

}  // namespace

void guided_coefficients(const uint8_t* guide, const float* confidence, int h, int w, int radius, float epsilon, float trust,
                         float* coefficients) {
  static thread_local Planes planes;
  const size_t plane = static_cast<size_t>(h) * w, padded = static_cast<size_t>(w) + 2 * radius;
  planes.quantities.resize(kSums * plane);
  planes.columns.assign(kSums * padded, 0);
  planes.sums.resize(static_cast<size_t>(kSums) * w);
  planes.raw.resize(4 * plane);
  planes.trusts.resize(plane);
  planes.level.resize(plane);
  planes.column_mean.assign(padded, 0.0f);
  planes.reciprocal.resize(w);

  for (int y = 0; y < h; ++y) {
    const size_t row = static_cast<size_t>(y) * w;
    int32_t* rows[kSums];
    for (int k = 0; k < kSums; ++k) rows[k] = planes.quantities.data() + k * plane + row;
    quantities_row(guide + 3 * row, confidence + row, w, rows, planes.level.data() + row);
  }
  for (int y = -radius; y < h; ++y) {  // row y's window gains row y + radius and loses row y - radius - 1
    for (int k = 0; k < kSums; ++k) {
      int32_t* columns = planes.columns.data() + k * padded + radius;
      const int32_t* rows = planes.quantities.data() + k * plane;
      if (y + radius < h) accumulate(columns, rows + static_cast<size_t>(y + radius) * w, w, 1);
      if (y - radius - 1 >= 0) accumulate(columns, rows + static_cast<size_t>(y - radius - 1) * w, w, -1);
      if (y >= 0) widen(columns - radius, w, radius, planes.sums.data() + static_cast<size_t>(k) * w);
    }
    if (y < 0) continue;
    window_reciprocals(y, h, w, radius, planes.reciprocal);
    const size_t row = static_cast<size_t>(y) * w;
    float* raw = planes.raw.data() + row;
    regress_row(planes.sums.data(), w, planes.reciprocal.data(), epsilon, trust, raw, raw + plane, raw + 2 * plane, raw + 3 * plane,
                planes.trusts.data() + row);
  }
  for (int y = 0; y < h; ++y) {
    window_reciprocals(y, h, w, radius, planes.reciprocal);
    const size_t row = static_cast<size_t>(y) * w;
    const float* t = planes.trusts.data() + row;
    const float* p = planes.level.data() + row;
    for (int k = 0; k < 4; ++k) {
      float* out = coefficients + k * plane + row;
      average_row(planes.raw.data() + k * plane, std::max(y - radius, 0), std::min(y + radius, h - 1), w, radius,
                  planes.reciprocal.data(), planes.column_mean.data(), out);
      for (int x = 0; x < w; ++x) out[x] = k < 3 ? t[x] * out[x] : t[x] * out[x] + (1.0f - t[x]) * p[x];
    }
  }
}

}  // namespace iph
