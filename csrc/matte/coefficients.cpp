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
  std::vector<float> raw, column_sum, row_sum, trusts, level, zeros;
  std::vector<double> reciprocal;
  std::vector<uint8_t> edges, windows;  // blocks with trust, and blocks whose windows such a block averages
};

IPH_INLINE void multiply(const int32_t* IPH_RESTRICT a, const int32_t* IPH_RESTRICT b, Index w, int32_t* IPH_RESTRICT out) {
  for (Index x = 0; x < w; ++x) out[x] = a[x] * b[x];
}

// p and p p in whole numbers, and p as it is then in [0, 1].
IPH_INLINE void confidence_row_body(const float* IPH_RESTRICT confidence, Index w, int32_t* IPH_RESTRICT p, int32_t* IPH_RESTRICT pp,
                                    float* IPH_RESTRICT level) {
  for (Index x = 0; x < w; ++x) {
    const float low = confidence[x] > 0.0f ? confidence[x] : 0.0f;
    p[x] = static_cast<int32_t>((low < 1.0f ? low : 1.0f) * kScale + 0.5f);
    pp[x] = p[x] * p[x];
    level[x] = static_cast<float>(p[x]) * (1.0f / kScale);
  }
}
IPH_DISPATCH(confidence_row, confidence_row_body, (const float* confidence, Index w, int32_t* p, int32_t* pp, float* level),
             (confidence, w, p, pp, level))

// q[k]: row of quantity k, in the order of the sums; p and p p are there already.
IPH_INLINE void products_row_body(const uint8_t* IPH_RESTRICT guide, Index w, int32_t* const* q) {
  for (int c = 0; c < 3; ++c) {
    int32_t* IPH_RESTRICT channel = q[c];
    for (Index x = 0; x < w; ++x) channel[x] = guide[3 * x + c];
  }
  constexpr int pairs[9][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}, {0, 3}, {1, 3}, {2, 3}};
  for (int k = 0; k < 9; ++k) multiply(q[pairs[k][0]], q[pairs[k][1]], w, q[4 + k]);
}
IPH_DISPATCH(products_row, products_row_body, (const uint8_t* guide, Index w, int32_t* const* q), (guide, w, q))

// columns[x] += sign * row[x]
IPH_INLINE void accumulate_body(int32_t* IPH_RESTRICT columns, const int32_t* IPH_RESTRICT row, Index w, int sign) {
  if (sign > 0) {
    for (Index x = 0; x < w; ++x) columns[x] += row[x];
  } else {
    for (Index x = 0; x < w; ++x) columns[x] -= row[x];
  }
}
IPH_DISPATCH(accumulate, accumulate_body, (int32_t* columns, const int32_t* row, Index w, int sign), (columns, row, w, sign))

// sums[x] = columns[x] + ... + columns[x + 2 radius]. The usual radius has its own loop: one pass in registers.
template <class T>
IPH_INLINE void widen_body(const T* IPH_RESTRICT columns, Index count, Index radius, T* IPH_RESTRICT sums) {
  if (radius == 3) {
    for (Index x = 0; x < count; ++x) {
      sums[x] = ((columns[x] + columns[x + 1]) + (columns[x + 2] + columns[x + 3])) +
                ((columns[x + 4] + columns[x + 5]) + columns[x + 6]);
    }
    return;
  }
  for (Index x = 0; x < count; ++x) sums[x] = columns[x];
  for (Index d = 1; d <= 2 * radius; ++d) {
    for (Index x = 0; x < count; ++x) sums[x] += columns[x + d];
  }
}
IPH_DISPATCH(widen, widen_body, (const int32_t* columns, Index count, Index radius, int32_t* sums), (columns, count, radius, sums))

// trusts = clamp(trust * var(p), 0, 1); reciprocal: 1 / number of cells in the window, by x.
IPH_INLINE void trust_row_body(const int32_t* IPH_RESTRICT sum, const int32_t* IPH_RESTRICT sum_of_squares, Index w,
                               const double* IPH_RESTRICT reciprocal, double trust, float* IPH_RESTRICT trusts) {
  for (Index x = 0; x < w; ++x) {
    const double mean = sum[x] * reciprocal[x] * (1.0 / kScale);
    const double variance = sum_of_squares[x] * reciprocal[x] * (1.0 / kScale) * (1.0 / kScale) - mean * mean;
    // Rounding leaves some 1e-17 where p is constant; one count of one cell is 1e-9 in the largest window.
    const double trusted = variance > 1e-10 ? variance * trust : 0.0;
    trusts[x] = static_cast<float>(trusted < 1.0 ? trusted : 1.0);
  }
}
IPH_DISPATCH(trust_row, trust_row_body,
             (const int32_t* sum, const int32_t* sum_of_squares, Index w, const double* reciprocal, double trust, float* trusts),
             (sum, sum_of_squares, w, reciprocal, trust, trusts))

// sums: kSums rows, `stride` apart, of `count` cells. Lowers trusts where colour does not explain the confidence.
IPH_INLINE void regress_row_body(const int32_t* IPH_RESTRICT sums, Index stride, Index count, const double* IPH_RESTRICT reciprocal,
                                 double epsilon, float* IPH_RESTRICT raw0, float* IPH_RESTRICT raw1, float* IPH_RESTRICT raw2,
                                 float* IPH_RESTRICT raw3, float* IPH_RESTRICT trusts) {
  for (Index x = 0; x < count; ++x) {
    const double n = reciprocal[x], c = 1.0 / 255.0, s = 1.0 / kScale;
    const double m0 = sums[x] * n * c, m1 = sums[stride + x] * n * c, m2 = sums[2 * stride + x] * n * c, mp = sums[3 * stride + x] * n * s;
    const double s00 = sums[4 * stride + x] * n * c * c - m0 * m0 + epsilon, s01 = sums[5 * stride + x] * n * c * c - m0 * m1;
    const double s02 = sums[6 * stride + x] * n * c * c - m0 * m2, s11 = sums[7 * stride + x] * n * c * c - m1 * m1 + epsilon;
    const double s12 = sums[8 * stride + x] * n * c * c - m1 * m2, s22 = sums[9 * stride + x] * n * c * c - m2 * m2 + epsilon;
    const double v0 = sums[10 * stride + x] * n * c * s - m0 * mp, v1 = sums[11 * stride + x] * n * c * s - m1 * mp;
    const double v2 = sums[12 * stride + x] * n * c * s - m2 * mp;
    const double c00 = s11 * s22 - s12 * s12, c01 = s02 * s12 - s01 * s22, c02 = s01 * s12 - s02 * s11;
    const double c11 = s00 * s22 - s02 * s02, c12 = s01 * s02 - s00 * s12, c22 = s00 * s11 - s01 * s01;
    const double inverse = 1.0 / (s00 * c00 + s01 * c01 + s02 * c02);
    const double a0 = (c00 * v0 + c01 * v1 + c02 * v2) * inverse, a1 = (c01 * v0 + c11 * v1 + c12 * v2) * inverse;
    const double a2 = (c02 * v0 + c12 * v1 + c22 * v2) * inverse;
    raw0[x] = static_cast<float>(a0);
    raw1[x] = static_cast<float>(a1);
    raw2[x] = static_cast<float>(a2);
    raw3[x] = static_cast<float>(mp - a0 * m0 - a1 * m1 - a2 * m2);
    const double variance = sums[13 * stride + x] * n * s * s - mp * mp;
    const double explained = (a0 * v0 + a1 * v1 + a2 * v2) / (variance > 1e-10 ? variance : 1.0);
    const double share = (explained - kExplainedLow) / (kExplainedHigh - kExplainedLow);
    const double positive = share > 0.0 ? share : 0.0;
    trusts[x] *= static_cast<float>(positive < 1.0 ? positive : 1.0);
  }
}
IPH_DISPATCH(regress_row, regress_row_body,
             (const int32_t* sums, Index stride, Index count, const double* reciprocal, double epsilon, float* raw0, float* raw1, float* raw2,
              float* raw3, float* trusts),
             (sums, stride, count, reciprocal, epsilon, raw0, raw1, raw2, raw3, trusts))

// out = t * mean over the window of raw + (1 - t) * rest, for `count` cells. The windows reach over count + 2 radius columns, of
// which the picture's border cuts off the first `skip` and the last `skip_end`; first: raw in the top row and first column that
// is there. Rows of raw are w apart. column_sum holds count + 2 radius.
IPH_INLINE void average_row_body(const float* IPH_RESTRICT first, Index rows, Index w, Index count, Index radius, Index skip, Index skip_end,
                                 const double* IPH_RESTRICT reciprocal, const float* IPH_RESTRICT t, const float* IPH_RESTRICT rest,
                                 float* IPH_RESTRICT column_sum, float* IPH_RESTRICT sums, float* IPH_RESTRICT out) {
  const Index width = count + 2 * radius;
  for (Index x = 0; x < width; ++x) column_sum[x] = 0.0f;
  for (Index y = 0; y < rows; ++y) {
    const float* IPH_RESTRICT row = first + y * w;
    for (Index x = skip; x < width - skip_end; ++x) column_sum[x] += row[x - skip];
  }
  widen_body(static_cast<const float*>(column_sum), count, radius, sums);
  for (Index x = 0; x < count; ++x) out[x] = t[x] * (sums[x] * static_cast<float>(reciprocal[x])) + (1.0f - t[x]) * rest[x];
}
IPH_DISPATCH(average_row, average_row_body,
             (const float* first, Index rows, Index w, Index count, Index radius, Index skip, Index skip_end, const double* reciprocal,
              const float* t, const float* rest, float* column_sum, float* sums, float* out),
             (first, rows, w, count, radius, skip, skip_end, reciprocal, t, rest, column_sum, sums, out))

// One call of guided_coefficients: the steps in their order.
class Filter {
 public:
  Filter(Planes& planes, int h, int w, int radius)
      : planes_(planes), h_(h), w_(w), radius_(radius), ring_(2 * radius + 2), blocks_((w + kBlock - 1) / kBlock), plane_(static_cast<size_t>(h) * w),
        padded_(static_cast<size_t>(w) + 2 * radius) {
    planes.quantities.resize(kSums * ring_ * w);
    planes.columns.assign(kSums * padded_, 0);
    planes.sums.resize(static_cast<size_t>(kSums) * w);
    planes.raw.resize(4 * plane_);
    planes.trusts.resize(plane_);
    planes.level.resize(plane_);
    planes.column_sum.resize(padded_);
    planes.row_sum.resize(w);
    planes.zeros.assign(w, 0.0f);
    planes.reciprocal.resize(w);
    planes.edges.assign(static_cast<size_t>(blocks_) * h, 0);
    planes.windows.assign(static_cast<size_t>(blocks_) * h, 0);
  }

  void find_edges(const float* confidence, double trust) {
    for (int y = -radius_; y < h_; ++y) {
      const int next = y + radius_;
      if (next < h_) confidence_row(confidence + at(next), w_, row(3, next), row(13, next), planes_.level.data() + at(next));
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

  void regress(const uint8_t* guide, const float* confidence, double epsilon) {
    for (int y = -radius_; y < h_; ++y) {
      const int next = y + radius_;
      if (next < h_) {
        int32_t* rows[kSums];
        for (int k = 0; k < kSums; ++k) rows[k] = row(k, next);
        confidence_row(confidence + at(next), w_, rows[3], rows[13], planes_.level.data() + at(next));
        products_row(guide + 3 * at(next), w_, rows);
      }
      for (int k = 0; k < kSums; ++k) slide(y, k);
      if (y < 0) continue;
      set_reciprocals(y);
      each_run(planes_.windows, y, [&](int begin, int count) {
        for (int k = 0; k < kSums; ++k) widen(columns(k) + begin, count, radius_, sums(k) + begin);
        float* raw = planes_.raw.data() + at(y) + begin;
        regress_row(planes_.sums.data() + begin, w_, count, planes_.reciprocal.data() + begin, epsilon, raw, raw + plane_,
                    raw + 2 * plane_, raw + 3 * plane_, planes_.trusts.data() + at(y) + begin);
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
                      k < 3 ? planes_.zeros.data() : planes_.level.data() + at(y) + begin, planes_.column_sum.data(),
                      planes_.row_sum.data(),
                      coefficients + k * plane_ + at(y) + begin);
        }
      });
    }
  }

 private:
  size_t at(int y) const { return static_cast<size_t>(y) * w_; }
  // Row y of quantity k; only the last 2 radius + 2 rows are kept, so that they stay in the cache.
  int32_t* row(int k, int y) { return planes_.quantities.data() + (static_cast<size_t>(k) * ring_ + y % ring_) * w_; }
  int32_t* columns(int k) { return planes_.columns.data() + k * padded_; }
  int32_t* sums(int k) { return planes_.sums.data() + static_cast<size_t>(k) * w_; }

  // Column sums of quantity k over the rows of row y's window: gains row y + radius, loses row y - radius - 1.
  void slide(int y, int k) {
    if (y + radius_ < h_) accumulate(columns(k) + radius_, row(k, y + radius_), w_, 1);
    if (y - radius_ - 1 >= 0) accumulate(columns(k) + radius_, row(k, y - radius_ - 1), w_, -1);
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
  int h_, w_, radius_, ring_, blocks_;
  size_t plane_, padded_;  // cells of the picture; columns with their zeros on either side
};

}  // namespace

void guided_coefficients(const uint8_t* guide, const float* confidence, int h, int w, int radius, float epsilon, float trust,
                         float* coefficients) {
  static thread_local Planes planes;
  Filter filter(planes, h, w, radius);
  filter.find_edges(confidence, trust);
  filter.regress(guide, confidence, epsilon);
  filter.average(coefficients);
}

}  // namespace iph
