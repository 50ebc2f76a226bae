// The low-resolution half of the guided filter: window statistics, regression, averaging. See guided.h.
#include <algorithm>
#include <cstddef>
#include <vector>

#include "matte/dispatch.h"
#include "matte/guided.h"

namespace iph {
namespace {

// Sums over a window: I (3), p, I I^T (6), I p (3), p p. The largest, 1023^2 over 31 x 31 cells, is 1.0e9 and fits int32.
constexpr int kSums = 14;
constexpr int kScale = 1023;

constexpr int kBlock = 32;  // rows are skipped or worked on in blocks of this many cells; not less than kMaxRadius

struct Planes {  // what one call needs; kept for the next one
  std::vector<int32_t> quantities, columns, sums;
  std::vector<float> raw, column_mean, trusts, level;
  std::vector<double> reciprocal;
  std::vector<uint8_t> edges, windows;  // blocks with trust, and blocks whose windows such a block averages
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

// trusts = clamp(trust * var(p), 0, 1); reciprocal: 1 / number of cells in the window, by x.
IPH_INLINE void trust_row_body(const int32_t* IPH_RESTRICT sum, const int32_t* IPH_RESTRICT sum_of_squares, int w,
                               const double* IPH_RESTRICT reciprocal, double trust, float* IPH_RESTRICT trusts) {
  for (int x = 0; x < w; ++x) {
    const double mean = sum[x] * reciprocal[x] * (1.0 / kScale);
    const double variance = sum_of_squares[x] * reciprocal[x] * (1.0 / kScale) * (1.0 / kScale) - mean * mean;
    // Rounding leaves some 1e-17 where p is constant; one count of one cell is 1e-9 in the largest window.
    const double trusted = variance > 1e-10 ? variance * trust : 0.0;
    trusts[x] = static_cast<float>(trusted < 1.0 ? trusted : 1.0);
  }
}
IPH_DISPATCH(trust_row, trust_row_body,
             (const int32_t* sum, const int32_t* sum_of_squares, int w, const double* reciprocal, double trust, float* trusts),
             (sum, sum_of_squares, w, reciprocal, trust, trusts))

// sums: kSums rows, `w` apart, of `count` cells.
IPH_INLINE void regress_row_body(const int32_t* IPH_RESTRICT sums, int w, int count, const double* IPH_RESTRICT reciprocal,
                                 double epsilon, float* IPH_RESTRICT raw0, float* IPH_RESTRICT raw1, float* IPH_RESTRICT raw2,
                                 float* IPH_RESTRICT raw3) {
  for (int x = 0; x < count; ++x) {
    const double n = reciprocal[x], c = 1.0 / 255.0, s = 1.0 / kScale;
    const double m0 = sums[x] * n * c, m1 = sums[w + x] * n * c, m2 = sums[2 * w + x] * n * c, mp = sums[3 * w + x] * n * s;
    const double s00 = sums[4 * w + x] * n * c * c - m0 * m0 + epsilon, s01 = sums[5 * w + x] * n * c * c - m0 * m1;
    const double s02 = sums[6 * w + x] * n * c * c - m0 * m2, s11 = sums[7 * w + x] * n * c * c - m1 * m1 + epsilon;
    const double s12 = sums[8 * w + x] * n * c * c - m1 * m2, s22 = sums[9 * w + x] * n * c * c - m2 * m2 + epsilon;
    const double v0 = sums[10 * w + x] * n * c * s - m0 * mp, v1 = sums[11 * w + x] * n * c * s - m1 * mp;
    const double v2 = sums[12 * w + x] * n * c * s - m2 * mp;
    const double c00 = s11 * s22 - s12 * s12, c01 = s02 * s12 - s01 * s22, c02 = s01 * s12 - s02 * s11;
    const double c11 = s00 * s22 - s02 * s02, c12 = s01 * s02 - s00 * s12, c22 = s00 * s11 - s01 * s01;
    const double inverse = 1.0 / (s00 * c00 + s01 * c01 + s02 * c02);
    const double a0 = (c00 * v0 + c01 * v1 + c02 * v2) * inverse, a1 = (c01 * v0 + c11 * v1 + c12 * v2) * inverse;
    const double a2 = (c02 * v0 + c12 * v1 + c22 * v2) * inverse;
    raw0[x] = static_cast<float>(a0);
    raw1[x] = static_cast<float>(a1);
    raw2[x] = static_cast<float>(a2);
    raw3[x] = static_cast<float>(mp - a0 * m0 - a1 * m1 - a2 * m2);
  }
}
IPH_DISPATCH(regress_row, regress_row_body,
             (const int32_t* sums, int w, int count, const double* reciprocal, double epsilon, float* raw0, float* raw1, float* raw2,
              float* raw3),
             (sums, w, count, reciprocal, epsilon, raw0, raw1, raw2, raw3))

// out = t * mean over the window of raw + (1 - t) * rest, for `count` cells. The windows reach over count + 2 radius columns, of
// which the picture's border cuts off the first `skip` and the last `skip_end`; first: raw in the top row and first column that
// is there. Rows of raw are w apart. column_mean holds count + 2 radius.
IPH_INLINE void average_row_body(const float* IPH_RESTRICT first, int rows, int w, int count, int radius, int skip, int skip_end,
                                 const double* IPH_RESTRICT reciprocal, const float* IPH_RESTRICT t, const float* IPH_RESTRICT rest,
                                 float* IPH_RESTRICT column_mean, float* IPH_RESTRICT out) {
  const int width = count + 2 * radius;
  for (int x = 0; x < width; ++x) column_mean[x] = 0.0f;
  for (int y = 0; y < rows; ++y) {
    const float* IPH_RESTRICT row = first + static_cast<ptrdiff_t>(y) * w;
    for (int x = skip; x < width - skip_end; ++x) column_mean[x] += row[x - skip];
  }
  for (int x = 0; x < count; ++x) out[x] = column_mean[x];
  for (int d = 1; d <= 2 * radius; ++d) {
    for (int x = 0; x < count; ++x) out[x] += column_mean[x + d];
  }
  for (int x = 0; x < count; ++x) {
    const float mean = out[x] * static_cast<float>(reciprocal[x]);
    out[x] = t[x] * mean + (1.0f - t[x]) * (rest ? rest[x] : 0.0f);
  }
}
IPH_DISPATCH(average_row, average_row_body,
             (const float* first, int rows, int w, int count, int radius, int skip, int skip_end, const double* reciprocal,
              const float* t, const float* rest, float* column_mean, float* out),
             (first, rows, w, count, radius, skip, skip_end, reciprocal, t, rest, column_mean, out))

// One call of guided_coefficients: the steps in their order.
class Filter {
 public:
  Filter(Planes& planes, int h, int w, int radius)
      : planes_(planes), h_(h), w_(w), radius_(radius), blocks_((w + kBlock - 1) / kBlock), plane_(static_cast<size_t>(h) * w),
        padded_(static_cast<size_t>(w) + 2 * radius) {
    planes.quantities.resize(kSums * plane_);
    planes.columns.assign(kSums * padded_, 0);
    planes.sums.resize(static_cast<size_t>(kSums) * w);
    planes.raw.resize(4 * plane_);
    planes.trusts.resize(plane_);
    planes.level.resize(plane_);
    planes.column_mean.resize(padded_);
    planes.reciprocal.resize(w);
    planes.edges.assign(static_cast<size_t>(blocks_) * h, 0);
    planes.windows.assign(static_cast<size_t>(blocks_) * h, 0);
  }

  void multiply_out(const uint8_t* guide, const float* confidence) {
    for (int y = 0; y < h_; ++y) {
      int32_t* rows[kSums];
      for (int k = 0; k < kSums; ++k) rows[k] = planes_.quantities.data() + k * plane_ + at(y);
      quantities_row(guide + 3 * at(y), confidence + at(y), w_, rows, planes_.level.data() + at(y));
    }
  }

  void find_edges(double trust) {
    for (int y = -radius_; y < h_; ++y) {
      slide(y, 3);
      slide(y, 13);
      if (y < 0) continue;
      for (int k : {3, 13}) widen(columns(k), w_, radius_, sums(k));
      set_reciprocals(y);
      const float* trusts = planes_.trusts.data() + at(y);
      trust_row(sums(3), sums(13), w_, planes_.reciprocal.data(), trust, planes_.trusts.data() + at(y));
      for (int x = 0; x < w_; ++x) {
        if (trusts[x] > 0.0f) mark(y, x / kBlock);
      }
    }
    std::fill(planes_.columns.begin(), planes_.columns.end(), 0);
  }

  void regress(double epsilon) {
    for (int y = -radius_; y < h_; ++y) {
      for (int k = 0; k < kSums; ++k) slide(y, k);
      if (y < 0) continue;
      set_reciprocals(y);
      each_run(planes_.windows, y, [&](int begin, int count) {
        for (int k = 0; k < kSums; ++k) widen(columns(k) + begin, count, radius_, sums(k) + begin);
        float* raw = planes_.raw.data() + at(y) + begin;
        regress_row(planes_.sums.data() + begin, w_, count, planes_.reciprocal.data() + begin, epsilon, raw, raw + plane_,
                    raw + 2 * plane_, raw + 3 * plane_);
      });
    }
  }

  void average(float* coefficients) {
    std::fill(coefficients, coefficients + 3 * plane_, 0.0f);
    std::copy(planes_.level.begin(), planes_.level.end(), coefficients + 3 * plane_);
    for (int y = 0; y < h_; ++y) {
      set_reciprocals(y);
      const int top = std::max(y - radius_, 0), rows = std::min(y + radius_, h_ - 1) - top + 1;
      each_run(planes_.edges, y, [&](int begin, int count) {
        const int skip = std::max(radius_ - begin, 0), skip_end = std::max(begin + count + radius_ - w_, 0);
        for (int k = 0; k < 4; ++k) {
          average_row(planes_.raw.data() + k * plane_ + at(top) + (begin + skip - radius_), rows, w_, count, radius_, skip, skip_end,
                      planes_.reciprocal.data() + begin, planes_.trusts.data() + at(y) + begin,
                      k < 3 ? nullptr : planes_.level.data() + at(y) + begin, planes_.column_mean.data(),
                      coefficients + k * plane_ + at(y) + begin);
        }
      });
    }
  }

 private:
  size_t at(int y) const { return static_cast<size_t>(y) * w_; }
  int32_t* columns(int k) { return planes_.columns.data() + k * padded_; }
  int32_t* sums(int k) { return planes_.sums.data() + static_cast<size_t>(k) * w_; }

  // Column sums of quantity k over the rows of row y's window: gains row y + radius, loses row y - radius - 1.
  void slide(int y, int k) {
    const int32_t* rows = planes_.quantities.data() + k * plane_;
    if (y + radius_ < h_) accumulate(columns(k) + radius_, rows + at(y + radius_), w_, 1);
    if (y - radius_ - 1 >= 0) accumulate(columns(k) + radius_, rows + at(y - radius_ - 1), w_, -1);
  }

  void set_reciprocals(int y) {
    const int rows = std::min(y + radius_, h_ - 1) - std::max(y - radius_, 0) + 1;
    for (int x = 0; x < w_; ++x) {
      const int columns = std::min(x + radius_, w_ - 1) - std::max(x - radius_, 0) + 1;
      planes_.reciprocal[x] = 1.0 / (static_cast<double>(rows) * columns);
    }
  }

  void mark(int y, int block) {
    uint8_t& edge = planes_.edges[static_cast<size_t>(y) * blocks_ + block];
    if (edge) return;
    edge = 1;
    for (int ny = std::max(y - radius_, 0); ny <= std::min(y + radius_, h_ - 1); ++ny) {
      for (int nb = std::max(block - 1, 0); nb <= std::min(block + 1, blocks_ - 1); ++nb) {
        planes_.windows[static_cast<size_t>(ny) * blocks_ + nb] = 1;
      }
    }
  }

  // f(first cell, number of cells) for each run of marked blocks of row y.
  template <class F>
  void each_run(const std::vector<uint8_t>& marks, int y, F&& f) {
    const uint8_t* row = marks.data() + static_cast<size_t>(y) * blocks_;
    for (int first = 0; first < blocks_; ++first) {
      if (!row[first]) continue;
      int last = first;
      while (last < blocks_ && row[last]) ++last;
      f(first * kBlock, std::min(last * kBlock, w_) - first * kBlock);
      first = last;
    }
  }

  Planes& planes_;
  int h_, w_, radius_, blocks_;
  size_t plane_, padded_;
};

}  // namespace

void guided_coefficients(const uint8_t* guide, const float* confidence, int h, int w, int radius, float epsilon, float trust,
                         float* coefficients) {
  static thread_local Planes planes;
  Filter filter(planes, h, w, radius);
  filter.multiply_out(guide, confidence);
  filter.find_edges(trust);
  filter.regress(epsilon);
  filter.average(coefficients);
}

}  // namespace iph
