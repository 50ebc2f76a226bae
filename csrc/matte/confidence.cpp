#include "matte/confidence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "matte/dispatch.h"

namespace iph {
namespace {

struct Run {  // cells [begin, end) of one row
  int row, begin, end;
  int part;     // while parts grow: another run of the same part, or itself
  int cells, solid;
  bool touches_border;
};

// Parts of touching cells, found by runs: a run joins the runs of the row above that it touches.
class Parts {
 public:
  // inside(i) tells whether cell i belongs to a part. corners: cells touch at corners too, not only at sides.
  template <class Inside>
  void find(const float* confidence, int h, int w, bool corners, Inside&& inside) {
    runs_.clear();
    size_t above = 0;  // first run of the row above
    for (int y = 0; y < h; ++y) {
      const size_t here = runs_.size();
      for (int x = 0; x < w; ++x) {
        if (!inside(y * w + x)) continue;
        Run run{y, x, x, static_cast<int>(runs_.size()), 0, 0, false};
        for (; x < w && inside(y * w + x); ++x) run.solid += confidence[y * w + x] > 0.5f;
        run.end = x;
        run.cells = run.end - run.begin;
        run.touches_border = y == 0 || y == h - 1 || run.begin == 0 || run.end == w;
        runs_.push_back(run);
      }
      join_rows(above, here, corners ? 1 : 0);
      above = here;
    }
    for (size_t i = 0; i < runs_.size(); ++i) {
      Run& first = runs_[root(static_cast<int>(i))];
      if (&first == &runs_[i]) continue;
      first.cells += runs_[i].cells;
      first.solid += runs_[i].solid;
      first.touches_border |= runs_[i].touches_border;
    }
  }

  // f(run, part): for each run, with the sums of its part.
  template <class F>
  void each(F&& f) {
    for (size_t i = 0; i < runs_.size(); ++i) f(runs_[i], runs_[root(static_cast<int>(i))]);
  }

 private:
  std::vector<Run> runs_;

  int root(int run) {
    while (runs_[run].part != run) run = runs_[run].part = runs_[runs_[run].part].part;
    return run;
  }

  void join_rows(size_t above, size_t here, int reach) {
    size_t upper = above;
    for (size_t lower = here; lower < runs_.size(); ++lower) {
      while (upper < here && runs_[upper].end + reach <= runs_[lower].begin) ++upper;
      for (size_t i = upper; i < here && runs_[i].begin < runs_[lower].end + reach; ++i) {
        const int a = root(static_cast<int>(i)), b = root(static_cast<int>(lower));
        runs_[std::max(a, b)].part = std::min(a, b);
      }
    }
  }
};

// share[x]: how much of the new value is taken; difference: 3 padded rows (w + 2 cells x 3) of guide - guide_state.
IPH_INLINE void share_row_body(const float* IPH_RESTRICT above, const float* IPH_RESTRICT here, const float* IPH_RESTRICT below, Index w,
                               float rest, float low, float scale, float* IPH_RESTRICT share) {
  for (Index x = 0; x < w; ++x) {
    float motion = 0.0f;
    for (int c = 0; c < 3; ++c) {
      float sum = 0.0f;
      for (Index d = 0; d < 3; ++d) sum += above[3 * (x + d) + c] + here[3 * (x + d) + c] + below[3 * (x + d) + c];
      motion = std::max(motion, std::fabs(sum) * (1.0f / 9.0f));
    }
    share[x] = rest + (1.0f - rest) * std::min(std::max((motion - low) * scale, 0.0f), 1.0f);
  }
}
IPH_DISPATCH(share_row, share_row_body,
             (const float* above, const float* here, const float* below, Index w, float rest, float low, float scale, float* share),
             (above, here, below, w, rest, low, scale, share))

IPH_INLINE void take_row_body(const float* IPH_RESTRICT share, const uint8_t* IPH_RESTRICT guide, Index w, float* IPH_RESTRICT confidence,
                              float* IPH_RESTRICT confidence_state, float* IPH_RESTRICT guide_state) {
  for (Index x = 0; x < w; ++x) {
    const float value = confidence_state[x] + share[x] * (confidence[x] - confidence_state[x]);
    confidence[x] = confidence_state[x] = value;
    for (int c = 0; c < 3; ++c) guide_state[3 * x + c] += share[x] * (guide[3 * x + c] - guide_state[3 * x + c]);
  }
}
IPH_DISPATCH(take_row, take_row_body,
             (const float* share, const uint8_t* guide, Index w, float* confidence, float* confidence_state, float* guide_state),
             (share, guide, w, confidence, confidence_state, guide_state))

}  // namespace

void clean_confidence(float* confidence, int h, int w, float floor, float keep_fraction, int max_hole) {
  static thread_local Parts parts;  // its buffer is kept between frames
  const auto fill = [confidence, w](const Run& run, float value) {
    float* row = confidence + static_cast<size_t>(run.row) * w;
    std::fill(row + run.begin, row + run.end, value);
  };
  parts.find(confidence, h, w, true, [&](int i) { return confidence[i] > floor; });
  int largest = 0;
  parts.each([&](const Run&, const Run& part) { largest = std::max(largest, part.solid); });
  parts.each([&](const Run& run, const Run& part) {
    if (part.solid == 0 || static_cast<float>(part.solid) < keep_fraction * static_cast<float>(largest)) fill(run, 0.0f);
  });
  parts.find(confidence, h, w, false, [&](int i) { return confidence[i] < 1.0f - floor; });
  parts.each([&](const Run& run, const Run& part) {
    if (!part.touches_border && part.cells <= max_hole) fill(run, 1.0f);
  });
}

void steady_confidence(float* confidence, const uint8_t* guide, int h, int w, float rest, float motion_low, float motion_high,
                       float* confidence_state, float* guide_state) {
  static thread_local std::vector<float> differences, shares;
  const size_t padded = 3 * (static_cast<size_t>(w) + 2);
  differences.assign(padded * (h + 2), 0.0f);  // outside the picture nothing moves
  shares.resize(w);
  for (int y = 0; y < h; ++y) {
    float* row = differences.data() + padded * (y + 1) + 3;
    const size_t first = 3 * static_cast<size_t>(y) * w;
    for (int i = 0; i < 3 * w; ++i) row[i] = static_cast<float>(guide[first + i]) - guide_state[first + i];
  }
  for (int y = 0; y < h; ++y) {
    const size_t row = static_cast<size_t>(y) * w;
    const float* above = differences.data() + padded * y;
    share_row(above, above + padded, above + 2 * padded, w, rest, motion_low, 1.0f / (motion_high - motion_low), shares.data());
    take_row(shares.data(), guide + 3 * row, w, confidence + row, confidence_state + row, guide_state + 3 * row);
  }
}

}  // namespace iph
